// Goal: windows below the floors go some at a time, the oldest first, and what stays is not read for it.
// Method: a table that was never analysed, with many more windows above the floors than below; EXPLAIN ANALYZE of the statement.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { RESOLUTIONS } from '../../server/core/windows/resolutions.js';
import { dropBelow, dropBelowFloors } from '../../server/store/sql/floor.sql.js';
import { Statistics } from '../support/statistics.js';

const BASE = Date.UTC(2024, 0, 1);
const WINDOW_MS = 10_000;
const STORED = 20_000;
const BELOW = 300;
const AGENT = '00000000-0000-4000-8000-000000000001';
const FLOORS = RESOLUTIONS.map((_, i) => (i === 0 ? BASE + BELOW * WINDOW_MS : 0));

let statistics: Statistics;
let tenantId: string;
beforeAll(async () => {
  statistics = await Statistics.start();
  tenantId = await statistics.newTenant();
  await statistics.db.ownerSql('ALTER TABLE traffic_window SET (autovacuum_enabled = off)');
  await statistics.db.ownerSql(
    `INSERT INTO traffic_window (tenant_id, agent_id, resolution, start_ms, revision, hits, bytes, informational, success,
       redirection, client_error, server_error, other, peak)
     SELECT $1, $2, 10, $3::bigint + i * ${WINDOW_MS}, 1, 1, 1, 0, 1, 0, 0, 0, 0, 1 FROM generate_series(0, ${STORED - 1}) AS i`,
    [tenantId, AGENT, BASE],
  );
});
afterAll(() => statistics.close());

interface Plan {
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Join Filter'?: number;
  Plans?: Plan[];
}

/** The most rows that a step of a plan went through. */
function mostRows(plan: Plan): number {
  const removed = (plan['Rows Removed by Filter'] ?? 0) + (plan['Rows Removed by Join Filter'] ?? 0);
  const own = (plan['Actual Rows'] + removed) * plan['Actual Loops'];
  return Math.max(own, ...(plan.Plans ?? []).map(mostRows));
}

test('no more rows are gone through than are dropped', async () => {
  const values = [tenantId, AGENT, RESOLUTIONS, FLOORS, 100];
  const [row] = await statistics.db.inTenants([tenantId], ({ sql }) =>
    sql(`EXPLAIN (ANALYZE, FORMAT JSON) ${dropBelow('traffic_window')}`, values),
  );
  const [{ Plan: plan }] = row['QUERY PLAN'] as [{ Plan: Plan }];
  expect(mostRows(plan)).toBe(100);
});

test('all below the floors go, the oldest first, and nothing else', async () => {
  const floors = { windowFloors: FLOORS, breakdownFloors: FLOORS };
  const drop = () =>
    statistics.db.inTenants([tenantId], ({ sql }) => dropBelowFloors(sql, tenantId, AGENT, floors, 150));
  const left = async () => {
    const [{ first, count }] = await statistics.db.ownerSql<{ first: number; count: number }>(
      'SELECT min(start_ms) AS first, count(*) AS count FROM traffic_window WHERE tenant_id = $1',
      [tenantId],
    );
    return { first: (first - BASE) / WINDOW_MS, count };
  };
  const { first, count } = await left();
  expect(await drop()).toBe(150);
  expect(await left()).toEqual({ first: first + 150, count: count - 150 });
  while ((await drop()) > 0);
  expect(await left()).toEqual({ first: BELOW, count: STORED - BELOW });
});
