// Goal: rules do what the contract says of them: checked when made, closed when changed, each event once and in order.
// Method: the real server on its own PostgreSQL; old traffic whose sources have ended, so that its whole history is
// decided at once; every test has agents and rules of its own.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestServer, type TestServer, until } from '../support/server.js';
import {
  agentId,
  alertEvents,
  type Burst,
  createRule,
  endAgent,
  isoSecond,
  numberOf,
  openSource,
  sendDirect,
} from '../support/sources.js';
import { ownerSql } from '../support/tenants.js';

/** Unix second of old traffic. */
const NOON = Date.parse('2024-05-01T12:00:00Z') / 1_000;
const NOBODY = '00000000-0000-4000-8000-000000000000';
const CREATE = 'mutation ($input: AlertRuleInput!) { createAlertRule(input: $input) { id } }';
const UPDATE = `mutation ($id: ID!, $input: AlertRulePatch!) { updateAlertRule(id: $id, input: $input) {
  id name enabled agentIds metric window comparison threshold recoveryThreshold severity } }`;
const DELETE = 'mutation ($id: ID!) { deleteAlertRule(id: $id) }';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, 60_000);
afterAll(() => server.close());

/** An agent's whole history, told at once. */
async function history(agent: string, ...bursts: Burst[]): Promise<void> {
  await sendDirect(server, agent, ...bursts);
  await endAgent(server, agent);
}

/** The events of a rule once there are so many: what they say, in the order recorded. */
async function eventsOf(rule: string, count: number) {
  await until(async () => (await alertEvents(server, [rule])).length >= count, 15_000, `${count} alert events`);
  return alertEvents(server, [rule]);
}

const short = ({ type, at, value }: { type: string; at: string; value: number }) => [
  type,
  Date.parse(at) / 1_000 - NOON,
  value,
];

test('the default rule is there, and its messages are those of the exercise', async () => {
  const { data } = await server.gql(
    '{ alertRules { id name enabled agentIds metric window comparison threshold recoveryThreshold severity } }',
  );
  expect(data.alertRules).toEqual([
    {
      id: expect.any(String),
      name: 'High traffic',
      enabled: true,
      agentIds: [],
      metric: 'HITS_PER_SECOND',
      window: 'PT2M',
      comparison: 'GREATER_THAN',
      threshold: 10,
      recoveryThreshold: null,
      severity: 'WARNING',
    },
  ]);
  const [{ id }] = data.alertRules;
  await history('default', { at: NOON, hits: 1_200 }, { at: NOON + 7, hits: 1 });
  const [fired, recovered, ...more] = await eventsOf(id, 2);
  expect(more).toEqual([]);
  expect(fired).toMatchObject({ type: 'TRIGGERED', startedBy: null, severity: 'WARNING', threshold: 10 });
  expect(fired.message).toBe('High traffic generated an alert - hits = 10.01, triggered at 2024-05-01T12:00:07Z');
  expect(recovered.message).toBe('High traffic recovered - hits = 0.01, recovered at 2024-05-01T12:02:00Z');
  expect(recovered.startedBy).toEqual({ id: fired.id });
  expect(recovered.rule).toEqual({ id });
});

