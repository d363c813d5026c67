// Goal: raw entries go when they have expired, by whole partitions, and nothing else goes or waits: not windows, not
// ingest, not entries that have not expired. Bounds mean UTC under every time zone.
// Method: the store alone on an embedded PostgreSQL for the partitions; a whole server where ingest goes on meanwhile.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { Database } from '../../server/store/database.js';
import { dropExpiredPartitions, ensurePartitions } from '../../server/store/partitions.js';
import { databaseUrl, withConnection } from '../support/database.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { agentId, nowSecond, sendDirect } from '../support/sources.js';

const HOUR_MS = 3_600_000;
let server: TestServer;
let url: string;
let db: Database;

beforeAll(async () => {
  server = await startTestServer();
  url = databaseUrl(server.dataFolder);
  db = await Database.open(url);
}, 60_000);
afterAll(async () => {
  await db.close();
  await server.close();
});

const hour = (ms: number) => Math.floor(ms / HOUR_MS) * HOUR_MS;
const nameOf = (ms: number) => `log_chunk_hours_${new Date(ms).toISOString().slice(0, 13).replace(/[-T]/g, '')}`;
const bound = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

/** Partitions by name, with their bounds as a session in UTC reads them. */
async function partitions(): Promise<Map<string, string>> {
  const rows = await db.ownerSql<{ name: string; bounds: string }>(
    `SELECT inhrelid::regclass::text AS name, pg_get_expr(relpartbound, pg_class.oid) AS bounds
     FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'log_chunk_hours'::regclass ORDER BY 1`,
  );
  return new Map(rows.map(({ name, bounds }) => [name, bounds]));
}

const boundsOf = (startMs: number) => `FOR VALUES FROM ('${bound(startMs)}+00') TO ('${bound(startMs + HOUR_MS)}+00')`;

/** Makes a partition of so many hours ago, and moves the chunks of an agent there. */
async function expireInto(startMs: number, agent: string): Promise<void> {
  const name = nameOf(startMs);
  await db.ownerSql(`CREATE TABLE IF NOT EXISTS ${name} PARTITION OF log_chunk_hours ${boundsOf(startMs)}`);
  await db.ownerSql('UPDATE log_chunk SET expires_at = $1 WHERE agent_id = $2', [
    new Date(startMs + 60_000),
    await agentId(server, agent),
  ]);
}

async function chunksOf(agent: string): Promise<number> {
  const [{ count }] = await db.ownerSql<{ count: number }>('SELECT count(*) FROM log_chunk WHERE agent_id = $1', [
    await agentId(server, agent),
  ]);
  return count;
}

async function paths(agent: string): Promise<string[]> {
  const { data, errors } = await server.gql('query ($ids: [ID!]) { logs(agentIds: $ids) { nodes { path } } }', {
    ids: [await agentId(server, agent)],
  });
  expect(errors).toBeUndefined();
  return data.logs.nodes.map(({ path }: { path: string }) => path);
}

async function hits(agent: string): Promise<number> {
  const { data } = await server.gql(
    'query ($id: ID!) { agent(id: $id) { traffic(timeframe: { last: "PT2H" }) { total { hits } } } }',
    { id: await agentId(server, agent) },
  );
  return data.agent.traffic.total.hits;
}

test('partitions are there for hours ahead, without a gap, named and bounded in UTC', async () => {
  const found = await partitions();
  const now = hour(Date.now());
  for (let startMs = now; startMs <= now + 4 * HOUR_MS; startMs += HOUR_MS) {
    expect(found.get(nameOf(startMs))).toBe(boundsOf(startMs));
  }
  expect(found.size).toBeLessThan(10);
  await ensurePartitions(db);
  expect([...(await partitions()).keys()].slice(0, found.size)).toEqual([...found.keys()]);
});

test.each(['Europe/Warsaw', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Kiritimati'])(
  'made by a session in %s they are the same',
  async (zone) => {
    const before = await partitions();
    await withConnection(url, async (client) => {
      await client.query(`SET timezone = '${zone}'`);
      const foreign = foreignDatabase(client);
      // Those of a day ahead, which nobody has made yet.
      await ensureFor(foreign, 24 * 3_600);
    });
    const after = await partitions();
    expect(after.size).toBeGreaterThan(before.size);
    for (const [name, bounds] of after) {
      const [, year, month, day, hours] = /_(\d{4})(\d\d)(\d\d)(\d\d)$/.exec(name)!;
      expect(bounds).toBe(boundsOf(Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hours))));
    }
    for (const name of after.keys()) if (!before.has(name)) await db.ownerSql(`DROP TABLE ${name}`);
  },
);

/** Makes partitions as they must be where the default is so long. */
async function ensureFor(store: Database, keepSeconds: number): Promise<void> {
  await store.ownerSql('UPDATE retention SET default_seconds = $1', [keepSeconds]);
  await ensurePartitions(store).finally(() => store.ownerSql('UPDATE retention SET default_seconds = 3600'));
}

/** The store over one connection of another time zone. */
function foreignDatabase(client: pg.Client): Database {
  const query = async (text: string, values?: unknown[]) => (await client.query(text, values)).rows;
  return { now: async () => Date.now(), ownerSql: query, owner: { query } } as unknown as Database;
}

