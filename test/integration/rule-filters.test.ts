// Goal: a filtered rule looks at exactly the entries that its filter admits, of its past as well, each counted once.
// Method: the real server on its own PostgreSQL; old traffic with known seconds; rules made and changed while batches
// come in, against counting what was sent one by one.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { dropOldCounts } from '../../server/alerts/index.js';
import { secondCountsOf } from '../../server/alerts/second-counts.js';
import { Database } from '../../server/store/database.js';
import { databaseUrl } from '../support/database.js';
import { makeOlder, makePastPartitions } from '../support/older.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import {
  agentId,
  alertEvents,
  type Burst,
  createRule,
  endAgent,
  isoSecond,
  openSource,
  sendDirect,
} from '../support/sources.js';
import { ownerSql } from '../support/tenants.js';

/** Unix second of old traffic. */
const NOON = Date.parse('2024-05-01T12:00:00Z') / 1_000;
const UPDATE = `mutation ($id: ID!, $input: AlertRulePatch!) { updateAlertRule(id: $id, input: $input) {
  filter { statusMin statusMax method path section host search } } }`;
const DELETE = 'mutation ($id: ID!) { deleteAlertRule(id: $id) }';
const DELETE_TRAFFIC = 'mutation ($input: DeleteTrafficInput!) { deleteTraffic(input: $input) { hits } }';
const NO_FILTER = {
  statusMin: null,
  statusMax: null,
  method: null,
  path: null,
  section: null,
  host: null,
  search: null,
};

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await makePastPartitions(server);
}, 60_000);
afterAll(() => server.close());

async function history(agent: string, ...bursts: Burst[]): Promise<void> {
  await sendDirect(server, agent, ...bursts);
  await endAgent(server, agent);
}

async function told(rule: string, count: number): Promise<[string, number, number][]> {
  await until(async () => (await alertEvents(server, [rule])).length >= count, 15_000, `${count} alert events`);
  return (await alertEvents(server, [rule])).map(({ type, at, value }) => [type, Date.parse(at) / 1_000 - NOON, value]);
}

async function update(id: string, input: object) {
  const { data, errors } = await server.gql(UPDATE, { id, input });
  expect(errors).toBeUndefined();
  return data.updateAlertRule;
}

/** Whether all that comes of an agent is counted for a rule. */
async function isCounted(rule: string, agent: string): Promise<boolean> {
  const rows = await ownerSql(
    server,
    'SELECT FROM alert_state WHERE rule_id = $1 AND agent_id = $2 AND counted_from IS NOT NULL',
    [rule, await agentId(server, agent)],
  );
  return rows.length === 1;
}

/** What is stored of a rule's counts: hits and bytes by second. */
async function stored(rule: string, agent: string): Promise<Map<number, { hits: number; bytes: number }>> {
  const rows = await ownerSql(
    server,
    `SELECT start_ms, seconds FROM rule_seconds s JOIN alert_rule r USING (tenant_id, filter_version)
     WHERE r.id = s.rule_id AND rule_id = $1 AND agent_id = $2`,
    [rule, await agentId(server, agent)],
  );
  const counts = rows.flatMap(({ start_ms, seconds }) => secondCountsOf(Number(start_ms), seconds));
  return new Map(counts.map(({ second, hits, bytes }) => [second, { hits, bytes }]));
}

test('errors of one path fire; what else comes does not', async () => {
  const filter = { statusMin: 400, statusMax: 499, path: '/login' };
  const rule = await createRule(server, { name: 'logins', threshold: 1, filter });
  await history(
    'mixed',
    { at: NOON, hits: 50, path: '/login', status: 200 },
    { at: NOON, hits: 50, path: '/login', status: 500 },
    { at: NOON + 1, hits: 50, path: '/other', status: 404 },
    { at: NOON + 2, hits: 10, path: '/login', status: 403 },
    { at: NOON + 4, hits: 1, path: '/login?next=/other', status: 499 },
    { at: NOON + 20, hits: 1 },
  );
  expect(await told(rule, 2)).toEqual([
    ['TRIGGERED', 4, 1.1],
    ['RECOVERED', 12, 0.1],
  ]);
  const [{ message }] = await alertEvents(server, [rule]);
  expect(message).toBe('logins generated an alert - hits = 1.10, triggered at 2024-05-01T12:00:04Z');
});

test.each([
  ['path', { path: '/a/b' }, 3],
  ['section', { section: '/a' }, 7],
  ['search', { search: 'B' }, 3 + 5],
  ['method', { method: 'GET' }, 15],
  ['host', { host: '10.0.0.2' }, 0],
  ['statusMin', { statusMin: 400 }, 4],
  ['all', { statusMin: 400, section: '/a', method: 'GET', host: '10.0.0.1' }, 4],
])('a filter by %s counts what it admits', async (name, filter, hits) => {
  const agent = `by ${name}`;
  const rule = await createRule(server, { name, threshold: 1e9, filter });
  await sendDirect(server, agent, { at: NOON - 100, hits: 1, path: '/zzz', status: 302 });
  await until(() => isCounted(rule, agent), 10_000, 'the rule counts');
  await sendDirect(
    server,
    agent,
    { at: NOON, hits: 3, path: '/a/b' },
    { at: NOON, hits: 4, path: '/a/c', status: 404 },
    { at: NOON, hits: 5, path: '/b' },
    { at: NOON, hits: 3, path: '/c' },
  );
  expect((await stored(rule, agent)).get(NOON)?.hits ?? 0).toBe(hits);
  await server.gql(DELETE, { id: rule });
});

