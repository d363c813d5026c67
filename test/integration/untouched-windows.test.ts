// Goal: which of a batch's minutes and hours nothing is known of yet is found by probes of keys, whatever the planner knows.
// Method: tables that were never analysed, empty and full; each window against what was written.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Transaction } from '../../server/store/database.js';
import { UNTOUCHED_WINDOWS, untouchedWindows } from '../../server/store/sql/window.sql.js';
import { keyColumns } from '../../server/store/sql/window-key.js';
import { Statistics } from '../support/statistics.js';

const BASE = Date.UTC(2024, 0, 1);
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
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

const keys = (resolution: number, starts: readonly number[]) =>
  starts.map((startMs) => ({ tenantId, agentId: AGENT, resolution, startMs }));

const minutes = (fromMs: number, everyMs: number, count: number) =>
  Array.from({ length: count }, (_, i) => fromMs + i * everyMs);

async function plan(starts: readonly number[]): Promise<string> {
  const lines = await inTenant((sql) => sql(`EXPLAIN ${UNTOUCHED_WINDOWS}`, keyColumns(keys(60, starts))));
  return lines.map((line) => line['QUERY PLAN']).join('\n');
}

test('a minute is untouched without its window, one of its ten seconds, and a mark', async () => {
  const [window, finer, last, mark, anothers, before] = minutes(BASE, MINUTE_MS, 7);
  await store(AGENT, 60, window, 0, 1);
  await store(AGENT, 10, finer, 0, 1);
  await store(AGENT, 10, last + 50_000, 0, 1);
  await store(OTHER, 10, anothers, 0, 1);
  await store(AGENT, 3_600, before, 0, 1);
  await statistics.db.ownerSql('INSERT INTO rollup_mark VALUES ($1, $2, 60, $3)', [tenantId, AGENT, mark]);
  const found = await inTenant((sql) => untouchedWindows(sql, keys(60, minutes(BASE, MINUTE_MS, 7))));
  expect(found).toEqual([4, 5, 6]);
});

test('so is an hour, which a minute of it or the mark of one touches too', async () => {
  const hours = minutes(BASE + 240_000 * HOUR_MS, HOUR_MS, 6);
  await store(AGENT, 3_600, hours[0], 0, 1);
  await store(AGENT, 60, hours[1] + 59 * MINUTE_MS, 0, 1);
  await store(AGENT, 10, hours[2], 0, 1);
  await statistics.db.ownerSql('INSERT INTO rollup_mark VALUES ($1, $2, 60, $3)', [tenantId, AGENT, hours[3] + 60_000]);
  await store(AGENT, 86_400, hours[4], 0, 1);
  const found = await inTenant((sql) =>
    untouchedWindows(sql, [...keys(3_600, hours), ...keys(60, [hours[2], hours[3]])]),
  );
  expect(found).toEqual([4, 5, 7]);
});

test('no table is read whole, neither small nor large', async () => {
  const everyMs = 10 * MINUTE_MS;
  const sparse = minutes(BASE + everyMs + MINUTE_MS, everyMs, 2_000);
  expect(await plan(sparse)).not.toContain('Seq Scan');
  for (const resolution of [10, 60]) await store(AGENT, resolution, BASE + everyMs, everyMs, 50_000);
  expect(await plan(sparse)).not.toContain('Seq Scan');
  const asked = [...sparse, ...minutes(BASE + everyMs, everyMs, 1_000)];
  expect(await inTenant((sql) => untouchedWindows(sql, keys(60, asked)))).toHaveLength(2_000);
});
