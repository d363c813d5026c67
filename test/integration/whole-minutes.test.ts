// Goal: which of a batch's minutes nothing is known of yet is found by probes of keys, whatever the planner knows.
// Method: tables that were never analysed, empty and full; each minute against what was written.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Transaction } from '../../server/store/database.js';
import { UNTOUCHED_MINUTES, untouchedMinutes } from '../../server/store/sql/window.sql.js';
import { Statistics } from '../support/statistics.js';

const BASE = Date.UTC(2024, 0, 1);
const MINUTE_MS = 60_000;
const AGENT = '00000000-0000-4000-8000-000000000001';
const OTHER = '00000000-0000-4000-8000-000000000002';

let statistics: Statistics;
let tenantId: string;
beforeAll(async () => {
  statistics = await Statistics.start();
  tenantId = await statistics.newTenant();
  for (const table of ['traffic_window', 'rollup_mark'])
    await statistics.db.ownerSql(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
});
afterAll(() => statistics.close());

const inTenant = <Result>(work: (sql: Transaction['sql']) => Promise<Result>) =>
  statistics.db.inTenants([tenantId], ({ sql }) => work(sql));

/** One window in every `everyMs`, `count` of them. */
const store = (agentId: string, resolution: number, fromMs: number, everyMs: number, count: number) =>
  statistics.db.ownerSql(
    `INSERT INTO traffic_window (tenant_id, agent_id, resolution, start_ms, revision, hits, bytes, informational, success,
       redirection, client_error, server_error, other, peak)
     SELECT $1, $2, $3, $4::bigint + i * $5::bigint, 1, 1, 1, 0, 1, 0, 0, 0, 0, 1 FROM generate_series(0, $6::integer - 1) AS i`,
    [tenantId, agentId, resolution, fromMs, everyMs, count],
  );

const minutes = (fromMs: number, everyMs: number, count: number) =>
  Array.from({ length: count }, (_, i) => fromMs + i * everyMs);

async function plan(starts: readonly number[]): Promise<string> {
  const lines = await inTenant((sql) => sql(`EXPLAIN ${UNTOUCHED_MINUTES}`, [tenantId, AGENT, starts]));
  return lines.map((line) => line['QUERY PLAN']).join('\n');
}

test('a minute is untouched without its window, one of its ten seconds, and a mark', async () => {
  const [window, finer, last, mark, anothers, before, after] = minutes(BASE, MINUTE_MS, 7);
  await store(AGENT, 60, window, 0, 1);
  await store(AGENT, 10, finer, 0, 1);
  await store(AGENT, 10, last + 50_000, 0, 1);
  await store(OTHER, 10, anothers, 0, 1);
  await store(AGENT, 3_600, before, 0, 1);
  await statistics.db.ownerSql('INSERT INTO rollup_mark VALUES ($1, $2, 60, $3)', [tenantId, AGENT, mark]);
  const found = await inTenant((sql) => untouchedMinutes(sql, tenantId, AGENT, minutes(BASE, MINUTE_MS, 7)));
  expect(found).toEqual([anothers, before, after]);
});

test('no table is read whole, neither small nor large', async () => {
  const everyMs = 10 * MINUTE_MS;
  const sparse = minutes(BASE + everyMs + MINUTE_MS, everyMs, 2_000);
  expect(await plan(sparse)).not.toContain('Seq Scan');
  for (const resolution of [10, 60]) await store(AGENT, resolution, BASE + everyMs, everyMs, 50_000);
  expect(await plan(sparse)).not.toContain('Seq Scan');
  const asked = [...sparse, ...minutes(BASE + everyMs, everyMs, 1_000)];
  expect(await inTenant((sql) => untouchedMinutes(sql, tenantId, AGENT, asked))).toHaveLength(2_000);
});
