// Goal: what is said to be stored is so, and what is stored follows new policies, whatever happens meanwhile.
// Method: the steps on a real PostgreSQL, against its tables; a clock that is told; a connection that dies half-way.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import {
  logsStored,
  nextPurgeAt,
  type RetentionService,
  readSettings,
  relayOutStale,
  windowsStored,
} from '../../server/retention/index.js';
import type { Database, Transaction } from '../../server/store/database.js';
import { dropExpiredPartitions, ensurePartitions } from '../../server/store/partitions.js';
import { ANY_STALE, countStale } from '../../server/store/sql/chunk.sql.js';
import { entry } from '../support/entries.js';
import { Statistics } from '../support/statistics.js';

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** Batches of the store that is laid out anew: more than are looked up together. */
const BATCHES = 520;

let statistics: Statistics;
let retention: RetentionService;
let tenantId: string;
beforeAll(async () => {
  statistics = await Statistics.start();
  ({ retention } = statistics);
});
afterAll(() => statistics.close());
beforeEach(async () => {
  tenantId = await statistics.newTenant();
});

const inTenant = <Result>(work: (tx: Transaction) => Promise<Result>) => statistics.db.inTenants([tenantId], work);
const keeping = (path: string, keepSeconds: number) => ({ name: path, filter: { path }, agentIds: [], keepSeconds });
const send = (...targets: string[]) =>
  statistics.append(
    tenantId,
    'web',
    targets.map((target) => entry({ timeMs: Date.now(), target })),
  );

test('of raw entries each is told once, under its keep, with the bytes that the table has', async () => {
  await retention.set(tenantId, { policies: [keeping('/week', 7 * DAY), keeping('/minute', 60)] });
  await send('/', '/', '/', '/week');
  await send('/', '/week', '/week', '/minute');
  const stored = await inTenant((tx) => logsStored(tx, tenantId));
  expect(stored.map(({ keepSeconds, entries }) => [keepSeconds, entries])).toEqual([
    [60, 1],
    [HOUR, 4],
    [7 * DAY, 3],
  ]);
  for (const { keepSeconds, bytes, nextExpiryAt } of stored) {
    const chunks = await statistics.db.ownerSql<{ body: Buffer; ordinals: Buffer | null; expires_at: Date }>(
      'SELECT body, ordinals, expires_at FROM log_chunk WHERE tenant_id = $1 AND keep_seconds = $2 ORDER BY expires_at',
      [tenantId, keepSeconds],
    );
    const held = chunks.reduce((sum, { body, ordinals }) => sum + body.length + (ordinals?.length ?? 0), 0);
    // A value's length stands before it, in four bytes at most.
    expect(bytes).toBeGreaterThanOrEqual(held);
    expect(bytes).toBeLessThanOrEqual(held + chunks.length * 8);
    expect(nextExpiryAt).toEqual(chunks[0].expires_at);
  }
});

test('the next purge is when a partition that holds raw entries is dropped, neither before nor later', async () => {
  await retention.set(tenantId, { policies: [keeping('/days', 3 * DAY), keeping('/months', 60 * DAY)] });
  await send('/', '/days', '/months');
  const { db } = statistics;
  const at = (nowMs: number): Database => Object.assign(Object.create(db), { now: async () => nowMs });
  const classes = async () => {
    const rows = await db.ownerSql('SELECT class FROM log_chunk WHERE tenant_id = $1 ORDER BY expires_at', [tenantId]);
    return rows.map((row) => row.class);
  };
  for (const left of [['hours', 'days', 'months'], ['days', 'months'], ['months']]) {
    const purge = (await inTenant((tx) => nextPurgeAt(tx, tenantId)))!.getTime();
    await dropExpiredPartitions(at(purge - 1));
    expect(await classes()).toEqual(left);
    await dropExpiredPartitions(at(purge));
    expect(await classes()).toEqual(left.slice(1));
  }
  expect(await inTenant((tx) => nextPurgeAt(tx, tenantId))).toBeNull();
  await ensurePartitions(db);
});

