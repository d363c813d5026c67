// Goal: a query reads rows in proportion to what it shows, not to the span: a year in 366 points reads days.
// Method: ten years of windows, one a day, rolled up by the product; EXPLAIN ANALYZE of the statement that reads.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { coarsestWithin, windowsIn } from '../../server/core/rollup/plan.js';
import { stepFor } from '../../server/core/windows/series.js';
import { numbersValues, READ_NUMBERS } from '../../server/store/sql/traffic.sql.js';
import { rangesFor, ScopeMarks } from '../../server/store/traffic/ranges.js';
import { readScopes } from '../../server/store/traffic/scope.js';
import { entry } from '../support/entries.js';
import { Statistics } from '../support/statistics.js';

const DAY_MS = 86_400_000;
const END = Date.UTC(2026, 0, 17, 13, 37, 40);
const START = END - 3_650 * DAY_MS;

let statistics: Statistics;
let tenantId: string;
let agentId: string;

beforeAll(async () => {
  statistics = await Statistics.start();
  tenantId = await statistics.newTenant();
  agentId = await statistics.append(tenantId, 'old', [entry({ timeMs: START }), entry({ timeMs: END - 1 })]);
  await statistics.db.ownerSql(
    `INSERT INTO traffic_window (tenant_id, agent_id, resolution, start_ms, revision, hits, bytes, informational, success,
       redirection, client_error, server_error, other, peak, seconds)
     SELECT $1, $2, 10, start_ms, 1, 1, 1, 0, 1, 0, 0, 0, 0, 1, NULL FROM generate_series($3::bigint, $4::bigint, 86400000) AS start_ms
     ON CONFLICT DO NOTHING`,
    [tenantId, agentId, Math.ceil(START / 10_000) * 10_000, END - 3_600_000],
  );
  await statistics.db.ownerSql(
    `INSERT INTO rollup_mark (tenant_id, agent_id, resolution, start_ms)
     SELECT DISTINCT tenant_id, agent_id, 60, start_ms - mod(start_ms, 60000) FROM traffic_window ON CONFLICT DO NOTHING`,
  );
  await statistics.quieten();
  await statistics.rollups.rollUpDue();
  await statistics.quieten();
  await statistics.rollups.rollUpDue();
  await statistics.db.ownerSql('ANALYZE traffic_window');
}, 180_000);
afterAll(() => statistics.close());

/** Rows that the statement's scans returned, and those that its plan asks for at most. */
async function rowsRead(days: number, stepMs: number, agents: string[] | null) {
  const span = { fromMs: Math.ceil((END - days * DAY_MS) / 10_000) * 10_000, toMs: END };
  return statistics.db.inTenants([tenantId], async ({ sql }) => {
    const [scope] = await readScopes(sql, tenantId, [agents]);
    const marks = await ScopeMarks.read(sql, tenantId, scope, span);
    const ranges = rangesFor(scope, marks, { span, stepMs, resolution: null, kind: 'windowFloors' });
    const values = numbersValues({ tenantId, ranges, stepMs, byAgent: false });
    const [row] = await sql(`EXPLAIN (ANALYZE, FORMAT JSON) ${READ_NUMBERS}`, values);
    return { asked: windowsIn(ranges), read: scanned(row['QUERY PLAN'][0].Plan) };
  });
}

interface PlanNode {
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

function scanned(node: PlanNode): number {
  const removed = node['Rows Removed by Filter'] ?? 0;
  const own = node['Relation Name'] === 'traffic_window' ? (node['Actual Rows'] + removed) * node['Actual Loops'] : 0;
  return (node.Plans ?? []).reduce((sum, child) => sum + scanned(child), Math.round(own));
}

test.each([1, 30, 365, 3_649])('a total of %i days reads 360 rows at most', async (days) => {
  for (const agents of [[agentId], null]) {
    const { asked, read } = await rowsRead(days, Number.POSITIVE_INFINITY, agents);
    // A month counts as 30 days, and may have 31.
    expect(asked).toBeLessThanOrEqual(366);
    expect(read).toBeLessThanOrEqual(360);
    expect(read).toBeGreaterThan(0);
  }
});

test.each([
  [1, 120],
  [30, 120],
  [365, 366],
  [3_649, 1_000],
])(
  'a series of %i days in %i points reads as many rows as it has windows of that width, and edges',
  async (days, points) => {
    const stepMs = stepFor(days * DAY_MS, points);
    const windows = Math.ceil((days * DAY_MS) / stepMs) + 1;
    const most = windows * (stepMs / (coarsestWithin(stepMs) * 1_000)) + 250;
    for (const agents of [[agentId], null]) {
      const { asked, read } = await rowsRead(days, stepMs, agents);
      expect(asked).toBeLessThanOrEqual(most);
      expect(read).toBeLessThanOrEqual(asked);
      expect(read).toBeGreaterThan(0);
    }
  },
);

/** Finer windows that a month is read by where one of its minutes is dirty: days, hours, minutes, and ten seconds. */
const OF_ONE_DIRTY_MINUTE = 31 + 24 + 60 + 6;

test.each([1, 7, 20])('%i dirty minutes cost the finer windows beside them, and nothing else', async (count) => {
  const shapes: [number, number][] = [
    [3_649, Number.POSITIVE_INFINITY],
    [365, stepFor(365 * DAY_MS, 366)],
  ];
  const read = () =>
    Promise.all(shapes.flatMap(([days, stepMs]) => [[agentId], null].map((agents) => rowsRead(days, stepMs, agents))));
  const clean = await read();
  await statistics.db.ownerSql(
    `INSERT INTO rollup_mark (tenant_id, agent_id, resolution, start_ms)
     SELECT $1, $2, 60, start_ms - mod(start_ms, 60000) FROM traffic_window WHERE agent_id = $2 AND resolution = 10
     ORDER BY mod(start_ms / 86400000, 97), start_ms LIMIT $3`,
    [tenantId, agentId, count],
  );
  const dirty = await read();
  await statistics.db.ownerSql('DELETE FROM rollup_mark');
  dirty.forEach(({ asked, read: rows }, i) => {
    expect(asked).toBeLessThanOrEqual(clean[i].asked + count * OF_ONE_DIRTY_MINUTE);
    expect(rows).toBeLessThanOrEqual(clean[i].read + count * OF_ONE_DIRTY_MINUTE);
  });
  expect(dirty[0].asked).toBeGreaterThan(clean[0].asked);
});
