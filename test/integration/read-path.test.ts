// Goal: a request reads together what belongs together, and nothing more once nobody waits for it.
// Method: statements counted beneath the loader; clients that go away while PostgreSQL is held up by a lock.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Context } from '../../server/api/context.js';
import { agentOf } from '../../server/api/request.js';
import { REQUEST_KEYS_MAX } from '../../server/api/traffic/budget.js';
import { TrafficLoader } from '../../server/api/traffic/loader.js';
import { heaviest, keysMax } from '../../server/core/sketches/tops.js';
import { DIMENSIONS, type Part } from '../../server/core/windows/breakdown.js';
import { type ApiError, isTransient } from '../../server/errors.js';
import type { Database, Transaction } from '../../server/store/database.js';
import { PARTS_AT_ONCE } from '../../server/store/sql/traffic.sql.js';
import { wrongTops } from '../support/brute-force.js';
import { databaseUrl, withConnection } from '../support/database.js';
import { entry } from '../support/entries.js';
import { ingest, line, stateOf } from '../support/ingest.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { Statistics } from '../support/statistics.js';
import { ownerSql } from '../support/tenants.js';

const start = Date.UTC(2026, 0, 1);
const span = { fromMs: start, toMs: start + 3_600_000 };

let server: TestServer;
let statistics: Statistics;
beforeAll(async () => {
  [server, statistics] = await Promise.all([startTestServer(), Statistics.start()]);
});
afterAll(() => Promise.all([server.close(), statistics.close()]));

/** The database, with a count of transactions, and of their statements and what these returned. */
function counting(db: Database) {
  const counts = { transactions: 0, statements: [] as string[], rows: [] as number[] };
  const inTenants: Database['inTenants'] = (tenantIds, work, options) =>
    db.inTenants(
      tenantIds,
      (tx) => {
        counts.transactions++;
        const sql: Transaction['sql'] = async (text, values) => {
          counts.statements.push(text);
          const rows = await tx.sql(text, values);
          counts.rows.push(rows.length);
          return rows as never;
        };
        return work({ ...tx, sql });
      },
      options,
    );
  return { db: Object.assign(Object.create(db), { inTenants }) as Database, counts };
}

test('many agents of whom the same is asked cost as many statements as one', async () => {
  const tenantId = await statistics.newTenant();
  const ids: string[] = [];
  for (let i = 0; i < 20; i++)
    ids.push(await statistics.append(tenantId, `agent ${i}`, new Array(i + 1).fill(entry({ timeMs: start }))));
  const asked = async (agents: string[]) => {
    const { db, counts } = counting(statistics.db);
    const loader = new TrafficLoader(db, tenantId);
    const totals = agents.map((id) =>
      loader.load({ agentIds: [id], span, wish: { kind: 'total', parts: ['PATH', 'SIZE'] } }),
    );
    const series = agents.map((id) => {
      const shape = { maxPoints: 60, step: null, resolution: null };
      return loader.load({ agentIds: [id], span, wish: { kind: 'series', asked: shape, parts: [], revisions: true } });
    });
    const hits = (await Promise.all(totals)).map(({ total }) => total.totals.hits);
    const buckets = (await Promise.all(series)).map((answer) => answer.buckets.get(start)!.totals.hits);
    return { hits, buckets, ...counts };
  };
  const one = await asked([ids[4]]);
  expect(one).toMatchObject({ hits: [5], buckets: [5], transactions: 1 });
  const many = await asked(ids);
  expect(many.hits).toEqual(ids.map((_, i) => i + 1));
  expect(many.buckets).toEqual(many.hits);
  expect([many.transactions, many.statements.length]).toEqual([1, one.statements.length]);
});

test('agents of many entries are read together', async () => {
  const tenantId = await statistics.newTenant();
  const ids: string[] = [];
  for (const name of ['one', 'two', 'three'])
    ids.push(await statistics.append(tenantId, name, [entry({ timeMs: start })]));
  const { db, counts } = counting(statistics.db);
  const context = { identity: { tenantId }, services: { db } } as unknown as Context;
  const unknown = '00000000-0000-4000-8000-000000000000';
  const agents = await Promise.all([...ids, ...ids, unknown].map((id) => agentOf(context, id)));
  expect(agents.map((agent) => agent?.name)).toEqual(['one', 'two', 'three', 'one', 'two', 'three', undefined]);
  expect(counts.transactions).toBe(1);
});

