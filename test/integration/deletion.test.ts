// Goal: what is deleted is gone in every resolution, is told to who watches, and does not come back.
// Method: the real server; batches sent again after a deletion; a subscriber that sees its windows emptied.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { codeOf, ingest, line, sendIngest } from '../support/ingest.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { makeTenant, makeToken, ownerSql } from '../support/tenants.js';

let server: TestServer;
let agent: string;
let agentNumber = 0;
const start = Math.floor(Date.now() / 10_000) * 10_000 - 120_000;
const at = (seconds: number) => new Date(start + seconds * 1_000).toISOString();

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(() => {
  agent = `agent ${++agentNumber}`;
});

const DELETE = `mutation ($input: DeleteTrafficInput!) { deleteTraffic(input: $input) {
  windows hits logs timeframes { from to } } }`;
const remove = (input: object, token?: string) => server.gql(DELETE, { input }, token);

/** A batch of one entry every ten seconds, for a minute. */
const minute = () => ({
  agent,
  stream: { id: 'log', from: 0, to: 6 },
  entries: Array.from({ length: 6 }, (_, i) => line(start + i * 10_000, { path: `/${i}` })),
});

async function shown(id: string) {
  const query = `query ($id: ID!, $ids: [ID!]) {
    agent(id: $id) { traffic(timeframe: { last: "PT1H" }) { total { hits distinctHosts } } }
    logs(agentIds: $ids) { nodes { path } } }`;
  const { data } = await server.gql(query, { id, ids: [id] });
  return {
    hits: data.agent?.traffic.total.hits,
    paths: data.logs?.nodes.map(({ path }: { path: string }) => path).sort(),
  };
}

test('several timeframes at once; a dry run says the same, and deletes nothing', async () => {
  const { id } = (await ingest(server, minute())).agent;
  const timeframes = [
    { from: at(0), to: at(10) },
    { from: at(30), to: at(50) },
    { from: at(40), to: at(60) },
  ];
  const expected = { windows: 4, hits: 4, logs: 4, timeframes: [timeframes[0], { from: at(30), to: at(60) }] };
  const input = { timeframes, agentIds: [id], includeLogs: true };
  expect((await remove({ ...input, dryRun: true })).data.deleteTraffic).toEqual(expected);
  expect(await shown(id)).toEqual({ hits: 6, paths: ['/0', '/1', '/2', '/3', '/4', '/5'] });
  expect((await remove(input)).data.deleteTraffic).toEqual(expected);
  expect(await shown(id)).toEqual({ hits: 2, paths: ['/1', '/2'] });
  expect((await remove(input)).data.deleteTraffic).toMatchObject({ windows: 0, hits: 0, logs: 0 });
});

test('raw entries of which some are kept longer: what stays of a batch keeps its ids, and is not counted twice', async () => {
  const entries = Array.from({ length: 60 }, (_, i) => line(start + i * 1_000, { status: i % 4 === 0 ? 500 : 200 }));
  const { id } = (await ingest(server, { agent, entries })).agent;
  const stored = async (): Promise<{ id: string; time: string }[]> =>
    (await server.gql('query ($ids: [ID!]) { logs(agentIds: $ids) { nodes { id time } } }', { ids: [id] })).data.logs
      .nodes;
  const before = await stored();
  const input = { timeframes: [{ from: at(10), to: at(30) }], agentIds: [id], includeLogs: true };
  const foretold = (await remove({ ...input, dryRun: true })).data.deleteTraffic;
  expect(foretold).toMatchObject({ hits: 20, logs: 20 });
  expect((await remove(input)).data.deleteTraffic).toEqual(foretold);
  expect(await stored()).toEqual(before.filter(({ time }) => time < at(10) || time >= at(30)));
});

test('raw entries stay unless they are to go; the seconds of rules go with the windows', async () => {
  const { id } = (await ingest(server, minute())).agent;
  await remove({ timeframes: [{ from: at(0), to: at(60) }], agentIds: [id] });
  expect(await shown(id)).toEqual({ hits: 0, paths: ['/0', '/1', '/2', '/3', '/4', '/5'] });
  expect(await ownerSql(server, 'SELECT FROM traffic_window WHERE agent_id = $1 AND resolution = 10', [id])).toEqual(
    [],
  );
});

