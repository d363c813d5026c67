// Goal: raw entries are kept as long as the policies say, no longer and no shorter, whenever these were set.
// Method: the real server; chunks are made older by SQL; what the API shows before and after.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Database } from '../../server/store/database.js';
import { dropExpiredPartitions, ensurePartitions } from '../../server/store/partitions.js';
import { databaseUrl, withConnection } from '../support/database.js';
import { codeOf, ingest, line } from '../support/ingest.js';
import { makeOlder, makePastPartitions } from '../support/older.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { makeTenant, makeToken, ownerSql } from '../support/tenants.js';

let server: TestServer;
let agent: string;
let agentNumber = 0;
const start = Math.floor(Date.now() / 10_000) * 10_000 - 60_000;

beforeAll(async () => {
  server = await startTestServer();
  await makePastPartitions(server);
});
afterAll(() => server.close());
beforeEach(() => {
  agent = `agent ${++agentNumber}`;
});

const SET = `mutation ($input: RetentionInput!) { setRetention(input: $input) {
  defaultLogs pendingChunks policies { id name keepLogs agentIds filter { statusMin path } }
  windows { resolution keep keepBreakdowns } } }`;

async function setRetention(input: object, token?: string) {
  const answer = await server.gql(SET, { input }, token);
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data.setRetention;
}

const SEEDED = { policies: [{ name: 'Errors', filter: { statusMin: 400 }, keepLogs: 'P7D' }], defaultLogs: 'PT1H' };

/** Sends one entry of each path; the agent's id. */
async function send(paths: string[], statusOf = (_path: string) => 200): Promise<string> {
  const entries = paths.map((path, i) => line(start + i, { path, status: statusOf(path) }));
  return (await ingest(server, { agent, entries })).agent.id;
}

interface Shown {
  id: string;
  path: string;
  cursor: string;
}

async function logs(id: string): Promise<Shown[]> {
  const query = 'query ($ids: [ID!]) { logs(agentIds: $ids, first: 1000) { edges { cursor node { id path } } } }';
  const { data, errors } = await server.gql(query, { ids: [id] });
  if (errors) throw new Error(JSON.stringify(errors));
  return data.logs.edges.map((edge: { cursor: string; node: { id: string; path: string } }) => ({
    ...edge.node,
    cursor: edge.cursor,
  }));
}
const pathsOf = async (id: string) => (await logs(id)).map(({ path }) => path).sort();

async function relaidOut(): Promise<void> {
  await until(async () => (await server.gql('{ retention { pendingChunks } }')).data.retention.pendingChunks === 0);
}

const errorAt =
  (...paths: string[]) =>
  (path: string) =>
    paths.includes(path) ? 500 : 200;

test('batches of two chunks, all of one instant, are read whole, each entry once', async () => {
  const entry = (path: string) => line(start, { path, status: path.startsWith('/fine') ? 200 : 500 });
  // A chunk alone, so that the two of a batch are read in different turns; a page is read in turns of 16 chunks.
  const { id } = (await ingest(server, { agent, entries: [entry('/alone')] })).agent;
  const sent = ['/alone'];
  for (let batch = 0; batch < 80; batch++) {
    const paths = [`/fine/${batch}`, `/broken/${batch}`, `/failed/${batch}`];
    await ingest(server, { agent, entries: paths.map(entry) });
    sent.push(...paths);
  }
  expect(await pathsOf(id)).toEqual(sent.sort());
});

test('errors stay seven days, all else an hour, under the same ids and cursors', async () => {
  const id = await send(['/a', '/b', '/c', '/d'], errorAt('/b', '/d'));
  const before = await logs(id);
  expect(before.map(({ path }) => path).sort()).toEqual(['/a', '/b', '/c', '/d']);
  await makeOlder(server, id, 3_590);
  expect(await logs(id)).toEqual(before);
  await makeOlder(server, id, 20);
  expect(await logs(id)).toEqual(before.filter(({ path }) => ['/b', '/d'].includes(path)));
  await makeOlder(server, id, 7 * 86_400);
  expect(await logs(id)).toEqual([]);
});

test('a batch that is kept longer for the most part is stored once, by how long its entries are kept', async () => {
  const errors = Array.from({ length: 99 }, (_, i) => `/err ${i}`);
  const id = await send(['/a', ...errors, '/b'], errorAt(...errors));
  const stored = await ownerSql(
    server,
    'SELECT class, entries, visible_from, octet_length(ordinals) AS own FROM log_chunk WHERE agent_id = $1 ORDER BY class',
    [id],
  );
  expect(stored).toEqual([
    { class: 'days', entries: 99, visible_from: Number.NEGATIVE_INFINITY, own: 99 },
    { class: 'hours', entries: 2, visible_from: Number.NEGATIVE_INFINITY, own: 2 },
  ]);
  const before = await logs(id);
  expect(before).toHaveLength(101);
  await makeOlder(server, id, 3_590);
  expect(await logs(id)).toEqual(before);
  await makeOlder(server, id, 20);
  expect(await logs(id)).toEqual(before.filter(({ path }) => path.startsWith('/err')));
});