const valid = { name: 'a rule', threshold: 1 };
test.each([
  ['no name', { name: '' }],
  ['a blank name', { name: ' \t' }],
  ['a name too long', { name: 'x'.repeat(101) }],
  ['NUL in the name', { name: 'a\0b' }],
  ['a negative threshold', { threshold: -1 }],
  ['a recovery threshold above the threshold', { recoveryThreshold: 2 }],
  ['one below it, where less fires', { comparison: 'LESS_THAN', recoveryThreshold: 0.5 }],
  ['one that nothing can cross', { comparison: 'GREATER_THAN_OR_EQUAL', recoveryThreshold: 0 }],
  ['no window', { window: 'PT0S' }],
  ['a window longer than a day', { window: 'P1DT1S' }],
  ['a window of a month', { window: 'P1M' }],
  ['an unknown metric', { metric: 'SMELL' }],
  ['a threshold that is no number', { threshold: 'NaN' }],
  ['a threshold beyond numbers', { threshold: Number.POSITIVE_INFINITY }],
  ['fewer hits than none', { minHits: -1 }],
])('a rule with %s is BAD_USER_INPUT, made or changed', async (_what, wrong) => {
  const made = await server.gql(CREATE, { input: { ...valid, ...wrong } });
  expect(made.errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
  const id = await createRule(server, { name: 'to be changed', enabled: false, threshold: 1 });
  const changed = await server.gql(UPDATE, { id, input: wrong });
  expect(changed.errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
  await server.gql(DELETE, { id });
});

test('what is not there is NOT_FOUND: rules, and agents of a rule', async () => {
  for (const id of [NOBODY, 'x', '']) {
    const codes = [
      await server.gql(UPDATE, { id, input: { name: 'x' } }),
      await server.gql(DELETE, { id }),
      await server.gql(CREATE, { input: { ...valid, agentIds: [id] } }),
    ].map(({ errors }) => errors?.[0].extensions.code);
    expect(codes).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND']);
  }
  const id = await createRule(server, { name: 'goes', threshold: 1 });
  expect((await server.gql(DELETE, { id })).data.deleteAlertRule).toBe(true);
  expect((await server.gql(DELETE, { id })).errors?.[0].extensions.code).toBe('NOT_FOUND');
});

test('a patch: absent leaves, null clears what can be empty and is BAD_USER_INPUT for all else', async () => {
  await sendDirect(server, 'patched', { at: NOON, hits: 1 });
  const agentIds = [await agentId(server, 'patched')];
  const id = await createRule(server, { name: 'p', threshold: 5, recoveryThreshold: 4, agentIds, severity: 'INFO' });
  const { data } = await server.gql(UPDATE, { id, input: { threshold: 6 } });
  const after = {
    id,
    name: 'p',
    enabled: true,
    metric: 'HITS_PER_SECOND',
    window: 'PT10S',
    comparison: 'GREATER_THAN',
  };
  expect(data.updateAlertRule).toEqual({ ...after, agentIds, threshold: 6, recoveryThreshold: 4, severity: 'INFO' });
  const cleared = await server.gql(UPDATE, { id, input: { recoveryThreshold: null, agentIds: null } });
  expect(cleared.data.updateAlertRule).toMatchObject({ recoveryThreshold: null, agentIds: [] });
  for (const field of ['name', 'enabled', 'metric', 'window', 'comparison', 'threshold', 'severity', 'minHits']) {
    const { errors } = await server.gql(UPDATE, { id, input: { [field]: null } });
    expect(errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
  }
  expect((await server.gql(UPDATE, { id, input: {} })).data.updateAlertRule).toMatchObject({ threshold: 6 });
});

test('tokens that may only ingest neither see rules nor change them', async () => {
  const id = await createRule(server, { name: 'not for agents', threshold: 1e9 });
  const answers = [
    await server.gql('{ alertRules { id } }', {}, server.agentToken),
    await server.gql('{ alertEvents { nodes { id } } }', {}, server.agentToken),
    await server.gql('{ activeAlerts { id } }', {}, server.agentToken),
    await server.gql(CREATE, { input: valid }, server.agentToken),
    await server.gql(UPDATE, { id, input: { name: 'x' } }, server.agentToken),
    await server.gql(DELETE, { id }, server.agentToken),
  ];
  expect(answers.map(({ errors }) => errors?.[0].extensions.code)).toEqual(Array(6).fill('FORBIDDEN'));
});

test('a rule begins at the clock of each agent: no history fires; an agent that is newer begins with its first entry', async () => {
  await history('had it behind', { at: NOON, hits: 500 }, { at: NOON + 60, hits: 1 });
  const rule = await createRule(server, { name: 'begins', threshold: 1 });
  await history('comes later', { at: NOON, hits: 500 });
  const events = await eventsOf(rule, 2);
  expect(events.map(({ agentName }) => agentName)).toEqual(['comes later', 'comes later']);
  expect(events.map(short)).toEqual([
    ['TRIGGERED', 0, 50],
    ['RECOVERED', 10, 0],
  ]);
  await history('had it behind', { at: NOON + 1_000, hits: 30 });
  const later = (await eventsOf(rule, 4)).slice(2);
  expect(later.map(({ agentName }) => agentName)).toEqual(['had it behind', 'had it behind']);
  expect(later.map(short)).toEqual([
    ['TRIGGERED', 1_000, 3],
    ['RECOVERED', 1_010, 0],
  ]);
});

test.each([
  [
    'BYTES_PER_SECOND',
    { threshold: 999 },
    [
      { at: NOON, hits: 10, bytes: 999 },
      { at: NOON + 4, hits: 1, bytes: 1 },
    ],
    [
      ['TRIGGERED', 4, 999.1],
      ['RECOVERED', 10, 0.1],
    ],
  ],
  [
    'ERROR_RATE',
    { threshold: 0.5, recoveryThreshold: 0.25, comparison: 'GREATER_THAN_OR_EQUAL' },
    [
      { at: NOON, hits: 3, status: 200 },
      { at: NOON + 2, hits: 2, status: 404 },
      { at: NOON + 3, hits: 1, status: 503 },
      { at: NOON + 5, hits: 6, status: 301 },
      { at: NOON + 6, hits: 3, status: 200 },
    ],
    [
      ['TRIGGERED', 3, 0.5],
      ['RECOVERED', 6, 0.2],
    ],
  ],
  [
    'ERROR_RATE',
    { threshold: 0.1, minHits: 5 },
    [
      { at: NOON, hits: 4, status: 500 },
      { at: NOON + 3, hits: 4, status: 200 },
      { at: NOON + 11, hits: 2, status: 500 },
    ],
    [
      ['TRIGGERED', 3, 0.5],
      ['RECOVERED', 10, 0],
      ['TRIGGERED', 11, 1 / 3],
      ['RECOVERED', 13, 1],
    ],
  ],
  [
    'HITS_PER_SECOND',
    { threshold: 1, comparison: 'LESS_THAN' },
    [
      { at: NOON, hits: 10 },
      { at: NOON + 9, hits: 10 },
      { at: NOON + 30, hits: 20 },
    ],
    [
      ['TRIGGERED', 19, 0],
      ['RECOVERED', 30, 2],
    ],
  ],
] as const)(
  '%s: fires and recovers at the seconds at which it must, with their values',
  async (metric, rule, bursts, expected) => {
    const name = `metric ${metric} ${rule.threshold}`;
    const id = await createRule(server, { name, metric, ...rule });
    await history(name, ...bursts);
    const events = await eventsOf(id, expected.length);
    expect(events.filter(({ agentName }) => agentName === name).map(short)).toEqual(expected);
    await server.gql(DELETE, { id });
  },
);

test('two agents at once do not mix: each fires by its own traffic', async () => {
  const rule = await createRule(server, { name: 'apart', threshold: 1 });
  const [left, right] = [await openSource(server, 'left'), await openSource(server, 'right')];
  for (let i = 0; i < 10; i++) {
    // Together they are above the threshold in every window, each alone only the left one, and only at the end.
    await Promise.all([
      left.send({ at: NOON + i * 10, hits: i === 9 ? 12 : 8 }),
      right.send({ at: NOON + i * 10 + 5, hits: 8 }),
    ]);
  }
  await Promise.all([left.beat({ ending: true }), right.beat({ ending: true })]);
  const events = await eventsOf(rule, 2);
  expect(events.map(({ agentName }) => agentName)).toEqual(['left', 'left']);
  expect(events.map(short)).toEqual([
    ['TRIGGERED', 90, 1.2],
    ['RECOVERED', 100, 0],
  ]);
});

test('a rule of some agents watches only those, and a disabled one nobody', async () => {
  await sendDirect(server, 'watched', { at: NOON - 1_000, hits: 1 });
  const only = await createRule(server, { name: 'only', threshold: 1, agentIds: [await agentId(server, 'watched')] });
  const off = await createRule(server, { name: 'off', threshold: 1, enabled: false });
  const witness = await createRule(server, { name: 'witness', threshold: 1 });
  await history('unwatched', { at: NOON, hits: 100 }, { at: NOON + 60, hits: 1 });
  await history('watched', { at: NOON, hits: 100 }, { at: NOON + 60, hits: 1 });
  await eventsOf(witness, 4);
  expect((await eventsOf(only, 2)).map(({ agentName }) => agentName)).toEqual(['watched', 'watched']);
  expect(await alertEvents(server, [off])).toEqual([]);

  // Enabled, it begins at each agent's clock.
  await server.gql(UPDATE, { id: off, input: { enabled: true } });
  await history('unwatched', { at: NOON + 500, hits: 100 });
  expect((await eventsOf(off, 2)).map(short)).toEqual([
    ['TRIGGERED', 500, 10],
    ['RECOVERED', 510, 0],
  ]);
});

test("events' numbers have no gap, and pages of any size give them all, in both directions", async () => {
  const rule = await createRule(server, { name: 'paged', threshold: 1 });
  const agents = ['page a', 'page b', 'page c'];
  const bursts = Array.from({ length: 5 }, (_, i) => ({ at: NOON + i * 60, hits: 11 }));
  await Promise.all(agents.map((agent) => history(agent, ...bursts)));
  await eventsOf(rule, 30);
  const all = await alertEvents(server);
  expect(all.map(numberOf)).toEqual(all.map((_, i) => i + 1));

  const page = async (query: object) => {
    const { data, errors } = await server.gql(
      `query ($first: Int!, $after: String, $newestFirst: Boolean!, $ruleIds: [ID!]) {
         alertEvents(first: $first, after: $after, newestFirst: $newestFirst, ruleIds: $ruleIds) {
           nodes { cursor } edges { cursor node { cursor } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
      query,
    );
    expect(errors).toBeUndefined();
    return data.alertEvents;
  };
  const expected = all.filter((event) => event.rule?.id === rule).map(({ cursor }) => cursor);
  for (const newestFirst of [true, false]) {
    for (const first of [1, 7, 10, 30, 500]) {
      const found: string[] = [];
      let after: string | null = null;
      for (let more = true; more; ) {
        const { nodes, edges, pageInfo } = await page({ first, after, newestFirst, ruleIds: [rule] });
        expect(edges.map(({ node }: { node: object }) => node)).toEqual(nodes);
        expect(pageInfo.hasPreviousPage).toBe(after !== null);
        found.push(...nodes.map(({ cursor }: { cursor: string }) => cursor));
        ({ endCursor: after, hasNextPage: more } = pageInfo);
      }
      expect(found).toEqual(newestFirst ? [...expected].reverse() : expected);
    }
  }
  for (const wrong of [{ first: 0 }, { first: -1 }, { first: 501 }, { first: 1, after: 'x' }]) {
    const { errors } = await server.gql(
      'query ($first: Int!, $after: String) { alertEvents(first: $first, after: $after) { nodes { id } } }',
      wrong,
    );
    expect(errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
  }
});

test('a timeframe is half-open, by the event second', async () => {
  const rule = await createRule(server, { name: 'framed', threshold: 1 });
  await history('framed', { at: NOON, hits: 11 }, { at: NOON + 60, hits: 11 });
  await eventsOf(rule, 4);
  const within = async (from: number, to: number) => {
    const { data } = await server.gql(
      'query ($span: TimeframeInput, $ruleIds: [ID!]) { alertEvents(timeframe: $span, ruleIds: $ruleIds, newestFirst: false) { nodes { at } } }',
      { span: { from: isoSecond(NOON + from), to: isoSecond(NOON + to) }, ruleIds: [rule] },
    );
    return data.alertEvents.nodes.map(({ at }: { at: string }) => Date.parse(at) / 1_000 - NOON);
  };
  expect(await within(0, 71)).toEqual([0, 10, 60, 70]);
  expect(await within(0, 70)).toEqual([0, 10, 60]);
  expect(await within(10, 60)).toEqual([10]);
  expect(await within(11, 60)).toEqual([]);
});

test('what was deleted since the last evaluation counts no more', async () => {
  const rule = await createRule(server, { name: 'erased', threshold: 1 });
  const agent = 'erased';
  // Their sum within ten seconds would fire.
  await sendDirect(server, agent, { at: NOON + 8, hits: 6 });
  const clock = () => ownerSql(server, 'SELECT alert_clock_ms FROM agent WHERE name = $1', [agent]);
  await until(async () => (await clock())[0].alert_clock_ms !== null, 10_000, 'the first evaluation');
  const { errors } = await server.gql(
    'mutation ($input: DeleteTrafficInput!) { deleteTraffic(input: $input) { hits } }',
    {
      input: {
        timeframes: [{ from: isoSecond(NOON), to: isoSecond(NOON + 10) }],
        agentIds: [await agentId(server, agent)],
      },
    },
  );
  expect(errors).toBeUndefined();
  await history(agent, { at: NOON + 12, hits: 6 }, { at: NOON + 40, hits: 11 });
  expect((await eventsOf(rule, 2)).map(short)).toEqual([
    ['TRIGGERED', 40, 1.1],
    ['RECOVERED', 50, 0],
  ]);
});
