// Goal: small chunks become few large ones, and nobody who reads, deletes or changes policies can tell but by the bytes.
// Method: the steps on a real PostgreSQL; chunks made due and older by SQL; what pages tell before, between and after.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { BATCH_ENTRIES_MAX, type Entry } from '../../schema/log-batch.js';
import { LARGE_ENTRIES } from '../../server/core/retention/join.js';
import { joinDue, LogErasure, logsStored, type RetentionService, relayOutStale } from '../../server/retention/index.js';
import type { Transaction } from '../../server/store/database.js';
import { type EntryKey, type LogPage, readLogs } from '../../server/store/logs.js';
import { lockAgentById } from '../../server/store/sql/agent.sql.js';
import { trafficAt } from '../../simulator/traffic.js';
import { withConnection } from '../support/database.js';
import { entry } from '../support/entries.js';
import { until } from '../support/server.js';
import { Statistics } from '../support/statistics.js';

const HOUR = 3_600;
const WEEK = 7 * 24 * HOUR;
const BATCHES = 60;
const BATCH = 5;
const start = Math.floor(Date.now() / 60_000) * 60_000 - 30 * 60_000;

let statistics: Statistics;
let retention: RetentionService;
let tenantId: string;
let agentId: string;
beforeAll(async () => {
  statistics = await Statistics.start();
  ({ retention } = statistics);
});
afterAll(() => statistics.close());
beforeEach(async () => {
  tenantId = await statistics.newTenant();
  const policies = [{ name: 'Errors', filter: { statusMin: 400 }, agentIds: [], keepSeconds: WEEK }];
  await retention.set(tenantId, { policies });
});

const sql = (text: string, values: unknown[] = []) => statistics.db.ownerSql(text, values);
const inTenant = <Result>(work: (tx: Transaction) => Promise<Result>) => statistics.db.inTenants([tenantId], work);

/** Batches of a second each, one entry of which is an error, of two agents. */
async function sendAll(batches = BATCHES): Promise<void> {
  for (let second = 0; second < batches; second++) {
    const entries = Array.from({ length: BATCH }, (_, i) =>
      entry({ timeMs: start + second * 1_000 + i, target: `/${second}/${i}`, status: i === 3 ? 500 : 200 }),
    );
    agentId = await statistics.append(tenantId, 'web', entries);
    if (second % 10 === 0) await statistics.append(tenantId, 'other', entries);
  }
}

/** What is kept so long is due, as if its slot were over. */
async function makeDue(keepSeconds = HOUR): Promise<void> {
  await sql(
    "UPDATE log_chunk SET join_at = '2020-01-01' WHERE tenant_id = $1 AND keep_seconds = $2 AND join_at IS NOT NULL",
    [tenantId, keepSeconds],
  );
}

/** As if all had been taken in so much earlier; into partitions that there are, what would have expired is gone. */
async function makeOlder(seconds: number): Promise<void> {
  await sql('DELETE FROM log_chunk WHERE tenant_id = $1 AND expires_at <= now() + make_interval(secs => $2)', [
    tenantId,
    seconds,
  ]);
  const by = '- make_interval(secs => $2)';
  await sql(
    `UPDATE log_chunk SET taken_in_at = taken_in_at ${by}, visible_from = visible_from ${by}, expires_at = expires_at ${by}
     WHERE tenant_id = $1`,
    [tenantId, seconds],
  );
}

const nameOf = ({ streamId, from, ordinal }: EntryKey) => `${streamId} ${from} ${ordinal}`;

interface Told {
  id: string;
  target: string | null;
  key: EntryKey;
}

function pageAfter(after: EntryKey | null, first: number): Promise<LogPage> {
  const query = { tenantId, agentIds: null, fromMs: 0, toMs: 8.64e15, filter: {}, first, after };
  return statistics.db.inTenants([tenantId], (tx) => readLogs(tx, query), { snapshot: true });
}

/** All entries by pages; between each two something may happen. */
async function pages(first = 1_000, between = async () => {}): Promise<Told[]> {
  const told: Told[] = [];
  let page: LogPage | null = null;
  do {
    if (page !== null) await between();
    page = await pageAfter(page?.end ?? null, first);
    told.push(...page.entries.map(({ key, target }) => ({ id: nameOf(key), target, key })));
  } while (page.hasNextPage);
  return told;
}