test('a new rule knows what is still kept of its past, and no more than it needs', async () => {
  await sendDirect(server, 'has a past', { at: NOON - 60, hits: 99, path: '/x' }, { at: NOON, hits: 6, path: '/x' });
  const rule = await createRule(server, { name: 'past', threshold: 1, filter: { path: '/x' } });
  await until(() => isCounted(rule, 'has a past'), 10_000, 'the past is counted');
  expect(await stored(rule, 'has a past')).toEqual(new Map([[NOON, { hits: 6, bytes: 600 }]]));
  await history('has a past', { at: NOON + 3, hits: 5, path: '/x' }, { at: NOON + 3, hits: 500, path: '/y' });
  expect(await told(rule, 2)).toEqual([
    ['TRIGGERED', 3, 1.1],
    ['RECOVERED', 10, 0.5],
  ]);
});

test('another filter closes what fires and begins with its own past; none looks at all traffic again', async () => {
  const agent = 'refiltered';
  const source = await openSource(server, agent);
  const rule = await createRule(server, { name: 'changes', threshold: 1, filter: { path: '/one' } });
  await source.send(
    { at: NOON, hits: 11, path: '/one' },
    { at: NOON + 5, hits: 11, path: '/two' },
    { at: NOON + 11, hits: 1 },
  );
  await source.send({ at: NOON + 11, hits: 1 });
  expect(await told(rule, 1)).toEqual([['TRIGGERED', 0, 1.1]]);
  expect((await update(rule, { filter: { path: '/two' } })).filter).toEqual({ ...NO_FILTER, path: '/two' });
  expect((await told(rule, 2)).slice(1)).toEqual([['CLOSED', 5, 1.1]]);
  await source.send({ at: NOON + 30, hits: 1 });
  expect((await told(rule, 4)).slice(2)).toEqual([
    ['TRIGGERED', 6, 1.1],
    ['RECOVERED', 15, 0],
  ]);
  expect((await update(rule, { filter: null })).filter).toBeNull();
  await source.send({ at: NOON + 40, hits: 11, path: '/three' }, { at: NOON + 60, hits: 1 });
  expect((await told(rule, 6)).slice(4)).toEqual([
    ['TRIGGERED', 40, 1.1],
    ['RECOVERED', 50, 0],
  ]);
});

