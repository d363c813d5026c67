// Goal: what a subscriber is told is the state as it is, then every change, in time, once a second at most; alert events
// come none missed and none twice, over reconnects and restarts.
// Method: the real server on its own PostgreSQL; subscriptions over graphql-ws; changes made through the API.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Subscription, startTestServer, type TestServer, until } from '../support/server.js';
import { agentId, alertEvents, createRule, endAgent, isoSecond, sendDirect } from '../support/sources.js';

/** Divisible by ten: windows begin at it. */
const NOON = Date.parse('2024-05-01T12:00:00Z') / 1_000;
const LIVE = `subscription ($agentIds: [ID!]) { liveWindows(agentIds: $agentIds) {
  agent { name } windows { start end revision stats { hits bytes } } stale { from to }
  sliding { at window stats { hits bytes errorRate hitsPerSecond peakHitsPerSecond } } } }`;
const ALERTS = `subscription ($after: String, $agentIds: [ID!], $ruleIds: [ID!]) {
  alertEvents(after: $after, agentIds: $agentIds, ruleIds: $ruleIds) { cursor type agentName ruleName at } }`;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, 60_000);
afterAll(() => server.close());

// biome-ignore lint/suspicious/noExplicitAny: the subscription's shape.
const told = async (live: Subscription, withinMs?: number): Promise<any[]> =>
  (await live.next(withinMs)).data.liveWindows;
const refusal = async (subscription: Subscription) => (await subscription.next()).errors?.[0].extensions.code;
const starts = (windows: { start: string }[]) => windows.map(({ start }) => Date.parse(start) / 1_000);

test('first the state as it is, then only the agents whose windows changed, with those windows', async () => {
  await sendDirect(server, 'first', { at: NOON, hits: 3 }, { at: NOON + 95, hits: 2 });
  await sendDirect(server, 'other', { at: NOON, hits: 1 });
  const live = server.subscribe(LIVE);
  const snapshot = await told(live);
  expect(snapshot.map(({ agent }) => agent.name).sort()).toEqual(expect.arrayContaining(['first', 'other']));
  const first = snapshot.find(({ agent }) => agent.name === 'first');
  expect(
    first.windows.map(({ start, stats }: { start: string; stats: { hits: number } }) => [start, stats.hits]),
  ).toEqual([
    [isoSecond(NOON), 3],
    [isoSecond(NOON + 90), 2],
  ]);
  expect(first.stale).toBeNull();

  await sendDirect(server, 'first', { at: NOON + 3, hits: 4 }, { at: NOON + 110, hits: 1 });
  const [change, ...more] = await told(live);
  expect(more).toEqual([]);
  expect(change).toMatchObject({ agent: { name: 'first' }, stale: null });
  expect(change.windows.map(({ stats }: { stats: { hits: number } }) => stats.hits)).toEqual([7, 1]);
  expect(starts(change.windows)).toEqual([NOON, NOON + 110]);
  expect(change.windows[0].revision).toBeGreaterThan(first.windows[0].revision);
  await live.close();
});

test('a hundred changes within seconds come in a message a second, and the last one tells the sum', async () => {
  const live = server.subscribe(LIVE);
  await told(live);
  const receivedMs: number[] = [];
  let hits = 0;
  const reading = (async () => {
    while (hits < 100) {
      const [change] = await told(live);
      receivedMs.push(performance.now());
      hits = change.windows[0].stats.hits;
    }
  })();
  for (let i = 0; i < 100; i++) await sendDirect(server, 'busy', { at: NOON, hits: 1 });
  await reading;
  const gaps = receivedMs.slice(1).map((at, i) => at - receivedMs[i]);
  // A message may be held up on its way, and the next then follows sooner: a little, never twice a second.
  for (const gap of gaps) expect(gap).toBeGreaterThan(800);
  expect(live.waiting).toEqual([]);
  await live.close();
});

test('the first change after a quiet second comes at once', async () => {
  const live = server.subscribe(LIVE);
  await told(live);
  const quietFrom = performance.now();
  await until(() => performance.now() - quietFrom > 1_100, 3_000, 'a quiet second');
  await sendDirect(server, 'at once', { at: NOON, hits: 1 });
  const sentMs = performance.now();
  const [change] = await told(live);
  expect(performance.now() - sentMs).toBeLessThan(500);
  expect(change.agent.name).toBe('at once');
  await live.close();
});