const isError = ({ target }: Told) => target!.endsWith('/3');

async function chunks(keepSeconds: number): Promise<{ rows: number; entries: number; joined: number }> {
  const [row] = await sql(
    `SELECT count(*) AS rows, sum(entries)::bigint AS entries, count(parts) AS joined FROM log_chunk
     WHERE tenant_id = $1 AND agent_id = $2 AND keep_seconds = $3`,
    [tenantId, agentId, keepSeconds],
  );
  return row as never;
}

test('ids and cursors stay, whenever in the middle of paging chunks are joined', async () => {
  await sendAll();
  const before = await pages();
  expect(new Set(before.map(({ id }) => id)).size).toBe((BATCHES + BATCHES / 10) * BATCH);
  await makeDue();
  let turn = 0;
  const during = await pages(7, async () => {
    if (turn++ === 10) expect(await joinDue(statistics.db)).toEqual({ batches: BATCHES + BATCHES / 10, into: 2 });
  });
  expect(during).toEqual(before);
  expect(await pages(7)).toEqual(before);
  expect(await chunks(HOUR)).toEqual({ rows: 1, entries: BATCHES * (BATCH - 1), joined: 1 });
  expect(await chunks(WEEK)).toEqual({ rows: 1, entries: BATCHES, joined: 1 });
  expect(await joinDue(statistics.db)).toEqual({ batches: 0, into: 0 });
});

test('what is kept longer is told once before and after all else has expired, and then joined by itself', async () => {
  await sendAll();
  await makeDue();
  await joinDue(statistics.db);
  await sendAll();
  await makeDue();
  await joinDue(statistics.db);
  const before = await pages();
  expect(before).toHaveLength(2 * (BATCHES + BATCHES / 10) * BATCH);
  await makeOlder(HOUR - 60);
  expect(await pages()).toEqual(before);
  await makeOlder(120);
  expect(await pages()).toEqual(before.filter(isError));
  expect(await chunks(WEEK)).toEqual({ rows: 2, entries: 2 * BATCHES, joined: 2 });
  await makeDue(WEEK);
  expect(await joinDue(statistics.db)).toEqual({ batches: 4, into: 2 });
  expect(await chunks(WEEK)).toEqual({ rows: 1, entries: 2 * BATCHES, joined: 1 });
  expect(await pages(7)).toEqual(before.filter(isError));
  await makeOlder(WEEK);
  expect(await pages()).toEqual([]);
});

test('a chunk expires when its newest batch does, none sooner', async () => {
  await sendAll(10);
  await makeOlder(200);
  await sendAll(10);
  const newest = async () =>
    sql('SELECT max(expires_at) AS at FROM log_chunk WHERE tenant_id = $1 AND agent_id = $2 AND keep_seconds = $3', [
      tenantId,
      agentId,
      HOUR,
    ]);
  const before = await newest();
  await makeDue();
  await joinDue(statistics.db);
  expect(await newest()).toEqual(before);
  const [{ gap }] = await sql(
    `SELECT max(extract(epoch FROM visible_from - (SELECT expires_at FROM log_chunk WHERE tenant_id = $1 AND agent_id = $2 AND keep_seconds = $3))) AS gap
     FROM log_chunk WHERE tenant_id = $1 AND agent_id = $2 AND visible_from > '-infinity'`,
    [tenantId, agentId, HOUR],
  );
  expect(Number(gap)).toBe(0);
});

test('deletion after joining, and while it goes on, leaves what it should under its ids', async () => {
  await sendAll();
  const before = await pages();
  const spans = [
    { fromMs: start + 10_000, toMs: start + 20_000 },
    { fromMs: start + 30_000, toMs: start + 50_000 },
  ];
  const within = (told: Told, { fromMs, toMs }: (typeof spans)[0]) =>
    told.key.timeMs >= fromMs && told.key.timeMs < toMs;
  await makeDue();
  await joinDue(statistics.db);
  const request = { tenantId, agentIds: null, spans: [spans[0]], includeLogs: true };
  const first = before.filter((told) => within(told, spans[0]));
  const foretold = await statistics.deletion.deleteTraffic({ ...request, dryRun: true });
  expect(foretold.logs).toBe(first.length);
  expect((await statistics.deletion.deleteTraffic({ ...request, dryRun: false })).logs).toBe(first.length);
  expect(await pages(7)).toEqual(before.filter((told) => !first.includes(told)));
  await statistics.deletion.deleteAgent(tenantId, agentId);
  expect(await chunks(HOUR)).toMatchObject({ rows: 0 });
});