test('a filter that says nothing is none, and one that cannot be stored is refused', async () => {
  const rule = await createRule(server, { name: 'empty', threshold: 1e9, filter: { path: null } });
  expect((await update(rule, {})).filter).toBeNull();
  for (const filter of [{ path: 'x'.repeat(1_001) }, { search: 'a\0b' }]) {
    const { errors } = await server.gql(UPDATE, { id: rule, input: { filter } });
    expect(errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
  }
});

test('deleted statistics are no more counted', async () => {
  const agent = 'erased';
  const rule = await createRule(server, { name: 'erased', threshold: 1, filter: { path: '/e' } });
  await sendDirect(server, agent, { at: NOON + 8, hits: 6, path: '/e' });
  await until(() => isCounted(rule, agent), 10_000, 'the rule counts');
  const timeframes = [{ from: isoSecond(NOON), to: isoSecond(NOON + 10) }];
  const input = { timeframes, agentIds: [await agentId(server, agent)] };
  expect((await server.gql(DELETE_TRAFFIC, { input })).errors).toBeUndefined();
  expect(await stored(rule, agent)).toEqual(new Map());
  await history(agent, { at: NOON + 12, hits: 6, path: '/e' }, { at: NOON + 40, hits: 11, path: '/e' });
  expect(await told(rule, 2)).toEqual([
    ['TRIGGERED', 40, 1.1],
    ['RECOVERED', 50, 0],
  ]);
});

test('where entries of the past have gone, a rule for too little waits for a window that it knows whole', async () => {
  const agent = 'expired';
  const source = await openSource(server, agent);
  await source.send({ at: NOON - 100, hits: 1 }, { at: NOON, hits: 20, path: '/e' });
  await makeOlder(server, await agentId(server, agent), 7_200);
  await source.send({ at: NOON + 5, hits: 20, path: '/e' });
  const rule = await createRule(server, {
    name: 'too little',
    comparison: 'LESS_THAN',
    threshold: 3,
    filter: { path: '/e' },
  });
  // Of the window of NOON half is gone: 20 hits within ten seconds, where there were 40.
  await source.send({ at: NOON + 12, hits: 20, path: '/e' }, { at: NOON + 40, hits: 1 });
  await source.send({ at: NOON + 40, hits: 1 });
  expect(await told(rule, 1)).toEqual([['TRIGGERED', 20, 2]]);
});

test('rules made, changed and switched while batches come in count each entry once', async () => {
  const agents = ['busy a', 'busy b', 'busy c'];
  const paths = ['/p/0', '/p/1', '/q/2'];
  const sent = new Map(agents.map((agent) => [agent, [] as (Burst & { path: string })[]]));
  const sources = await Promise.all(agents.map((agent) => openSource(server, agent)));
  let rounds = 0;
  const feeding = sources.map(async (source, a) => {
    for (let i = 0; i < 60; i++) {
      // Now and then out of order.
      const at = NOON + 10_000 + Math.floor(i / 2) - (i % 7 === 0 ? 3 : 0);
      const bursts = paths.map((path, p) => ({ at, hits: 1 + ((i + a + p) % 4), path, status: 200 + 100 * (i % 4) }));
      await source.send(...bursts);
      sent.get(source.agent)!.push(...bursts);
      rounds++;
    }
  });
  const reached = (count: number) => until(async () => rounds >= count, 30_000, `${count} batches`);
  const window = 'PT5M';
  const name = 'made in between';
  await reached(10);
  const byPath = await createRule(server, { name, window, threshold: 1e9, filter: { path: '/p/1' } });
  await reached(40);
  const bySection = await createRule(server, { name, window, threshold: 1e9, filter: { section: '/q' } });
  await update(byPath, { enabled: false });
  await reached(70);
  await update(bySection, { filter: { section: '/p', statusMin: 300 } });
  await update(byPath, { enabled: true });
  await reached(100);
  await update(byPath, { threshold: 1e8 });
  await Promise.all(feeding);

  const expected = (agent: string, admits: (burst: Burst & { path: string }) => boolean) => {
    const counts = new Map<number, { hits: number; bytes: number }>();
    for (const { at, hits } of sent.get(agent)!.filter(admits)) {
      const sum = (counts.get(at)?.hits ?? 0) + hits;
      counts.set(at, { hits: sum, bytes: sum * 100 });
    }
    return counts;
  };
  for (const agent of agents) {
    for (const rule of [byPath, bySection]) await until(() => isCounted(rule, agent), 10_000, 'the rule counts');
    expect(await stored(byPath, agent)).toEqual(expected(agent, ({ path }) => path === '/p/1'));
    expect(await stored(bySection, agent)).toEqual(
      expected(agent, ({ path, status }) => path.startsWith('/p') && status! >= 300),
    );
  }
});

test('counts that no rule looks at any more are dropped: of more than a day before, and of rules that are gone', async () => {
  const agent = 'long ago';
  const [old, gone] = [
    await createRule(server, { name: 'old', threshold: 1e9, filter: { path: '/o' } }),
    await createRule(server, { name: 'gone', threshold: 1e9, filter: { path: '/o' } }),
  ];
  const day = 86_400;
  await sendDirect(server, agent, { at: NOON, hits: 2, path: '/o' });
  for (const rule of [old, gone]) await until(() => isCounted(rule, agent), 10_000, 'the rule counts');
  await sendDirect(server, agent, { at: NOON + day, hits: 3, path: '/o' });
  await server.gql(DELETE, { id: gone });
  await history(agent, { at: NOON + 2 * day, hits: 4, path: '/o' });
  const clock = 'SELECT alert_clock_ms FROM agent WHERE name = $1';
  await until(
    async () => Number((await ownerSql(server, clock, [agent]))[0].alert_clock_ms) > (NOON + 2 * day) * 1_000,
    10_000,
    'the clock',
  );
  const db = await Database.open(databaseUrl(server.dataFolder));
  expect(await dropOldCounts(db)).toBeGreaterThan(0);
  await db.close();
  expect([...(await stored(old, agent)).keys()]).toEqual([NOON + day, NOON + 2 * day]);
  expect(await ownerSql(server, 'SELECT FROM rule_seconds WHERE rule_id = $1', [gone])).toEqual([]);
});

test('a deleted agent leaves no counts, and is counted anew when it comes again', async () => {
  const agent = 'comes again';
  const rule = await createRule(server, { name: 'again', threshold: 1, filter: { path: '/again' } });
  await sendDirect(server, agent, { at: NOON, hits: 6, path: '/again' });
  await until(() => isCounted(rule, agent), 10_000, 'the rule counts');
  const id = await agentId(server, agent);
  expect((await server.gql('mutation ($id: ID!) { deleteAgent(id: $id) }', { id })).errors).toBeUndefined();
  expect(await ownerSql(server, 'SELECT FROM rule_seconds WHERE agent_id = $1', [id])).toEqual([]);
  await history(agent, { at: NOON + 5, hits: 6, path: '/again' }, { at: NOON + 30, hits: 11, path: '/again' });
  expect(await told(rule, 2)).toEqual([
    ['TRIGGERED', 30, 1.1],
    ['RECOVERED', 40, 0],
  ]);
});