test('a total beside its series reads no numbers of its own', async () => {
  const tenantId = await statistics.newTenant();
  await statistics.append(tenantId, 'agent', [entry({ timeMs: start }), entry({ timeMs: start + 60_000 })]);
  const { db, counts } = counting(statistics.db);
  const loader = new TrafficLoader(db, tenantId);
  const shape = { maxPoints: 60, step: null, resolution: null };
  const [{ total }, { buckets }] = await Promise.all([
    loader.load({ agentIds: null, span, wish: { kind: 'total', parts: [] } }),
    loader.load({ agentIds: null, span, wish: { kind: 'series', asked: shape, parts: [], revisions: false } }),
  ]);
  expect([total.totals.hits, [...buckets.values()].map(({ totals }) => totals.hits)]).toEqual([2, [1, 1]]);
  expect(counts.statements.filter((text) => text.includes('FROM traffic_window'))).toHaveLength(1);
});

test('breakdowns are read in slices, and say what they would at once', async () => {
  const tenantId = await statistics.newTenant();
  const path = (i: number) => `/${i % 7}`;
  const entries = Array.from({ length: 300 }, (_, i) => entry({ timeMs: start + i * 10_000, target: path(i) }));
  for (const agent of ['first', 'second']) await statistics.append(tenantId, agent, entries);
  const { db, counts } = counting(statistics.db);
  const loader = new TrafficLoader(db, tenantId);
  const asked = { maxPoints: 400, step: 10, resolution: null };
  const [{ buckets }, { total }] = await Promise.all([
    loader.load({ agentIds: null, span, wish: { kind: 'series', asked, parts: ['PATH'], revisions: true } }),
    loader.load({ agentIds: null, span, wish: { kind: 'total', parts: ['PATH', 'HOSTS'] } }),
  ]);
  entries.forEach(({ timeMs }, i) => {
    const tops = buckets.get(timeMs)!.breakdown!.tops.PATH;
    expect(heaviest(tops, 9)).toMatchObject([{ key: path(i), hits: 2, bytes: 200, maxError: 0 }]);
  });
  expect(wrongTops(total, [...entries, ...entries], ['PATH'])).toEqual([]);
  const slices = counts.rows.filter((_, i) => counts.statements[i].startsWith('FETCH'));
  expect(Math.max(...slices)).toBe(PARTS_AT_ONCE);
  expect(slices.slice(0, 10)).toEqual([...new Array(9).fill(PARTS_AT_ONCE), 600 - 9 * PARTS_AT_ONCE]);
});

test('a bucket keeps no more keys than a window of the resolution that it is read at, and its errors stay honest', async () => {
  const tenantId = await statistics.newTenant();
  const entries = Array.from({ length: 3_000 }, (_, i) =>
    entry({ timeMs: start + Math.floor(i / 300) * 60_000, target: `/${i % 7 === 0 ? 'much' : i}` }),
  );
  await statistics.append(tenantId, 'agent', entries);
  const asked = { maxPoints: 1, step: 3_600, resolution: null };
  const wish = { kind: 'series' as const, asked, parts: ['PATH' as const], revisions: false };
  const { buckets } = await statistics.traffic(tenantId).load({ agentIds: null, span, wish });
  const bucket = buckets.get(start)!;
  expect(bucket.breakdown!.tops.PATH.keys.length).toBe(keysMax(3_600));
  expect(heaviest(bucket.breakdown!.tops.PATH, 1)).toMatchObject([{ key: '/much', hits: 429, maxError: 0 }]);
  expect(wrongTops(bucket, entries, ['PATH'])).toEqual([]);
});

test('breakdowns that would not fit into memory are refused, those of one request together, and only those', async () => {
  const tenantId = await statistics.newTenant();
  await statistics.append(tenantId, 'agent', [entry({ timeMs: start })]);
  const loader = statistics.traffic(tenantId);
  const ask = (points: number, parts: readonly Part[]) => {
    const asked = { maxPoints: points, step: 10, resolution: null };
    const wish = { kind: 'series' as const, asked, parts, revisions: false };
    return loader.load({ agentIds: null, span: { fromMs: start, toMs: start + points * 10_000 }, wish });
  };
  const [all, some, plain, more] = await Promise.allSettled([
    ask(10_000, DIMENSIONS),
    ask(240, DIMENSIONS),
    ask(10_000, []),
    ask(240, DIMENSIONS),
  ]);
  expect([all, some, plain, more].map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'fulfilled',
    'rejected',
  ]);
  for (const refused of [all, more] as PromiseRejectedResult[])
    expect((refused.reason as ApiError).extensions.code).toBe('QUERY_TOO_COMPLEX');
  expect((all as PromiseRejectedResult).reason.message).toContain(`at most ${REQUEST_KEYS_MAX}`);
});