test('one batch over 100 windows: the newest 60, and the span of the others is stale', async () => {
  await sendDirect(server, 'wide', { at: NOON, hits: 1 });
  const live = server.subscribe(LIVE, { agentIds: [await agentId(server, 'wide')] });
  await told(live);
  await sendDirect(server, 'wide', ...Array.from({ length: 100 }, (_, i) => ({ at: NOON + i * 10, hits: 2 })));
  const [{ windows, stale }] = await told(live);
  expect(starts(windows)).toEqual(Array.from({ length: 60 }, (_, i) => NOON + (i + 40) * 10));
  expect(stale).toEqual({ from: isoSecond(NOON), to: isoSecond(NOON + 400) });
  const { data } = await server.gql(
    `query ($id: ID!, $span: TimeframeInput!) { agent(id: $id) { traffic(timeframe: $span) { total { hits } } } }`,
    { id: await agentId(server, 'wide'), span: stale },
  );
  expect(data.agent.traffic.total.hits).toBe(81);
  await live.close();
});

test('the sliding window counts exactly (at - 120 s, at], whatever the borders of windows', async () => {
  const at = NOON + 1_234;
  await sendDirect(
    server,
    'sliding',
    { at: at - 120, hits: 50 },
    { at: at - 119, hits: 7, status: 500 },
    { at, hits: 5 },
    { at: at - 60, hits: 8, status: 404 },
  );
  const live = server.subscribe(LIVE, { agentIds: [await agentId(server, 'sliding')] });
  const [{ sliding, windows }] = await told(live);
  expect(sliding).toEqual({
    at: isoSecond(at),
    window: 'PT2M',
    stats: { hits: 20, bytes: 2_000, errorRate: 0.75, hitsPerSecond: 20 / 120, peakHitsPerSecond: 8 },
  });
  // Its windows are whole: the one at the edge counts what lies before the two minutes, too.
  expect(windows.reduce((sum: number, { stats }: { stats: { hits: number } }) => sum + stats.hits, 0)).toBe(70);
  await live.close();
});

test('agentIds: only those; an unknown one, or one that is no id, is NOT_FOUND', async () => {
  await sendDirect(server, 'chosen', { at: NOON, hits: 1 });
  await sendDirect(server, 'left out', { at: NOON, hits: 1 });
  const live = server.subscribe(LIVE, { agentIds: [await agentId(server, 'chosen')] });
  expect((await told(live)).map(({ agent }) => agent.name)).toEqual(['chosen']);
  await sendDirect(server, 'left out', { at: NOON, hits: 1 });
  await sendDirect(server, 'chosen', { at: NOON, hits: 1 });
  expect((await told(live)).map(({ agent }) => agent.name)).toEqual(['chosen']);
  await live.close();
  for (const id of ['00000000-0000-4000-8000-000000000000', 'x']) {
    const refused = server.subscribe(LIVE, { agentIds: [id] });
    expect(await refusal(refused)).toBe('NOT_FOUND');
    await refused.close();
  }
});

test('an agent that is new appears without subscribing again', async () => {
  const live = server.subscribe(LIVE);
  await told(live);
  await sendDirect(server, 'newcomer', { at: NOON, hits: 1 });
  expect((await told(live)).map(({ agent }) => agent.name)).toEqual(['newcomer']);
  await live.close();
});

test('changes made while the snapshot is read are not lost, however the two fall together', async () => {
  for (let i = 0; i < 8; i++) {
    const name = `racing ${i}`;
    const sending = sendDirect(server, name, { at: NOON, hits: 1 });
    const live = server.subscribe(LIVE);
    await sending;
    let seen = false;
    while (!seen) seen = (await told(live)).some(({ agent }) => agent.name === name);
    await live.close();
  }
});

test('a token that may only ingest is refused; a wrong one gets nothing', async () => {
  const refused = server.subscribe(LIVE, {}, server.agentToken);
  expect(await refusal(refused)).toBe('FORBIDDEN');
  await refused.close();
  const unknown = server.subscribe(LIVE, {}, 'hlm_operator_wrong');
  await expect(unknown.next()).rejects.toThrow('subscription failed');
  await unknown.close();
});