test('the first policy that matches wins, for the agents that it names, shorter than the default too', async () => {
  const other = await send(['/other']);
  agent = `${agent} b`;
  const own = await send(['/first']);
  await setRetention({
    policies: [
      { name: 'Health', filter: { path: '/health' }, keepLogs: 'PT1M' },
      { name: 'One agent', filter: { statusMin: 200 }, agentIds: [own], keepLogs: 'P2D' },
      { name: 'Errors', filter: { statusMin: 400 }, keepLogs: 'P30D' },
    ],
  });
  await relaidOut();
  const id = await send(['/health', '/x', '/err'], errorAt('/err', '/health'));
  expect(id).toBe(own);
  await makeOlder(server, id, 70);
  expect(await pathsOf(id)).toEqual(['/err', '/first', '/x']);
  await makeOlder(server, id, 86_400);
  expect(await pathsOf(id)).toEqual(['/err', '/first', '/x']);
  await makeOlder(server, id, 86_400);
  expect(await pathsOf(id)).toEqual([]);
  expect(await pathsOf(other)).toEqual(['/other']);
  await setRetention(SEEDED);
});

test('a new policy holds for what is stored: kept longer, gone sooner, nothing comes back', async () => {
  const id = await send(['/a', '/b', '/c', '/err'], errorAt('/err'));
  await setRetention({ policies: [{ name: 'Long', filter: { path: '/a' }, keepLogs: 'P90D' }] });
  await relaidOut();
  await makeOlder(server, id, 3_700);
  expect(await pathsOf(id)).toEqual(['/a']);
  // What has expired stays so, whatever is said later.
  await setRetention({ defaultLogs: 'P5D', policies: [] });
  await relaidOut();
  expect(await pathsOf(id)).toEqual(['/a']);
  await setRetention({ defaultLogs: 'PT1H' });
  await relaidOut();
  expect(await pathsOf(id)).toEqual([]);
  await setRetention(SEEDED);
});

test('a policy that keeps everything longer makes one chunk, not two', async () => {
  await setRetention({ policies: [{ name: 'All', filter: {}, keepLogs: 'P40D' }] });
  const id = await send(['/a', '/b']);
  const chunks = await ownerSql(server, 'SELECT class, ordinals FROM log_chunk WHERE agent_id = $1', [id]);
  expect(chunks).toEqual([{ class: 'months', ordinals: null }]);
  await setRetention(SEEDED);
});

test('the API says what is kept, and what is stored of it', async () => {
  const id = await send(['/a', '/err'], errorAt('/err'));
  const query = `{ retention { defaultLogs pendingChunks nextPurgeAt policies { name keepLogs }
    windows { resolution keep keepBreakdowns } windowsStored { resolution rows bytes }
    logs { keepLogs entries bytes nextExpiryAt policies { name } } } }`;
  await relaidOut();
  const { retention } = (await server.gql(query)).data;
  expect(retention.defaultLogs).toBe('PT1H');
  expect(retention.policies).toEqual([{ name: 'Errors', keepLogs: 'P7D' }]);
  expect(retention.windows.map(({ resolution }: { resolution: string }) => resolution)).toEqual([
    'SECONDS_10',
    'MINUTE',
    'HOUR',
    'DAY',
  ]);
  const stored = await ownerSql(server, 'SELECT count(*) AS rows FROM traffic_window WHERE resolution = 10');
  expect(retention.windowsStored[0]).toMatchObject({ resolution: 'SECONDS_10', rows: Number(stored[0].rows) });
  const [hour, week] = retention.logs;
  expect([hour.keepLogs, hour.policies, week.keepLogs, week.policies]).toEqual([
    'PT1H',
    [],
    'P7D',
    [{ name: 'Errors' }],
  ]);
  expect(hour.entries).toBeGreaterThanOrEqual(2);
  expect(hour.bytes).toBeGreaterThan(0);
  expect(Date.parse(retention.nextPurgeAt)).toBeGreaterThan(Date.now() - 8 * 86_400_000);
  const policies = await server.gql('query ($id: ID!) { agent(id: $id) { retentionPolicies { name } } }', { id });
  expect(policies.data.agent.retentionPolicies).toEqual([{ name: 'Errors' }]);
});

