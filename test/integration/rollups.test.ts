// Goal: traffic of any span, step and resolution is that of the entries, whatever the rollups have done of it yet.
// Method: random appends, deletions, rollups (whole, killed amidst, not at all) on a real PostgreSQL against brute force.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Entry } from '../../schema/log-batch.js';
import type { TrafficAnswer } from '../../server/api/traffic/loader.js';
import { alignToKept } from '../../server/core/rollup/plan.js';
import { PARTS } from '../../server/core/windows/breakdown.js';
import { ApiError } from '../../server/errors.js';
import { expireWindows } from '../../server/rollup/index.js';
import type { Bucket } from '../../server/store/traffic/buckets.js';
import { commonFloors } from '../../server/store/traffic/ranges.js';
import { bruteForce, figuresOf, wrongTops } from '../support/brute-force.js';
import { entry } from '../support/entries.js';
import { Statistics } from '../support/statistics.js';

/** Half a minute before a leap year's February: windows of every width begin soon after. */
const BASE = Date.UTC(2024, 0, 31, 23, 59, 30);
const DAY_MS = 86_400_000;
/** About the last of `times`. */
const LATEST = BASE + 59 * DAY_MS + 5 * 3_600_000;
const AGENTS = ['first', 'second'];

const times = fc
  .record({
    day: fc.constantFrom(0, 0, 1, 2, 29, 30, 59),
    hour: fc.constantFrom(0, 0, 1, 5),
    second: fc.integer({ min: 0, max: 150 }),
  })
  .map(({ day, hour, second }) => BASE + day * DAY_MS + hour * 3_600_000 + second * 1_000);

const someEntries = fc.array(
  fc
    .record({
      timeMs: times,
      host: fc.integer({ min: 0, max: 40 }).map((n) => `192.0.2.${n}`),
      target: fc.constantFrom('/', '/api/user', '/api/user?id=1', '/static/a.css', '/x'),
      status: fc.constantFrom(200, 301, 404, 500),
      bytes: fc.integer({ min: 0, max: 100_000 }),
      durationMs: fc.option(fc.double({ min: 0, max: 5_000, noNaN: true })),
    })
    .map(entry),
  { minLength: 1, maxLength: 60 },
);

const spans = fc
  .tuple(times, times, fc.constantFrom(0, 10_000, 3_600_000, DAY_MS, 40 * DAY_MS))
  .map(([a, b, more]) => ({ fromMs: Math.min(a, b) - more, toMs: Math.max(a, b) + more + 1 }))
  .map(({ fromMs, toMs }) => ({
    fromMs: Math.floor(fromMs / 10_000) * 10_000,
    toMs: Math.ceil(toMs / 10_000) * 10_000,
  }));

const actions = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('append'), agent: fc.constantFrom(...AGENTS), entries: someEntries }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('roll up', 'kill') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('expire'),
      days: fc.array(fc.integer({ min: 0, max: 62 }), { minLength: 8, maxLength: 8 }),
      killed: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('delete'), span: spans, agents: fc.subarray(AGENTS, { minLength: 1 }) }),
  },
) as fc.Arbitrary<Action>;
type Action =
  | { kind: 'append'; agent: string; entries: Entry[] }
  | { kind: 'roll up' | 'kill' }
  | { kind: 'expire'; days: number[]; killed: boolean }
  | { kind: 'delete'; span: Span; agents: string[] };
type Span = { fromMs: number; toMs: number };

const SHAPES = [
  { step: null, resolution: null },
  { step: 3_600, resolution: null },
  { step: 86_400, resolution: null },
  { step: 86_400, resolution: 'HOUR' as const },
  { step: 86_400, resolution: 'SECONDS_10' as const },
  { step: 7 * 86_400, resolution: null },
];
const questions = fc.record({
  span: spans,
  shape: fc.constantFrom(...SHAPES),
  of: fc.constantFrom('tenant', 'both', 'first'),
});
type Question = { span: Span; shape: (typeof SHAPES)[number]; of: string };