test('what was deleted does not come back when it is sent again', async () => {
  const { id } = (await ingest(server, minute())).agent;
  await remove({ timeframes: [{ from: at(0), to: at(60) }], agentIds: [id], includeLogs: true });
  expect((await ingest(server, minute())).outcome).toBe('DUPLICATE');
  expect(await shown(id)).toEqual({ hits: 0, paths: [] });
});

test('a subscriber is told of emptied windows, and their revision grows', async () => {
  const { id } = (await ingest(server, minute())).agent;
  const subscription = server.subscribe(
    'subscription ($ids: [ID!]) { liveWindows(agentIds: $ids) { windows { start revision stats { hits } } sliding { stats { hits } } } }',
    { ids: [id] },
  );
  const [first] = (await subscription.next()).data.liveWindows;
  expect(first.sliding.stats.hits).toBe(6);
  await remove({ timeframes: [{ from: at(0), to: at(20) }], agentIds: [id] });
  const [told] = (await subscription.next()).data.liveWindows;
  expect(
    told.windows.map(({ start: from, stats }: { start: string; stats: { hits: number } }) => [from, stats.hits]),
  ).toEqual([
    [at(0), 0],
    [at(10), 0],
  ]);
  for (const window of told.windows) expect(window.revision).toBeGreaterThan(first.windows[0].revision);
  expect(told.sliding.stats.hits).toBe(4);
  await subscription.close();
});

const LIVE = `subscription ($ids: [ID!]) { liveWindows(agentIds: $ids) {
  agent { id } windows { start stats { hits } } stale { from to } } }`;

test('of many emptied windows the newest are told, and the span of the rest', async () => {
  const tens = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => line(start - (100 - from - i) * 10_000));
  // The newest came first, and are stored first.
  await ingest(server, { agent, entries: tens(50, 100) });
  const { id } = (await ingest(server, { agent, entries: tens(0, 50) })).agent;
  const subscription = server.subscribe(LIVE, { ids: [id] });
  await subscription.next();
  await remove({ timeframes: [{ from: at(-1_000), to: at(0) }], agentIds: [id] });
  const [{ windows, stale }] = (await subscription.next()).data.liveWindows;
  const starts = windows.map((window: { start: string }) => window.start);
  expect(starts).toEqual(Array.from({ length: 60 }, (_, i) => at((i - 60) * 10)));
  expect(stale).toEqual({ from: at(-1_000), to: at(-600) });
  await subscription.close();
});

test('a subscriber is told of a deleted agent that its windows are empty', async () => {
  const { id } = (await ingest(server, minute())).agent;
  const subscription = server.subscribe(LIVE, { ids: null });
  const all = (await subscription.next()).data.liveWindows;
  expect(all.map((told: { agent: { id: string } }) => told.agent.id)).toContain(id);
  await server.gql('mutation ($id: ID!) { deleteAgent(id: $id) }', { id });
  const told = (await subscription.next()).data.liveWindows;
  const windows = Array.from({ length: 6 }, (_, i) => ({ start: at(i * 10), stats: { hits: 0 } }));
  expect(told).toEqual([{ agent: { id }, windows, stale: null }]);
  await subscription.close();
});

test('a span that is not aligned is refused with the resolution', async () => {
  const { id } = (await ingest(server, minute())).agent;
  const from = new Date(start + 5_000).toISOString();
  const answer = await remove({ timeframes: [{ from, to: at(60) }], agentIds: [id] });
  expect(codeOf(answer)).toBe('BAD_USER_INPUT');
  expect(answer.errors![0].message).toContain(`${from} is not aligned to 10 seconds (SECONDS_10)`);
  const hour = Math.floor(start / 3_600_000) * 3_600_000 + 3_600_000;
  await ownerSql(server, 'UPDATE agent SET breakdown_floors = ARRAY[$2::bigint, $2, $2 - 864e5, 0, 0] WHERE id = $1', [
    id,
    hour,
  ]);
  const cut = await remove({ timeframes: [{ from: at(0), to: at(60) }], agentIds: [id] });
  expect(codeOf(cut)).toBe('BAD_USER_INPUT');
  expect(cut.errors![0].message).toContain('whole hours (HOUR): breakdowns are kept by whole hours there');
  expect((await shown(id)).hits).toBe(6);
});