test('several servers make partitions at the same time', async () => {
  const others = await Promise.all([Database.open(url), Database.open(url)]);
  const before = await partitions();
  await Promise.all([db, ...others].map((one) => ensureFor(one, 12 * 3_600)));
  const after = await partitions();
  expect(after.size).toBeGreaterThan(before.size + 5);
  for (const name of after.keys()) if (!before.has(name)) await db.ownerSql(`DROP TABLE IF EXISTS ${name}`);
  for (const other of others) await other.close();
});

test('expired entries are not told any more, even before they are dropped; the windows stay', async () => {
  const at = nowSecond() - 10;
  await sendDirect(server, 'expiring', { at, hits: 2, path: '/gone' });
  await sendDirect(server, 'staying', { at, hits: 3, path: '/here' });
  expect(await paths('expiring')).toEqual(['/gone', '/gone']);
  await expireInto(hour(Date.now()) - 3 * HOUR_MS, 'expiring');
  expect(await chunksOf('expiring')).toBe(1);
  expect(await paths('expiring')).toEqual([]);
  expect(await hits('expiring')).toBe(2);
  expect(await paths('staying')).toHaveLength(3);
});

test('what has wholly expired is dropped, and nothing else', async () => {
  const now = hour(Date.now());
  const expired = [nameOf(now - 3 * HOUR_MS), nameOf(now - HOUR_MS)];
  await db.ownerSql(`CREATE TABLE ${expired[1]} PARTITION OF log_chunk_hours ${boundsOf(now - HOUR_MS)}`);
  const before = [...(await partitions()).keys()];
  expect(before).toEqual(expect.arrayContaining([...expired, nameOf(now)]));
  // An hour may pass between the two lines: then the partition that was the current one has expired too.
  const dropped = await dropExpiredPartitions(db);
  expect(dropped.slice(0, 2)).toEqual(expired);
  expect([...(await partitions()).keys()]).toEqual(before.filter((name) => !dropped.includes(name)));
  const [{ table }] = await db.ownerSql<{ table: string | null }>('SELECT to_regclass($1)::text AS table', [
    expired[0],
  ]);
  expect(table).toBeNull();
  expect(await chunksOf('expiring')).toBe(0);
  expect(await hits('expiring')).toBe(2);
  expect(await paths('staying')).toHaveLength(3);
  expect(await dropExpiredPartitions(db)).toEqual([]);
});

test('a reader that holds its transaction delays neither ingest nor other readers, only the drop', async () => {
  await sendDirect(server, 'read long', { at: nowSecond() - 5, hits: 1 });
  const ago = hour(Date.now()) - 5 * HOUR_MS;
  await expireInto(ago, 'read long');
  const isThere = async () =>
    (await db.ownerSql('SELECT 1 WHERE to_regclass($1) IS NOT NULL', [nameOf(ago)])).length > 0;
  await withConnection(url, async (reader) => {
    await reader.query('BEGIN');
    await reader.query('SELECT count(*) FROM log_chunk');
    let dropped = false;
    const dropping = dropExpiredPartitions(db).finally(() => {
      dropped = true;
    });
    await until(
      async () =>
        (await db.ownerSql("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'virtualxid'")).length > 0,
      5_000,
      'the drop to wait for the reader',
    );
    const latenciesMs: number[] = [];
    for (let i = 0; i < 20; i++) {
      const sinceMs = performance.now();
      await sendDirect(server, 'goes on', { at: nowSecond(), hits: 1 });
      expect(await paths('staying')).toHaveLength(3);
      latenciesMs.push(performance.now() - sinceMs);
      await sleep(20);
    }
    expect(Math.max(...latenciesMs)).toBeLessThan(2_000);
    expect(dropped).toBe(false);
    expect(await isThere()).toBe(true);
    await reader.query('COMMIT');
    expect(await dropping).toContain(nameOf(ago));
  });
  expect(await isThere()).toBe(false);
  expect(await paths('goes on')).toHaveLength(20);
});

test('a drop that gave up half-way, or whose server died, is finished by the next', async () => {
  const ago = hour(Date.now()) - 6 * HOUR_MS;
  const older = hour(Date.now()) - 7 * HOUR_MS;
  await db.ownerSql(`CREATE TABLE ${nameOf(ago)} PARTITION OF log_chunk_hours ${boundsOf(ago)}`);
  await db.ownerSql(`CREATE TABLE ${nameOf(older)} PARTITION OF log_chunk_hours ${boundsOf(older)}`);
  await withConnection(url, async (reader) => {
    await reader.query('BEGIN');
    await reader.query('SELECT count(*) FROM log_chunk');
    await withConnection(url, async (dying) => {
      await dying.query("SET lock_timeout = '300ms'");
      await expect(
        dying.query(`ALTER TABLE log_chunk_hours DETACH PARTITION ${nameOf(ago)} CONCURRENTLY`),
      ).rejects.toThrow(/lock timeout/);
    });
    // Half detached: ingest and the partitions to come are not in its way.
    await sendDirect(server, 'goes on', { at: nowSecond(), hits: 1 });
    await ensureFor(db, 8 * 3_600);
    await reader.query('COMMIT');
  });
  expect((await dropExpiredPartitions(db)).slice(0, 2)).toEqual([nameOf(ago), nameOf(older)]);
  expect([...(await partitions()).keys()]).not.toEqual(expect.arrayContaining([nameOf(ago)]));
});

test('a batch for which no partition was made gets one', async () => {
  for (const name of (await partitions()).keys()) await db.ownerSql(`DROP TABLE ${name}`);
  await sendDirect(server, 'no partition', { at: nowSecond(), hits: 2, path: '/found' });
  expect(await paths('no partition')).toEqual(['/found', '/found']);
});