test.each([
  ['too short', { defaultLogs: 'PT30S' }, 'PT1M to P400D'],
  ['too long', { policies: [{ name: 'x', filter: {}, keepLogs: 'P401D' }] }, 'PT1M to P400D'],
  ['no name', { policies: [{ name: ' ', filter: {}, keepLogs: 'P1D' }] }, 'name'],
  ['windows too short', { windows: [{ resolution: 'SECONDS_10', keep: 'PT1H' }] }, 'P2D'],
  ['coarse ones shorter than fine ones', { windows: [{ resolution: 'HOUR', keep: 'P30D' }] }, 'as long as finer ones'],
  [
    'breakdowns longer than windows',
    { windows: [{ resolution: 'SECONDS_10', keep: 'P3D', keepBreakdowns: 'P4D' }] },
    'not be longer',
  ],
])('%s is refused, and changes nothing', async (_what, input, message) => {
  const before = (await server.gql('{ retention { defaultLogs windows { keep } policies { name keepLogs } } }')).data;
  const answer = await server.gql(SET, { input });
  expect(codeOf(answer)).toBe('BAD_USER_INPUT');
  expect(answer.errors![0].message).toContain(message);
  expect((await server.gql('{ retention { defaultLogs windows { keep } policies { name keepLogs } } }')).data).toEqual(
    before,
  );
});

test('windows: a field not given stays, null is for ever, a resolution may be named twice', async () => {
  const shown = async (windows: object[]) => (await setRetention({ windows })).windows[0];
  const seconds = { resolution: 'SECONDS_10' };
  expect(await shown([{ ...seconds, keep: 'P30D' }])).toEqual({ ...seconds, keep: 'P30D', keepBreakdowns: 'P2D' });
  expect(
    await shown([
      { ...seconds, keep: null },
      { ...seconds, keepBreakdowns: 'P3D' },
    ]),
  ).toEqual({ ...seconds, keep: null, keepBreakdowns: 'P3D' });
  const minutes = { resolution: 'MINUTE', keepBreakdowns: null };
  expect(await shown([{ ...seconds, keepBreakdowns: null }, minutes])).toEqual({
    ...seconds,
    keep: null,
    keepBreakdowns: null,
  });
});

test('only who manages may set it, and only for agents of the tenant', async () => {
  const foreign = await makeTenant(server, 'another');
  const admin = await makeToken(server, { tenantId: foreign, role: 'ADMIN' });
  const id = await send(['/a']);
  const policies = [{ name: 'x', filter: {}, agentIds: [id], keepLogs: 'P1D' }];
  expect(codeOf(await server.gql(SET, { input: { policies } }, admin))).toBe('NOT_FOUND');
  for (const role of ['VIEWER', 'AGENT'] as const) {
    const token = await makeToken(server, { role });
    expect(codeOf(await server.gql(SET, { input: { defaultLogs: 'P1D' } }, token))).toBe('FORBIDDEN');
  }
  expect(
    codeOf(await server.gql('{ retention { defaultLogs } }', {}, await makeToken(server, { role: 'AGENT' }))),
  ).toBe('FORBIDDEN');
});

test('partitions of every class go while a reader holds the table, and ingest goes on', async () => {
  await setRetention({
    policies: [
      { name: 'Days', filter: { path: '/days' }, keepLogs: 'P3D' },
      { name: 'Months', filter: { path: '/months' }, keepLogs: 'P60D' },
    ],
  });
  await relaidOut();
  const db = await Database.open(databaseUrl(server.dataFolder));
  await ensurePartitions(db);
  const old: Record<string, string> = {
    hours: "log_chunk_hours_2020010100 FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-01-01 01:00:00+00')",
    days: "log_chunk_days_20200101 FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-01-02 00:00:00+00')",
    months: "log_chunk_months_202001 FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-02-01 00:00:00+00')",
  };
  for (const [name, partition] of Object.entries(old)) {
    const [table] = partition.split(' ');
    await db.ownerSql(`CREATE TABLE ${table} (LIKE log_chunk_${name} INCLUDING ALL)`);
    await db.ownerSql(`ALTER TABLE log_chunk_${name} ATTACH PARTITION ${partition}`);
  }
  let longest = 0;
  await withConnection(databaseUrl(server.dataFolder), async (reader) => {
    await reader.query('BEGIN');
    await reader.query('SELECT count(*) FROM log_chunk');
    const dropping = dropExpiredPartitions(db);
    for (let i = 0; i < 5; i++) {
      const begun = performance.now();
      await send(['/days', '/months', '/x']);
      longest = Math.max(longest, performance.now() - begun);
    }
    await reader.query('COMMIT');
    expect((await dropping).sort()).toEqual(
      Object.values(old)
        .map((partition) => partition.split(' ')[0])
        .sort(),
    );
  });
  // The reader never let go before: what was taken in did not wait for it.
  expect(longest).toBeLessThan(5_000);
  const [{ count }] = await db.ownerSql<{ count: number }>(
    "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^log_chunk_.*_[0-9]+$'",
  );
  expect(count).toBeLessThan(80);
  await db.close();
  await setRetention(SEEDED);
});