test('a deletion in steps misses nothing that is joined between them', async () => {
  await sendAll();
  const before = await pages();
  // Of the first batch something stays: under its position the others are joined.
  const span = { fromMs: start + 2, toMs: start + 50_000 };
  const erasure = new LogErasure(tenantId, agentId, span);
  const step = () =>
    inTenant(async (tx) => erasure.eraseSome(tx, (await lockAgentById(tx.sql, tenantId, agentId))!.nowMs));
  let [erased, steps] = [0, 0];
  for (let isDone = false; !isDone; steps++) {
    const done = await step();
    ({ isDone } = done);
    erased += done.erased;
    // The first batches, which were looked at, take those in that were not.
    if (steps === 0) {
      await makeDue();
      expect((await joinDue(statistics.db)).into).toBe(2);
    }
  }
  expect(steps).toBeGreaterThan(1);
  expect(erased).toBe(50 * BATCH - 2);
  const [{ streamId }] = await inTenant(({ sql }) =>
    sql<{ streamId: string }>('SELECT id AS "streamId" FROM stream WHERE agent_id = $1', [agentId]),
  );
  const isGone = ({ key }: Told) => key.streamId === streamId && key.timeMs >= span.fromMs && key.timeMs < span.toMs;
  expect(await pages()).toEqual(before.filter((told) => !isGone(told)));
});

test('new policies hold for what was joined, and what was laid out by earlier ones is not joined', async () => {
  await sendAll();
  await makeDue();
  await joinDue(statistics.db);
  await sendAll();
  const before = await pages();
  const keep = (target: string) => ({ name: target, filter: { path: target }, agentIds: [], keepSeconds: 2 * WEEK });
  await retention.set(tenantId, { policies: ['/7/0', '/8/1', '/9/3'].map(keep) });
  await makeDue();
  expect(await joinDue(statistics.db)).toEqual({ batches: 0, into: 0 });
  expect(await relayOutStale(statistics.db)).toBe(2 + BATCHES + BATCHES / 10);
  expect(await pages(7)).toEqual(before);
  await makeDue();
  expect(await joinDue(statistics.db)).toEqual({ batches: BATCHES + BATCHES / 10, into: 2 });
  expect(await pages(7)).toEqual(before);
  await makeOlder(HOUR + 60);
  const left = before.filter(({ target }) => ['/7/0', '/8/1', '/9/3'].includes(target!));
  expect(left).toHaveLength(6);
  expect(await pages()).toEqual(left);
});

test('entries that were refused stay so', async () => {
  const good = Array.from({ length: 3 }, (_, i) => entry({ timeMs: start + i, target: `/good/${i}` }));
  // From the future: quarantined.
  const bad = entry({ timeMs: Date.now() + 30 * 86_400_000, target: '/bad' });
  for (let i = 0; i < 4; i++) agentId = await statistics.append(tenantId, 'web', [good[0], bad, good[1], good[2]]);
  const before = await pages();
  expect(before.map(({ target }) => target).filter((target) => target === '/bad')).toEqual([]);
  await makeDue();
  expect(await joinDue(statistics.db)).toEqual({ batches: 4, into: 1 });
  expect(await pages()).toEqual(before);
  expect(before).toHaveLength(12);
});

test('two jobs at once join each chunk once', async () => {
  await sendAll();
  const before = await pages();
  await makeDue();
  await withConnection(statistics.db.url, async (holder) => {
    await holder.query('BEGIN');
    await holder.query('SELECT FROM agent WHERE tenant_id = $1 FOR UPDATE', [tenantId]);
    const jobs = [joinDue(statistics.db), joinDue(statistics.db)];
    await until(async () => {
      const [{ waiting }] = await sql(
        "SELECT count(*) AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'FROM agent'",
      );
      return waiting === 2;
    });
    await holder.query('COMMIT');
    const joined = await Promise.all(jobs);
    expect(joined.reduce((sum, { batches }) => sum + batches, 0)).toBe(BATCHES + BATCHES / 10);
  });
  expect(await pages()).toEqual(before);
});

