// Goal: a deletion is many short transactions, and may be cut short between any two: asked again, it ends as one would.
// Method: the steps on a real PostgreSQL, stopped at their transactions; all stored windows against brute force.
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { Entry } from '../../schema/log-batch.js';
import { Deletion, type Erased } from '../../server/deletion/index.js';
import { expireWindows } from '../../server/rollup/index.js';
import type { Transaction } from '../../server/store/database.js';
import { entry } from '../support/entries.js';
import { Statistics } from '../support/statistics.js';
import { wrongWindows } from '../support/stored-windows.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The last day of a month. */
const BASE = Date.UTC(2024, 0, 31);
const ALL_TIME = { fromMs: Date.parse('0001-01-01T00:00:07Z'), toMs: Date.UTC(3000, 0, 1) };

type Span = { fromMs: number; toMs: number };

let statistics: Statistics;
let tenantId: string;
let deletion: Deletion;
let told: Erased[];
beforeAll(async () => {
  statistics = await Statistics.start();
});
afterAll(() => statistics.close());
beforeEach(async () => {
  tenantId = await statistics.newTenant();
  told = [];
  deletion = new Deletion(
    statistics.db,
    (_tenantId, _agentId, erased) => told.push(erased),
    () => undefined,
  );
});
afterEach(() => {
  jest.restoreAllMocks();
});

const remove = (spans: Span[], { includeLogs = true, dryRun = false } = {}) =>
  deletion.deleteTraffic({ tenantId, agentIds: null, spans, includeLogs, dryRun });

/** One entry each ten seconds. */
const dense = (fromMs: number, count: number) =>
  Array.from({ length: count }, (_, i) => entry({ timeMs: fromMs + i * 10_000, host: `192.0.2.${i % 20}` }));
/** As a tail sends them: twenty a batch. */
async function appendDense(count: number): Promise<{ agentId: string; entries: Entry[] }> {
  const entries = dense(BASE, count);
  let agentId = '';
  for (let i = 0; i < count; i += 20) agentId = await statistics.append(tenantId, 'one', entries.slice(i, i + 20));
  return { agentId, entries };
}
const outside = (entries: readonly Entry[], { fromMs, toMs }: Span) =>
  entries.filter(({ timeMs }) => timeMs < fromMs || timeMs >= toMs);

/** Calls `before` ahead of the transactions that change something, with their number from 0 on. */
function beforeEachErasure(before: (number: number) => Promise<void> | void): { count: () => number } {
  const { db } = statistics;
  const inTenants = db.inTenants.bind(db);
  let count = 0;
  jest.spyOn(db, 'inTenants').mockImplementation(((ids: string[], work: (tx: Transaction) => unknown, how?: object) =>
    inTenants(
      ids,
      async (tx) => {
        let isErasing = false;
        const sql = async (text: string, values?: unknown[]) => {
          if (text.includes('FOR NO KEY UPDATE') && !isErasing) {
            isErasing = true;
            await before(count++);
          }
          return tx.sql(text, values);
        };
        return work({ ...tx, sql: sql as Transaction['sql'] });
      },
      how,
    )) as typeof db.inTenants);
  return { count: () => count };
}

test('a deletion over all time takes no longer than what there is', async () => {
  await statistics.append(tenantId, 'one', dense(BASE, 3));
  const { count } = beforeEachErasure(() => undefined);
  expect(await remove([ALL_TIME], { dryRun: true })).toMatchObject({ windows: 3, hits: 3, logs: 3 });
  expect(count()).toBe(0);
  expect(await remove([ALL_TIME])).toMatchObject({ windows: 3, hits: 3, logs: 3 });
  expect(await remove([ALL_TIME])).toMatchObject({ windows: 0, hits: 0, logs: 0 });
  expect(count()).toBe(1);
  const marks = await statistics.db.ownerSql('SELECT FROM rollup_mark WHERE tenant_id = $1 AND start_ms > $2', [
    tenantId,
    BASE + 2 * DAY_MS,
  ]);
  expect(marks).toEqual([]);
});

test('no transaction erases much, of windows or of batches', async () => {
  const { entries } = await appendDense(1_200);
  const { count } = beforeEachErasure(() => undefined);
  expect(await remove([ALL_TIME])).toMatchObject({ windows: 1_200, hits: 1_200, logs: 1_200 });
  // Two slices of 36 and 24 batches, each listed once more in the end.
  expect(count()).toBe(3 + 3);
  for (const { starts, stale } of told) {
    expect(starts.length).toBeLessThanOrEqual(860);
    expect(stale).toBeNull();
  }
  expect(told.flatMap(({ starts }) => starts)).toEqual(entries.map(({ timeMs }) => timeMs));
});