let statistics: Statistics;
beforeAll(async () => {
  statistics = await Statistics.start();
});
afterAll(() => statistics.close());

/** What was taken in, and is not deleted. */
class Model {
  readonly ids = new Map<string, string>();
  readonly entries = new Map<string, Entry[]>(AGENTS.map((name) => [name, []]));
  private keptFromMs = 0;
  private expired = false;
  constructor(readonly tenantId: string) {}

  async apply(action: Action): Promise<void> {
    if (action.kind === 'append') {
      this.ids.set(action.agent, await statistics.append(this.tenantId, action.agent, action.entries));
      this.entries.get(action.agent)!.push(...action.entries.filter(({ timeMs }) => timeMs >= this.keptFromMs));
    } else if (action.kind === 'expire') await this.expire(action);
    else if (action.kind === 'delete') await this.delete(action.span, action.agents);
    else {
      await statistics.quieten();
      const rolling = statistics.rollups.rollUpDue().catch(() => undefined);
      if (action.kind === 'kill') await killBackends();
      await rolling;
    }
  }

  /** Sets how long windows are kept, so that floors fall on these days of the history, the finest highest. */
  private async expire({ days, killed }: { days: readonly number[]; killed: boolean }): Promise<void> {
    this.expired = true;
    const nowMs = await statistics.db.now();
    const fallOn = (day: number, fromMs: number) => Math.round((fromMs - BASE - day * DAY_MS) / 1_000);
    const sorted = [...days].sort((a, b) => b - a);
    const windows = Object.fromEntries(
      [10, 60, 3_600, 86_400].map((resolution, i) => [
        resolution,
        // Breakdowns are kept from the newest entry on, and that may be as young as the last of `times`.
        { keepBreakdowns: Math.max(0, fallOn(sorted[i], LATEST)), keep: fallOn(sorted[i + 4], nowMs) },
      ]),
    );
    await statistics.db.ownerSql('UPDATE retention SET windows = $2 WHERE tenant_id = $1', [
      this.tenantId,
      JSON.stringify(windows),
    ]);
    if (killed) {
      const expiring = expireWindows(statistics.db).catch(() => undefined);
      await killBackends();
      await expiring;
    }
    await expireWindows(statistics.db);
    const [{ floors }] = await statistics.db.ownerSql<{ floors: number[] }>(
      'SELECT window_floors::float8[] AS floors FROM tenant_traffic WHERE tenant_id = $1',
      [this.tenantId],
    );
    this.keptFromMs = floors[4];
    for (const [name, entries] of this.entries)
      this.entries.set(
        name,
        entries.filter(({ timeMs }) => timeMs >= this.keptFromMs),
      );
  }

  private async delete(span: Span, agents: readonly string[]): Promise<void> {
    const known = agents.filter((name) => this.ids.has(name));
    const request = {
      tenantId: this.tenantId,
      agentIds: known.map((name) => this.ids.get(name)!),
      spans: [span],
      includeLogs: false,
    };
    const foretold = await statistics.deletion
      .deleteTraffic({ ...request, dryRun: true })
      .catch((error: ApiError) => error);
    if (foretold instanceof ApiError) {
      expect(foretold.extensions.code).toBe('BAD_USER_INPUT');
      expect(await this.cuts(span)).toBe(true);
      return;
    }
    const { windows, hits } = await statistics.deletion.deleteTraffic({ ...request, dryRun: false });
    expect({ windows, hits }).toEqual({ windows: foretold.windows, hits: foretold.hits });
    let gone = 0;
    for (const name of known) {
      const kept = this.entries.get(name)!.filter(({ timeMs }) => timeMs < span.fromMs || timeMs >= span.toMs);
      gone += this.entries.get(name)!.length - kept.length;
      this.entries.set(name, kept);
    }
    expect(hits).toBe(gone);
  }

  /** Whether a border of the span lies within a window whose parts are not kept. */
  private async cuts(span: Span): Promise<boolean> {
    const { scope } = await statistics.traffic(this.tenantId).load({ agentIds: null, span, wish: { kind: 'frame' } });
    const kept = alignToKept(span, commonFloors(scope, 'breakdownFloors'));
    return kept.fromMs !== span.fromMs || kept.toMs !== span.toMs;
  }

