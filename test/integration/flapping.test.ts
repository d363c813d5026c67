// Goal: of a rule that flaps over an agent people are told once, and once how it settled, which is the truth; its events stay.
// Method: the real server and an HTTP receiver; a rule of one second fires and recovers with each second of traffic. That a
// quarter of an hour has passed is said by SQL.
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type HttpReceiver, startHttpReceiver } from '../support/receivers.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { alertEvents, createRule, nowSecond, openSource, type Source } from '../support/sources.js';
import { ownerSql } from '../support/tenants.js';

let server: TestServer;
let hook: HttpReceiver;
let channelId: string;
beforeAll(async () => {
  hook = await startHttpReceiver();
  server = await startTestServer();
  const { createNotificationChannel } = await done(
    'mutation ($input: NotificationChannelInput!) { createNotificationChannel(input: $input) { id } }',
    { input: { name: 'hook', kind: 'WEBHOOK', target: hook.url } },
  );
  channelId = createNotificationChannel.id;
}, 60_000);
afterEach(() => {
  hook.received.length = 0;
});
afterAll(async () => {
  await server.close();
  await hook.close();
});

async function done(query: string, variables?: object) {
  const { data, errors } = await server.gql(query, variables);
  expect(errors).toBeUndefined();
  return data;
}

interface Case {
  source: Source;
  rule: string;
  /** Its first second. */
  at: number;
}

let cases = 0;

/** An agent and a rule over it alone: more than one hit in a second. */
async function begin({
  secondsAgo = 300,
  ...input
}: {
  secondsAgo?: number;
  [name: string]: unknown;
} = {}): Promise<Case> {
  const source = await openSource(server, `web-${++cases}`);
  const at = nowSecond() - secondsAgo;
  await source.send({ at: at - 1, hits: 1 });
  const agentIds = [await source.id()];
  const rule = await createRule(server, {
    ...{ name: `rule ${cases}`, threshold: 1, window: 'PT1S', agentIds, channelIds: [channelId] },
    ...input,
  });
  return { source, rule, at };
}

/** Fires at `offset`, and at every second second, so many times, and recovers each time. */
async function flap({ source, at }: Case, offset: number, times: number): Promise<void> {
  const bursts = Array.from({ length: times }, (_, i) => ({ at: at + offset + 2 * i, hits: 2 }));
  await source.send(...bursts, { at: at + offset + 2 * times + 10, hits: 1 });
}

/** Fires at `offset`, and goes on for ten seconds. */
async function fire({ source, at }: Case, offset: number): Promise<void> {
  await source.send(...Array.from({ length: 10 }, (_, i) => ({ at: at + offset + i, hits: 2 })));
}

const recorded = (rule: string, count: number) =>
  until(async () => (await alertEvents(server, [rule])).length === count, 30_000, `${count} events`);

const settle = (rule: string) =>
  ownerSql(
    server,
    "UPDATE notification SET due_at = now() WHERE rule_id = $1 AND type = 'SETTLED' AND due_at > now()",
    [rule],
  );

const told = () => hook.received.map(({ body }) => JSON.parse(body));
const kinds = () => told().map(({ kind }) => kind);
const heard = (count: number) => until(() => hook.received.length >= count, 30_000, `${count} messages`);
/** Nothing is left to be told, but that it has settled. */
const silent = (rule: string) =>
  until(async () => {
    const left = await ownerSql(
      server,
      "SELECT FROM notification WHERE rule_id = $1 AND due_at IS NOT NULL AND type <> 'SETTLED'",
      [rule],
    );
    return left.length === 0;
  }, 30_000);

const BEGINNING = ['TRIGGERED', 'RECOVERED', 'TRIGGERED', 'RECOVERED', 'TRIGGERED', 'FLAPPING'];
const update = (id: string, input: object) =>
  done('mutation ($id: ID!, $input: AlertRulePatch!) { updateAlertRule(id: $id, input: $input) { id } }', {
    id,
    input,
  });
const silence = (id: string, until: string | null) =>
  done('mutation ($id: ID!, $until: DateTime) { silenceAlertRule(id: $id, until: $until) { id } }', { id, until });
const HOUR = () => new Date(Date.now() + 3_600_000).toISOString();

test('six transitions, and it flaps: told once, and once that it has settled; its events are as ever', async () => {
  const one = await begin();
  await flap(one, 0, 4);
  await heard(6);
  await flap(one, 30, 3);
  await recorded(one.rule, 14);
  await silent(one.rule);
  expect(kinds()).toEqual(BEGINNING);
  const seen = await alertEvents(server, [one.rule]);
  expect(seen.map(({ type }) => type)).toEqual(Array.from({ length: 7 }, () => ['TRIGGERED', 'RECOVERED']).flat());
  const { alertEvents: marked } = await done(
    'query ($ids: [ID!]) { alertEvents(ruleIds: $ids, first: 50, newestFirst: false) { nodes { at flappingUntil notifications { id } } } }',
    { ids: [one.rule] },
  );
  for (const [i, { at, flappingUntil }] of marked.nodes.entries())
    expect(flappingUntil && Date.parse(flappingUntil)).toBe(i < 5 ? null : Date.parse(at) + 900_000);
  expect(told()[5].text).toMatch(/flaps: 6 alerts and recoveries within 15 minutes/);

  await settle(one.rule);
  await heard(7);
  expect(told()[6]).toMatchObject({ kind: 'SETTLED', events: [{ type: 'RECOVERED', id: seen.at(-1)!.id }] });
  expect(told()[6].text).toContain('has settled, calm');
}, 120_000);