test('a timeframe without an end goes up to the 10 seconds under way', async () => {
  const { id } = (await ingest(server, { agent, entries: [line(Date.now())] })).agent;
  await ingest(server, minute());
  expect((await remove({ timeframes: [{ from: at(30) }], agentIds: [id] })).data.deleteTraffic.hits).toBe(4);
  const rest = await remove({ timeframes: [{ last: 'PT1H' }], agentIds: [id], includeLogs: true });
  expect(rest.data.deleteTraffic).toMatchObject({ hits: 3, logs: 7 });
});

test('a deleted agent is gone, and goes on where it stood when it comes again', async () => {
  const { id } = (await ingest(server, minute())).agent;
  const erase = () => server.gql('mutation ($id: ID!) { deleteAgent(id: $id) }', { id });
  expect((await erase()).data.deleteAgent).toBe(true);
  expect((await erase()).data.deleteAgent).toBe(false);
  const listed = await server.gql(
    'query ($name: String) { agents(search: $name) { totalCount } agent(id: "x") { id } }',
    { name: agent },
  );
  expect(listed.data).toEqual({ agents: { totalCount: 0 }, agent: null });
  expect(await ownerSql(server, 'SELECT FROM traffic_window WHERE agent_id = $1', [id])).toEqual([]);
  expect(await ownerSql(server, 'SELECT FROM log_chunk WHERE agent_id = $1', [id])).toEqual([]);
  expect((await ingest(server, minute())).outcome).toBe('DUPLICATE');
  expect((await shown(id)).hits).toBeUndefined();
  const next = { agent, stream: { id: 'log', from: 6, to: 7 }, entries: [line(start, { path: '/new' })] };
  expect((await ingest(server, next)).outcome).toBe('APPENDED');
  expect(await shown(id)).toEqual({ hits: 1, paths: ['/new'] });
});

test('a firing alert of a deleted agent is closed', async () => {
  const entries = Array.from({ length: 130 }, (_, second) =>
    Array.from({ length: 12 }, () => line(start - 600_000 + second * 1_000)),
  ).flat();
  const { id } = (await ingest(server, { agent, entries })).agent;
  const events = async () =>
    (
      await server.gql('query ($ids: [ID!]) { alertEvents(agentIds: $ids, newestFirst: false) { nodes { type } } }', {
        ids: [id],
      })
    ).data?.alertEvents?.nodes.map(({ type }: { type: string }) => type) ?? [];
  await until(async () => (await events()).includes('TRIGGERED'));
  await server.gql('mutation ($id: ID!) { deleteAgent(id: $id) }', { id });
  const kinds = await ownerSql(server, 'SELECT type FROM alert_event WHERE agent_id = $1 ORDER BY number', [id]);
  expect(kinds.map(({ type }: { type: string }) => type)).toEqual(['TRIGGERED', 'CLOSED']);
});

test('only who manages may delete, and nothing of another tenant', async () => {
  const { id } = (await ingest(server, minute())).agent;
  const input = { timeframes: [{ from: at(0), to: at(60) }], agentIds: [id] };
  const viewer = await makeToken(server, { role: 'VIEWER' });
  expect(codeOf(await remove(input, viewer))).toBe('FORBIDDEN');
  const admin = await makeToken(server, { tenantId: await makeTenant(server, 'another'), role: 'ADMIN' });
  expect(codeOf(await remove(input, admin))).toBe('NOT_FOUND');
  expect((await server.gql('mutation ($id: ID!) { deleteAgent(id: $id) }', { id }, admin)).data.deleteAgent).toBe(
    false,
  );
  expect((await remove({ timeframes: [{ from: at(0), to: at(60) }] }, admin)).data.deleteTraffic.hits).toBe(0);
  expect((await shown(id)).hits).toBe(6);
});

test('deleting while batches come loses none of those that come after', async () => {
  const { id } = (await ingest(server, minute())).agent;
  const sends = Array.from({ length: 30 }, (_, i) =>
    sendIngest(server, { agent, entries: [line(start + 100_000 + i * 10, { path: `/later/${i}` })] }),
  );
  await remove({ timeframes: [{ from: at(0), to: at(60) }], agentIds: [id] });
  for (const { errors } of await Promise.all(sends)) expect(errors).toBeUndefined();
  expect((await shown(id)).hits).toBe(30);
});