test('windows are counted while few, and told within a few per cent where they are many', async () => {
  const agentId = await send('/');
  const few = await inTenant((tx) => windowsStored(tx, tenantId));
  expect(few).toEqual([{ resolution: 10, rows: 1, bytes: expect.any(Number) }]);
  // A quarter of each day is silent.
  await statistics.db.ownerSql(
    `INSERT INTO traffic_window (tenant_id, agent_id, resolution, start_ms, revision, hits, bytes, informational, success,
       redirection, client_error, server_error, other, peak, seconds)
     SELECT $1, $2, resolution, n * resolution * 1000::bigint, 1, 1, 1, 0, 1, 0, 0, 0, 0, 1, NULL
     FROM (VALUES (10, 200000), (60, 8000), (86400, 100)) AS r (resolution, windows) CROSS JOIN generate_series(1, windows) AS n
     WHERE resolution = 86400 OR n * resolution % 86400 < 64800`,
    [tenantId, agentId],
  );
  await statistics.db.ownerSql(
    'DELETE FROM traffic_window WHERE tenant_id = $1 AND resolution = 10 AND start_ms > 2000000000',
    [tenantId],
  );
  const truth = await statistics.db.ownerSql<{ resolution: number; rows: number; bytes: number }>(
    `SELECT resolution, count(*) AS rows, sum(pg_column_size(w.*))::bigint AS bytes FROM traffic_window w
     WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1`,
    [tenantId],
  );
  const [seconds, minutes, days] = await inTenant((tx) => windowsStored(tx, tenantId));
  expect(seconds.rows / truth[0].rows).toBeCloseTo(1, 1);
  expect([minutes.rows, days.rows]).toEqual([truth[1].rows, 100]);
  expect(minutes.bytes / truth[1].bytes).toBeCloseTo(1, 1);
});

test('an idle run reads no chunk', async () => {
  await send('/');
  await copyChunk(5_000);
  const { version } = await inTenant((tx) => readSettings(tx, tenantId));
  expect(await inTenant(({ sql }) => countStale(sql, tenantId, version + 1))).toBe(5_001);
  const [row] = await inTenant(({ sql }) => sql(`EXPLAIN (ANALYZE, FORMAT JSON) ${ANY_STALE}`, [tenantId, version]));
  expect(rowsTouched(row['QUERY PLAN'][0].Plan)).toBe(0);
});

interface PlanNode {
  'Actual Rows': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

function rowsTouched(node: PlanNode): number {
  const own = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0);
  return own + (node.Plans ?? []).reduce((sum, plan) => sum + rowsTouched(plan), 0);
}

/** So many batches more, alike the tenant's only one. */
async function copyChunk(times: number): Promise<void> {
  const columns = `tenant_id, agent_id, stream_id, class, expires_at, taken_in_at, first_ms, last_ms, entries, mask, body,
    visible_from, keep_seconds, retention_version, ordinals`;
  await statistics.db.ownerSql(
    `INSERT INTO log_chunk (from_position, ${columns})
     SELECT 1000 + n, ${columns} FROM log_chunk CROSS JOIN generate_series(1, $2::integer) AS n WHERE tenant_id = $1`,
    [tenantId, times],
  );
}

/** Batches by the version by which they are laid out, and whether all of their entries are there. */
async function batches(): Promise<{ version: number; count: number; whole: boolean }[]> {
  return statistics.db.ownerSql(
    `SELECT version, count(*), bool_and(entries = 3 AND chunks = version) AS whole FROM (
       SELECT min(retention_version) AS version, sum(entries) AS entries, count(*) AS chunks FROM log_chunk
       WHERE tenant_id = $1 GROUP BY from_position, agent_id HAVING min(retention_version) = max(retention_version)
     ) AS batch GROUP BY 1 ORDER BY 1`,
    [tenantId],
  );
}

test('a run that dies half-way leaves every batch whole, and the next finishes', async () => {
  const { db } = statistics;
  await send('/', '/', '/week');
  await copyChunk(BATCHES - 1);
  // Of the first version a batch is one chunk, of the second two.
  expect(await batches()).toEqual([{ version: 1, count: BATCHES, whole: true }]);
  await retention.set(tenantId, { policies: [keeping('/week', 7 * DAY)] });
  await db.ownerSql(`
    CREATE SEQUENCE rewritten;
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
      IF nextval('rewritten') = 51 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER die BEFORE INSERT ON log_chunk FOR EACH ROW EXECUTE FUNCTION die()`);
  await expect(relayOutStale(db)).rejects.toThrow();
  expect(await batches()).toEqual([
    { version: 1, count: BATCHES - 20, whole: true },
    { version: 2, count: 20, whole: true },
  ]);
  await db.ownerSql('DROP TRIGGER die ON log_chunk; DROP FUNCTION die; DROP SEQUENCE rewritten');
  expect(await relayOutStale(db)).toBe(BATCHES - 20);
  expect(await batches()).toEqual([{ version: 2, count: BATCHES, whole: true }]);
  expect(await relayOutStale(db)).toBe(0);
});
