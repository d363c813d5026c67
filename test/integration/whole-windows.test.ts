// Goal: minutes and hours that are counted as entries come in are those that rollups would make, and are made only where
// all is known of them.
// Method: random histories of an agent that catches up (splits, late entries, two servers, rollups, deletions amidst) on
// a real PostgreSQL; what stands clean is computed anew by rollups and compared.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pino } from 'pino';
import type { Entry } from '../../schema/log-batch.js';
import { emptyTops, heaviest } from '../../server/core/sketches/tops.js';
import { decodeTopsInto } from '../../server/core/sketches/tops-column.js';
import { PARTS } from '../../server/core/windows/breakdown.js';
import { Ingest } from '../../server/ingest/index.js';
import { PART_COLUMNS } from '../../server/store/sql/breakdown.sql.js';
import { entry } from '../support/entries.js';
import { Statistics } from '../support/statistics.js';

const BASE = Date.UTC(2024, 0, 31, 22, 58, 30);
const HOUR_MS = 3_600_000;

let statistics: Statistics;
beforeAll(async () => {
  statistics = await Statistics.start();
});
afterAll(() => statistics.close());

type Step =
  | { kind: 'append'; seconds: number; lines: number; late: number }
  | { kind: 'roll up' }
  | { kind: 'another server' }
  | { kind: 'delete'; back: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('append'),
        seconds: fc.constantFrom(0, 5, 50, 200, 700, 2_000, 9_000),
        lines: fc.integer({ min: 1, max: 60 }),
        late: fc.constantFrom(0, 0, 0, 20, 300, 5_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('roll up', 'another server') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), back: fc.integer({ min: 0, max: 90 }) }) },
  ),
  { minLength: 4, maxLength: 14 },
) as fc.Arbitrary<Step[]>;

const entryAt = (timeMs: number, i: number): Entry =>
  entry({
    timeMs,
    host: `192.0.2.${(i * 7) % 50}`,
    target: `/${i % 4}/${i % 9}`,
    status: [200, 200, 404, 500][i % 4],
    bytes: (i * 7_919) % 100_000,
    durationMs: i % 3 === 0 ? null : (i * 31) % 900,
  });

/** An agent that reads a log whose lines are mostly in order. */
class History {
  private nowMs = BASE;
  private lines = 0;
  private agentId = '';
  private servers = [0, 1].map(() => new Ingest(statistics.db, pino({ level: 'silent' }), () => undefined));

  constructor(private readonly tenantId: string) {}

  async apply(step: Step): Promise<void> {
    if (step.kind === 'append') await this.append(step);
    else if (step.kind === 'another server') this.servers.reverse();
    else if (step.kind === 'roll up') await statistics.rollUpAll();
    else if (this.agentId !== '') await this.delete(step.back);
  }

  private async append({ seconds, lines, late }: { seconds: number; lines: number; late: number }): Promise<void> {
    const entries = Array.from({ length: lines }, (_, i) =>
      entryAt(this.nowMs + Math.floor((i * seconds) / lines) * 1_000 - (i % 10 === 9 ? late : 0) * 1_000, this.lines++),
    );
    this.nowMs += seconds * 1_000;
    this.agentId = await statistics.appendTo(this.servers[0], this.tenantId, 'reader', entries);
  }

  private async delete(minutesBack: number): Promise<void> {
    const toMs = Math.floor(this.nowMs / 60_000 - minutesBack) * 60_000;
    const spans = [{ fromMs: toMs - 60_000, toMs }];
    await statistics.deletion.deleteTraffic({
      tenantId: this.tenantId,
      agentIds: [this.agentId],
      spans,
      includeLogs: false,
      dryRun: false,
    });
  }

  /** Minutes and hours that stand, and neither they nor what they are made of is marked. */
  clean(): Promise<Record<string, unknown>[]> {
    const columns = PARTS.map((part) => `encode(b.${PART_COLUMNS[part]}, 'hex') AS ${PART_COLUMNS[part]}`).join(', ');
    return statistics.db.ownerSql(
      `SELECT w.resolution, w.start_ms, w.hits, w.bytes, w.success, w.client_error, w.server_error, w.peak, ${columns}
       FROM traffic_window w LEFT JOIN traffic_breakdown b USING (tenant_id, agent_id, resolution, start_ms)
       WHERE w.tenant_id = $1 AND w.agent_id = $2 AND w.resolution IN (60, 3600) AND NOT EXISTS (
         SELECT FROM rollup_mark m WHERE m.tenant_id = w.tenant_id AND m.agent_id = w.agent_id
           AND m.resolution <= w.resolution AND m.start_ms >= w.start_ms AND m.start_ms < w.start_ms + w.resolution * 1000)
       ORDER BY 1, 2`,
      [this.tenantId, this.agentId],
    );
  }

  /** Has all of these computed anew. */
  async rollUpAnew(): Promise<void> {
    await statistics.db.ownerSql(
      `INSERT INTO rollup_mark (tenant_id, agent_id, resolution, start_ms)
       SELECT tenant_id, agent_id, resolution, start_ms FROM traffic_window
       WHERE tenant_id = $1 AND agent_id = $2 AND resolution IN (60, 3600) ON CONFLICT DO NOTHING`,
      [this.tenantId, this.agentId],
    );
    await statistics.rollUpAll();
  }
}

/** Keys of tops stand in the order in which they were first seen, which differs: what a column holds, whatever the order. */
const sorted = (row: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      name.startsWith('top_') && typeof value === 'string' ? listed(value) : value,
    ]),
  );

function listed(hex: string): unknown {
  const tops = emptyTops();
  decodeTopsInto(tops, Buffer.from(hex, 'hex'));
  return heaviest(tops, 1_000);
}

test('what is counted at ingest is what rollups make of it', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const agent = new History(await statistics.newTenant());
      for (const step of history) await agent.apply(step);
      const counted = await agent.clean();
      await agent.rollUpAnew();
      const keyOf = ({ resolution, start_ms }: Record<string, unknown>) => `${resolution} ${start_ms}`;
      const rolled = new Map((await agent.clean()).map((row) => [keyOf(row), sorted(row)]));
      for (const row of counted) expect(sorted(row)).toEqual(rolled.get(keyOf(row)));
    }),
    { numRuns: 40 },
  );
});

test('of an agent that catches up all that is over is clean, without any rollup', async () => {
  const agent = new History(await statistics.newTenant());
  for (let i = 0; i < 20; i++) await agent.apply({ kind: 'append', seconds: 700, lines: 60, late: 0 });
  const rows = await agent.clean();
  const hours = rows.filter(({ resolution }) => resolution === 3_600).map(({ start_ms }) => start_ms);
  // From 22:58:30 on, 20 × 700 s: the hours from 22:00 to 02:00, that from 02:00 on is open.
  expect(hours).toEqual([0, 1, 2, 3].map((hour) => Date.UTC(2024, 0, 31, 22) + hour * HOUR_MS));
});