/** Statements that PostgreSQL is at, which read traffic for a query, or write windows for a batch. */
const running = (of: 'query' | 'batch') =>
  ownerSql(
    server,
    `SELECT query FROM pg_stat_activity WHERE application_name = 'hlm' AND state = 'active'
       AND query LIKE '${of === 'query' ? '%SELECT owner AS%' : '%INTO traffic_window%'}'`,
  );

test('a client that goes away takes its statement with it, and leaves the server as it was', async () => {
  await ingest(server, { agent: 'gone', entries: [line(start)] });
  const query =
    '{ traffic(timeframe: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }) { total { hits } } }';
  const ask = (signal?: AbortSignal) =>
    fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${server.operatorToken}` },
      body: JSON.stringify({ query }),
      signal,
    });
  await withConnection(databaseUrl(server.dataFolder), async (owner) => {
    await owner.query('BEGIN');
    await owner.query('LOCK TABLE traffic_window IN ACCESS EXCLUSIVE MODE');
    for (let round = 0; round < 3; round++) {
      const gone = new AbortController();
      const requests = Array.from({ length: 10 }, () => ask(gone.signal).catch((error: Error) => error.name));
      await until(async () => (await running('query')).length >= 5);
      gone.abort();
      expect(new Set(await Promise.all(requests))).toEqual(new Set(['AbortError']));
      // Well before the lock's own time-out of five seconds.
      await until(async () => (await running('query')).length === 0, 3_000);
    }
    await owner.query('ROLLBACK');
  });
  const { data } = (await (await ask()).json()) as { data: { traffic: { total: { hits: number } } } };
  expect(data.traffic.total.hits).toBe(1);
});

test('a batch whose client went away is taken in whole, or not at all', async () => {
  const gone = new AbortController();
  const entries = [line(start), line(start)];
  const body = {
    query: 'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { accepted } }',
    variables: { input: { agent: 'left', entries } },
  };
  await withConnection(databaseUrl(server.dataFolder), async (owner) => {
    await owner.query('BEGIN');
    await owner.query('LOCK TABLE traffic_window IN ACCESS EXCLUSIVE MODE');
    const sending = fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${server.operatorToken}` },
      body: JSON.stringify(body),
      signal: gone.signal,
    }).catch(() => undefined);
    await until(async () => (await running('batch')).length > 0);
    gone.abort();
    await sending;
    await sleep(200);
    await owner.query('ROLLBACK');
  });
  await until(async () => (await stateOf(server, 'left'))?.ledger.accepted === 2);
});

test('what is stored is read field by field: one that is held up holds up no other', async () => {
  await ingest(server, { agent: 'stored', entries: [line(Date.now())] });
  const fields = {
    traffic_window: 'pendingChunks nextPurgeAt logs { entries }',
    log_chunk: 'defaultLogs windowsStored { rows } again: windowsStored { rows }',
  };
  for (const [table, asked] of Object.entries(fields)) {
    await withConnection(databaseUrl(server.dataFolder), async (holder) => {
      await holder.query(`BEGIN; LOCK TABLE ${table}`);
      const { data, errors } = await server.gql(`{ retention { ${asked} } }`);
      expect(errors).toBeUndefined();
      expect(data.retention.again).toEqual(data.retention.windowsStored);
      await holder.query('ROLLBACK');
    });
  }
});

test('a connection that ends between two statements is trouble that passes', async () => {
  const { db } = statistics;
  const tenantId = await statistics.newTenant();
  const failure = await db
    .inTenants([tenantId], async ({ sql, manager }) => {
      const [{ pid }] = await sql<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await db.ownerSql('SELECT pg_terminate_backend($1)', [pid]);
      await until(() => manager.queryRunner!.isReleased, 10_000, 'the connection to end');
      await manager.query('SELECT 1');
    })
    .catch((error: unknown) => error);
  expect({ failure, passes: isTransient(failure) }).toEqual({ failure: expect.any(Error), passes: true });
});

test('a connection that ends while nobody listens to it ends no process', async () => {
  const { db } = statistics;
  const held = await db.ownerPool.connect();
  const { pid } = (await held.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0];
  let ended = false;
  held.once('end', () => {
    ended = true;
  });
  try {
    await db.ownerSql('SELECT pg_terminate_backend($1)', [pid]);
    await until(() => ended, 10_000, 'the connection to end');
    await expect(held.query('SELECT 1')).rejects.toThrow();
  } finally {
    held.release(true);
  }
});