test('a run that dies half-way leaves all as it was, and the next finishes', async () => {
  await sendAll();
  const before = await pages();
  await makeDue();
  await sql(`
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
      IF NEW.visible_from > '-infinity' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER die BEFORE INSERT ON log_chunk FOR EACH ROW EXECUTE FUNCTION die()`);
  await expect(joinDue(statistics.db)).rejects.toThrow();
  await sql('DROP TRIGGER die ON log_chunk; DROP FUNCTION die');
  expect(await pages()).toEqual(before);
  expect(await joinDue(statistics.db)).toEqual({ batches: BATCHES + BATCHES / 10, into: 2 });
  expect(await pages()).toEqual(before);
});

test('what is large, or has no other in its slot, is not written anew, and found no more', async () => {
  const many = Array.from({ length: LARGE_ENTRIES }, (_, i) => entry({ timeMs: start + i }));
  agentId = await statistics.append(tenantId, 'web', many);
  agentId = await statistics.append(tenantId, 'web', many.slice(0, 10));
  const state = () =>
    sql('SELECT from_position, body, join_at FROM log_chunk WHERE tenant_id = $1 ORDER BY 1', [tenantId]);
  const before = await state();
  expect(before.map((row) => row.join_at === null)).toEqual([true, false]);
  expect(await joinDue(statistics.db)).toEqual({ batches: 0, into: 0 });
  expect(await state()).toEqual(before);
  await sql("UPDATE log_chunk SET join_at = '2020-01-01' WHERE tenant_id = $1 AND join_at IS NOT NULL", [tenantId]);
  expect(await joinDue(statistics.db)).toEqual({ batches: 0, into: 0 });
  expect(await state()).toEqual(before.map((row) => ({ ...row, join_at: null })));
});

test('no joined chunk holds more entries than a batch may, those that are kept longer among them', async () => {
  const lines = Array.from({ length: 1_500 }, (_, i) =>
    entry({ timeMs: start + i, target: `/${i}`, status: i % 5 < 2 ? 500 : 200 }),
  );
  for (let i = 0; i < 7; i++) agentId = await statistics.append(tenantId, 'web', lines);
  await makeDue();
  expect(await joinDue(statistics.db)).toEqual({ batches: 7, into: 2 });
  const stored = await sql(
    'SELECT sum(entries)::integer AS entries FROM log_chunk WHERE tenant_id = $1 GROUP BY from_position ORDER BY from_position',
    [tenantId],
  );
  expect(stored.map(({ entries }) => entries)).toEqual([7_500, 3_000]);
  expect(new Set((await pages()).map(({ id }) => id)).size).toBe(10_500);
});

/** Lines of a server that takes about ten requests a second. */
function simulated(count: number): Entry[] {
  const lines: Entry[] = [];
  for (let second = 0; lines.length < count; second++) {
    for (const { offsetMs, requestLine, ...request } of trafficAt(second, { seed: 1, rateScale: 1 })) {
      const [method = null, target = null, protocol = null] = requestLine.split(' ');
      lines.push({ ...request, timeMs: start + second * 1_000 + offsetMs, method, target, protocol, durationMs: null });
    }
  }
  return lines.slice(0, count);
}

test('joined batches of ten lines take 1.5 times the bytes of large ones at most', async () => {
  const lines = simulated(BATCH_ENTRIES_MAX);
  await statistics.append(tenantId, 'large', lines);
  // As many as come of such an agent within five minutes.
  for (let i = 0; i < 3_000; i += 10) agentId = await statistics.append(tenantId, 'web', lines.slice(i, i + 10));
  // Columns beside the body, the row's header and its places in four indexes.
  const bytes = async (own: boolean, count: number) => {
    const [row] = await sql(
      `SELECT sum(octet_length(body) + coalesce(octet_length(parts), 0) + coalesce(octet_length(ordinals), 0) + 400)::bigint AS bytes
       FROM log_chunk WHERE tenant_id = $1 AND (agent_id = $2) = $3`,
      [tenantId, agentId, own],
    );
    return Number(row.bytes) / count;
  };
  const large = await bytes(false, lines.length);
  expect((await bytes(true, 3_000)) / large).toBeGreaterThan(3);
  await makeDue();
  await joinDue(statistics.db);
  expect((await bytes(true, 3_000)) / large).toBeLessThanOrEqual(1.5);
  const [hour, week] = await inTenant((tx) => logsStored(tx, tenantId));
  expect(hour.entries + week.entries).toBe(lines.length + 3_000);
});