test('what settles in an alert is told to fire, and its recovery later', async () => {
  const one = await begin();
  await flap(one, 0, 3);
  await heard(6);
  await fire(one, 30);
  await recorded(one.rule, 7);
  // A quarter of an hour without a transition.
  await ownerSql(server, 'UPDATE alert_state SET flapping = NULL WHERE rule_id = $1', [one.rule]);
  await one.source.send({ at: one.at + 60, hits: 1 });
  await heard(8);
  expect(kinds().slice(6)).toEqual(['SETTLED', 'RECOVERED']);
  const [settled, recovered] = told().slice(6);
  expect(settled.text).toContain('has settled, and fires');
  expect(settled.events[0].type).toBe('TRIGGERED');
  expect(recovered.events[0].since).toBe(settled.events[0].at);
}, 120_000);

test('it flaps again after it was told to have settled', async () => {
  const one = await begin();
  await flap(one, 0, 3);
  await heard(6);
  await settle(one.rule);
  await heard(7);
  await flap(one, 30, 1);
  await heard(8);
  await settle(one.rule);
  await heard(9);
  expect(kinds().slice(6)).toEqual(['SETTLED', 'FLAPPING', 'SETTLED']);
}, 120_000);

test('a rule that is changed while it flaps has settled, and is closed where it fires', async () => {
  const [calm, firing] = [await begin(), await begin()];
  await flap(calm, 0, 3);
  await flap(firing, 0, 3);
  await heard(12);
  await fire(firing, 30);
  await recorded(firing.rule, 7);
  await update(calm.rule, { threshold: 5 });
  await update(firing.rule, { threshold: 5 });
  await heard(15);
  const of = (rule: string) =>
    told()
      .filter((body) => body.rule === rule)
      .slice(6);
  const [calmRule, firingRule] = [`rule ${cases - 1}`, `rule ${cases}`];
  expect(of(calmRule).map(({ kind }) => kind)).toEqual(['SETTLED']);
  expect(of(firingRule).map(({ kind }) => kind)).toEqual(['SETTLED', 'CLOSED']);
}, 120_000);

test('without flapDetection each is told', async () => {
  const one = await begin({ flapDetection: false });
  await flap(one, 0, 4);
  await heard(8);
  await silent(one.rule);
  expect(kinds()).toEqual(Array.from({ length: 4 }, () => ['TRIGGERED', 'RECOVERED']).flat());
  const { alertEvents: marked } = await done(
    'query ($ids: [ID!]) { alertEvents(ruleIds: $ids) { nodes { flappingUntil } } }',
    {
      ids: [one.rule],
    },
  );
  expect(marked.nodes.every(({ flappingUntil }: { flappingUntil: null }) => flappingUntil === null)).toBe(true);
}, 120_000);

test('silence holds it back; what still is so when it ends is told', async () => {
  const [flapping, settledCalm, settledFiring] = [await begin(), await begin(), await begin()];
  for (const { rule } of [flapping, settledCalm, settledFiring]) await silence(rule, HOUR());
  for (const one of [flapping, settledCalm, settledFiring]) {
    await flap(one, 0, 3);
    await recorded(one.rule, 6);
  }
  await fire(settledFiring, 30);
  await recorded(settledFiring.rule, 7);
  for (const { rule } of [settledCalm, settledFiring]) {
    await settle(rule);
    await until(async () => {
      const rows = await ownerSql(server, "SELECT status FROM notification WHERE rule_id = $1 AND type = 'SETTLED'", [
        rule,
      ]);
      return rows[0].status === 'SILENCED';
    });
  }
  expect(kinds()).toEqual([]);
  for (const { rule } of [flapping, settledCalm, settledFiring]) await silence(rule, null);
  await heard(2);
  for (const { rule } of [flapping, settledCalm, settledFiring]) await silent(rule);
  const byRule = Object.fromEntries(told().map(({ rule, kind, text }) => [rule, `${kind} ${text}`]));
  expect(Object.keys(byRule)).toHaveLength(2);
  expect(byRule[`rule ${cases - 2}`]).toMatch(/^FLAPPING/);
  expect(byRule[`rule ${cases}`]).toMatch(/^SETTLED .*and fires/);
}, 120_000);

test('a silence that begins while it flaps holds back that it has settled, and does not lose it', async () => {
  const one = await begin();
  await flap(one, 0, 3);
  await heard(6);
  await silence(one.rule, HOUR());
  await settle(one.rule);
  await until(async () => {
    const rows = await ownerSql(server, "SELECT status FROM notification WHERE rule_id = $1 AND type = 'SETTLED'", [
      one.rule,
    ]);
    return rows[0].status === 'SILENCED';
  });
  expect(kinds()).toEqual(BEGINNING);
  await silence(one.rule, null);
  await heard(7);
  expect(kinds()).toEqual([...BEGINNING, 'SETTLED']);
}, 120_000);

test('of old entries that are taken in nobody is told that they flapped', async () => {
  const one = await begin({ secondsAgo: 7_200 });
  await flap(one, 0, 5);
  await recorded(one.rule, 10);
  const rows = await ownerSql(server, 'SELECT DISTINCT type FROM notification WHERE rule_id = $1', [one.rule]);
  expect(rows).toEqual([{ type: 'SUMMARY' }]);
}, 120_000);