test.each([1, 3])('cut short before transaction %i, then asked again', async (stop) => {
  const { agentId, entries } = await appendDense(1_200);
  await statistics.rollUpAll();
  const span = { fromMs: BASE + 90_000, toMs: BASE + 3 * HOUR_MS + 10_000 };
  const whole = await remove([span], { dryRun: true });
  beforeEachErasure((number) => {
    if (number === stop) throw new Error('crash');
  });
  await expect(remove([span])).rejects.toThrow('crash');
  jest.restoreAllMocks();
  const windowsGone = told.flatMap(({ starts }) => starts).length;
  const rest = await remove([span], { dryRun: true });
  expect(rest.windows).toBe(whole.windows - windowsGone);
  if (stop === 3) await statistics.rollUpAll();
  expect(await remove([span])).toEqual(rest);
  await statistics.rollUpAll();
  expect(await wrongWindows(statistics.db, tenantId, new Map([[agentId, outside(entries, span)]]))).toEqual([]);
  expect(await remove([ALL_TIME], { dryRun: true })).toMatchObject({ logs: outside(entries, span).length });
});

/** From now on breakdowns are kept of months alone, but for the newest entry's own. */
async function keepMonths(): Promise<void> {
  await statistics.rollUpAll();
  const windows = Object.fromEntries(
    [10, 60, 3_600, 86_400].map((resolution) => [resolution, { keep: null, keepBreakdowns: 0 }]),
  );
  await statistics.db.ownerSql('UPDATE retention SET windows = $2 WHERE tenant_id = $1', [
    tenantId,
    JSON.stringify(windows),
  ]);
  await expireWindows(statistics.db);
}

test.each([
  { what: 'the whole month', fromMs: Date.UTC(2024, 0, 1), isRefused: false },
  { what: 'a part of it', fromMs: BASE, isRefused: true },
])('only months are kept any longer while $what is deleted', async ({ fromMs, isRefused }) => {
  const later = entry({ timeMs: BASE + 100 * DAY_MS });
  const entries = [...dense(BASE, 1_000), later];
  const agentId = await statistics.append(tenantId, 'one', entries);
  const span = { fromMs, toMs: BASE + DAY_MS };
  beforeEachErasure(async (number) => {
    if (number !== 1) return;
    jest.restoreAllMocks();
    await keepMonths();
  });
  const removal = remove([span]);
  if (isRefused) await expect(removal).rejects.toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
  else expect(await removal).toMatchObject({ windows: 1_000, hits: 1_000, logs: 1_000 });
  const gone = { fromMs: BASE, toMs: BASE + told.flatMap(({ starts }) => starts).length * 10_000 };
  const check = async (left: readonly Entry[]) => {
    await statistics.rollUpAll();
    expect(await wrongWindows(statistics.db, tenantId, new Map([[agentId, left]]))).toEqual([]);
  };
  await check(outside(entries, gone));
  expect(outside(entries, gone).length > 1).toBe(isRefused);
  // What is refused in the middle is finished by asking for what can be deleted.
  await remove([{ fromMs: Date.UTC(2024, 0, 1), toMs: BASE + DAY_MS }]);
  await check([later]);
});

test('by default borders lie on minutes after 2 days, on hours after 14; numbers that were kept finer go all the same', async () => {
  const entries = [20, 5, 1, 0].flatMap((days) => dense(BASE - days * DAY_MS, 12));
  const agentId = await statistics.append(tenantId, 'one', entries);
  await statistics.rollUpAll();
  await expireWindows(statistics.db);
  const spanBefore = (days: number, ms: number) => ({ fromMs: BASE - days * DAY_MS, toMs: BASE - days * DAY_MS + ms });
  for (const [days, ms, words] of [
    [20, 60_000, 'whole hours (HOUR)'],
    [5, 10_000, 'whole minutes (MINUTE)'],
  ] as const)
    await expect(remove([spanBefore(days, ms)])).rejects.toMatchObject({
      message: expect.stringContaining(words),
      extensions: { code: 'BAD_USER_INPUT' },
    });
  const spans = [spanBefore(20, HOUR_MS), spanBefore(5, 60_000), spanBefore(1, 10_000)];
  expect(await remove(spans)).toMatchObject({ windows: 19, hits: 19 });
  await statistics.rollUpAll();
  const left = spans.reduce(outside, entries);
  expect(await wrongWindows(statistics.db, tenantId, new Map([[agentId, left]]))).toEqual([]);
});