  async check({ span, shape, of }: Question): Promise<void> {
    const names = AGENTS.filter((name) => this.ids.has(name) && (of !== 'first' || name === 'first'));
    if (names.length === 0) return;
    const agentIds = of === 'tenant' ? null : names.map((name) => this.ids.get(name)!);
    const loader = statistics.traffic(this.tenantId);
    const points = (span.toMs - span.fromMs) / 1_000 / (shape.step ?? 86_400);
    const series = { kind: 'series' as const, asked: { maxPoints: 50, ...shape }, parts: PARTS, revisions: false };
    const [total, told] = await Promise.all([
      loader.load({ agentIds, span, wish: { kind: 'total', parts: PARTS } }),
      points > 800 ? null : loader.load({ agentIds, span, wish: series }).catch((error: ApiError) => error),
    ]);
    const alone = await statistics
      .traffic(this.tenantId)
      .load({ agentIds, span, wish: { kind: 'total', parts: PARTS } });
    for (const answer of [total, alone]) this.checkBucket(names, answer, answer.frame.span, answer.total);
    if (told instanceof ApiError) {
      expect(told.extensions.code).toBe('BAD_USER_INPUT');
      expect(total.frame.resolution).toBeGreaterThan(10);
    } else if (told !== null) this.checkSeries(names, told);
  }

  /** Leaves nothing for the next history's expiry to do. */
  async forget(): Promise<void> {
    await statistics.db.ownerSql("UPDATE retention SET windows = '{}' WHERE tenant_id = $1", [this.tenantId]);
  }

  private within(names: readonly string[], { fromMs, toMs }: Span): Entry[][] {
    return names.map((name) => this.entries.get(name)!.filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs));
  }

  /** Numbers are of the span itself, breakdowns of the windows still kept that it touches. */
  private checkBucket(names: readonly string[], { scope }: TrafficAnswer, span: Span, bucket: Bucket): void {
    const { hits, bytes, status, peak } = bruteForce(this.within(names, span));
    // Once seconds are not kept, late entries of one second in several batches are not known to be of one.
    const exactPeak = this.expired ? bucket.totals.peak : peak;
    expect(bucket.totals).toEqual({ hits, bytes, status, peak: exactPeak });
    expect(bucket.totals.peak).toBeLessThanOrEqual(peak);
    if (hits === 0) return;
    const widened = this.within(names, alignToKept(span, commonFloors(scope, 'breakdownFloors')));
    const { size, duration, hosts } = bruteForce(widened);
    expect(figuresOf(bucket)).toMatchObject({ size, duration, hosts });
    expect(wrongTops(bucket, widened.flat())).toEqual([]);
  }

  private checkSeries(names: readonly string[], told: TrafficAnswer): void {
    const { span } = told.frame;
    const { stepMs } = told.shape!;
    for (const [startMs, bucket] of told.buckets) {
      const part = { fromMs: Math.max(startMs, span.fromMs), toMs: Math.min(startMs + stepMs, span.toMs) };
      this.checkBucket(names, told, part, bucket);
    }
    const counted = [...told.buckets.values()].reduce((sum, { totals }) => sum + totals.hits, 0);
    expect(counted).toBe(this.within(names, span).flat().length);
  }
}

/** As a crash does: whatever transaction is under way is rolled back. */
async function killBackends(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await statistics.db.ownerSql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hlm' AND state <> 'idle'",
    );
  }
}

test('random histories', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(actions, fc.array(questions, { minLength: 1, maxLength: 3 })), { minLength: 3, maxLength: 14 }),
      async (history) => {
        const model = new Model(await statistics.newTenant());
        for (const [action, asked] of history) {
          await model.apply(action);
          for (const question of asked) await model.check(question);
        }
        await model.forget();
      },
    ),
    { numRuns: Number(process.env.HLM_RUNS ?? 15), endOnFailure: process.env.HLM_RUNS !== undefined },
  );
}, 240_000);