/** A source's whole history at once: it fires and recovers, `times` times. */
async function fireAndRecover(agent: string, times: number, from = NOON): Promise<void> {
  const bursts = Array.from({ length: times }, (_, i) => ({ at: from + i * 100, hits: 11 }));
  await sendDirect(server, agent, ...bursts);
  await endAgent(server, agent);
}

test('alert events: after a cursor none is missed and none comes twice, over reconnects and a restart', async () => {
  const rule = await createRule(server, { name: 'cursor', threshold: 1 });
  await fireAndRecover('episodes', 10);
  await until(async () => (await alertEvents(server, [rule])).length === 20, 15_000, 'twenty events');
  const [{ cursor: begin }] = await alertEvents(server, [rule]);

  const cursors: string[] = [];
  let after = begin;
  /** Takes so many events on a subscription of its own, then leaves without a word. */
  const take = async (count: number) => {
    const events = server.subscribe(ALERTS, { after, ruleIds: [rule] });
    for (let i = 0; i < count; i++) {
      after = (await events.next()).data.alertEvents.cursor;
      cursors.push(after);
    }
    await events.close();
  };
  for (const count of [1, 5, 2]) await take(count);
  const live = server.subscribe(ALERTS, { after, ruleIds: [rule] });
  await fireAndRecover('episodes', 10, NOON + 5_000);
  await until(() => live.waiting.length >= 12, 15_000, 'more than what was recorded before');
  await server.restart();
  const received = live.waiting.map(({ data }) => data.alertEvents.cursor as string);
  await live.close();
  cursors.push(...received);
  after = received[received.length - 1];
  await fireAndRecover('episodes', 5, NOON + 10_000);
  await take(50 - 1 - cursors.length);
  const all = (await alertEvents(server, [rule])).map(({ cursor }) => cursor);
  expect(all).toHaveLength(50);
  expect([begin, ...cursors]).toEqual(all);
}, 90_000);

test('alert events: more than one page of them come, in order', async () => {
  const rule = await createRule(server, { name: 'many', threshold: 1 });
  await fireAndRecover('very many', 130);
  await until(async () => (await alertEvents(server, [rule])).length === 260, 20_000, 'all events');
  const all = (await alertEvents(server, [rule])).map(({ cursor }) => cursor);
  const events = server.subscribe(ALERTS, { after: all[9], ruleIds: [rule] });
  await until(() => events.waiting.length === 250, 10_000, 'two hundred and fifty events');
  expect(events.waiting.map(({ data }) => data.alertEvents.cursor)).toEqual(all.slice(10));
  await events.close();
}, 60_000);

test('alert events: without a cursor only what comes; of the agents and rules asked for', async () => {
  const rule = await createRule(server, { name: 'from now on', threshold: 1 });
  await fireAndRecover('before', 1);
  await until(async () => (await alertEvents(server, [rule])).length === 2, 15_000, 'what was before');
  const live = server.subscribe(ALERTS, { ruleIds: [rule] });
  const ofBefore = server.subscribe(ALERTS, { ruleIds: [rule], agentIds: [await agentId(server, 'before')] });
  // Both listen once a further subscription on the same server has been answered.
  const answered = server.subscribe(LIVE);
  await told(answered);
  await answered.close();
  await fireAndRecover('since', 1);
  await fireAndRecover('before', 1, NOON + 1_000);
  await until(() => live.waiting.length === 4, 15_000, 'four events');
  const names = live.waiting.map(({ data }) => data.alertEvents.agentName);
  expect(names.sort()).toEqual(['before', 'before', 'since', 'since']);
  await until(() => ofBefore.waiting.length === 2, 5_000, 'two events');
  expect(ofBefore.waiting.map(({ data }) => data.alertEvents.type)).toEqual(['TRIGGERED', 'RECOVERED']);
  await live.close();
  await ofBefore.close();
});

test.each(['', 'x', 'bnVsbA', 'WzEsMl0'])('alert events: "%s" is no cursor', async (after) => {
  const events = server.subscribe(ALERTS, { after });
  expect(await refusal(events)).toBe('BAD_USER_INPUT');
  await events.close();
});
