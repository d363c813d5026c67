// Goal: rules over response times decide what looking at each second's entries one by one tells, whatever comes when.
// Method: the real server on its own PostgreSQL; random logs in random batches, late within the delay, rules made before and
// between, a restart; single histories with what is late, deleted, changed, and without response times.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RuleSpec, Transition } from '../../server/core/alerts/decide.js';
import type { LogFilter } from '../../server/core/retention/filter.js';
import { expectedTransitions, secondOf } from '../support/alert-reference.js';
import { entry } from '../support/entries.js';
import { asSketched } from '../support/percentiles.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { agentId, alertEvents, type Burst, createRule, endAgent, isoSecond, openSource } from '../support/sources.js';
import { ownerSql } from '../support/tenants.js';

/** Unix second of old traffic. */
const NOON = Date.parse('2024-05-01T12:00:00Z') / 1_000;
const UPDATE = 'mutation ($id: ID!, $input: AlertRulePatch!) { updateAlertRule(id: $id, input: $input) { id } }';
const DELETE_TRAFFIC = 'mutation ($input: DeleteTrafficInput!) { deleteTraffic(input: $input) { hits } }';
const DELAY_SECONDS = 5;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, 60_000);
afterAll(() => server.close());

type Hit = Required<Burst> & { lateBy: number };

const hits: fc.Arbitrary<Hit[]> = fc.array(
  fc.record({
    at: fc.oneof(fc.integer({ min: 0, max: 150 }), fc.integer({ min: 60, max: 75 })).map((second) => NOON + second),
    lateBy: fc.integer({ min: 0, max: DELAY_SECONDS }),
    hits: fc.integer({ min: 1, max: 4 }),
    status: fc.constantFrom(200, 200, 404, 500),
    bytes: fc.constant(1),
    path: fc.constantFrom('/a/x', '/a/y', '/b'),
    durationMs: fc.oneof(fc.constantFrom(null, null, 0, 99, 100, 101), fc.integer({ min: 1, max: 3_000 })),
  }),
  { minLength: 2, maxLength: 120, size: 'max' },
);

const rules = fc
  .record({
    windowSeconds: fc.constantFrom<number[]>(3, 10, 30),
    comparison: fc.constantFrom<RuleSpec['comparison'][]>('GREATER_THAN', 'GREATER_THAN_OR_EQUAL', 'LESS_THAN'),
    threshold: fc.constantFrom<number[]>(50, 100, 1_000, 2_500),
    calm: fc.constantFrom<(number | null)[]>(null, null, 0, 40),
    minHits: fc.constantFrom<number[]>(0, 0, 5),
    filter: fc.constantFrom<(LogFilter | null)[]>(null, null, { path: '/a/x' }, { section: '/a', statusMax: 404 }),
  })
  .map(({ calm, ...rule }): RuleSpec & { filter: LogFilter | null } => {
    const sign = rule.comparison.startsWith('LESS') ? 1 : -1;
    const recoveryThreshold = calm === null ? null : rule.threshold + sign * calm;
    return { ...rule, metric: 'DURATION_P95', recoveryThreshold };
  });
type Rule = typeof rules extends fc.Arbitrary<infer R> ? R : never;

const entriesOf = (of: readonly Hit[]) =>
  of.flatMap(({ at, hits, status, bytes, path, durationMs }) =>
    Array.from({ length: hits }, () => entry({ timeMs: at * 1_000, status, bytes, target: path, durationMs })),
  );

async function makeRule(agent: string, { windowSeconds, ...rule }: Rule): Promise<string> {
  const agentIds = [await agentId(server, agent)];
  return createRule(server, { name: 'random', agentIds, ...rule, window: `PT${windowSeconds}S` });
}

/** What is told of a history that has ended: all its seconds are decided, and what fires then is let recover. */
function told(of: readonly Hit[], { filter, ...rule }: Rule, clock: number | null): Transition[] {
  const all = entriesOf(of);
  const newest = Math.max(...all.map(secondOf));
  const until = newest + rule.windowSeconds;
  const begun = clock === null ? {} : { from: clock, knownFrom: clock - rule.windowSeconds + 1 };
  const transitions = expectedTransitions(all, filter, rule, { ...begun, until });
  const decided = transitions.filter(({ at }) => at <= newest);
  return decided.length % 2 === 0 ? decided : transitions.slice(0, decided.length + 1);
}

async function seen(rule: string, count: number): Promise<Transition[]> {
  await until(async () => (await alertEvents(server, [rule])).length >= count, 20_000, `${count} alert events`);
  return (await alertEvents(server, [rule])).map(({ type, at, value }) => ({
    type: type as Transition['type'],
    at: Date.parse(at) / 1_000,
    value,
  }));
}

const noValue = (transitions: readonly Transition[]) =>
  transitions.map(({ value, ...rest }) => ({ ...rest, value: value ?? 0 }));

/** Whether what the agent's sources have said is all decided. */
async function isDecided(agent: string, second: number): Promise<boolean> {
  const [row] = await ownerSql(server, 'SELECT alert_clock_ms FROM agent WHERE name = $1', [agent]);
  return Number(row.alert_clock_ms) >= second * 1_000;
}

test('random rules over random logs: each second looked at in turn', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      hits,
      fc.tuple(fc.array(rules, { minLength: 3, maxLength: 3 }), fc.array(rules, { minLength: 3, maxLength: 3 })),
      fc.integer({ min: 1, max: 30 }),
      async (of, [early, later], size) => {
        const agent = `random ${++run}`;
        const source = await openSource(server, agent);
        const arriving = [...of].sort((a, b) => a.at + a.lateBy - b.at - b.lateBy);
        const batches = Array.from({ length: Math.ceil(of.length / size) }, (_, i) =>
          arriving.slice(i * size, (i + 1) * size),
        );
        const cut = Math.ceil(batches.length / 2);
        const made: { id: string; rule: Rule; clock: number | null }[] = [];
        for (const rule of early) made.push({ id: await makeRule(agent, rule), rule, clock: null });
        for (const batch of batches.slice(0, cut)) await source.send(...batch);
        if (run % 5 === 0) await server.restart();
        // A rule that is made begins at the agent's clock.
        const clock =
          Math.max(
            ...batches
              .slice(0, cut)
              .flat()
              .map(({ at }) => at),
          ) - DELAY_SECONDS;
        for (const rule of later) made.push({ id: await makeRule(agent, rule), rule, clock });
        for (const batch of batches.slice(cut)) await source.send(...batch);
        await endAgent(server, agent);
        const newest = Math.max(...of.map(({ at }) => at));
        await until(() => isDecided(agent, newest), 20_000, 'all is decided');
        for (const { id, rule, clock } of made) {
          const expected = noValue(told(of, rule, clock));
          expect(await seen(id, expected.length)).toEqual(expected);
        }
      },
    ),
    { numRuns: 10 },
  );
}, 240_000);

const slow = (at: number, durationMs: number | null = 900, hits = 10): Burst => ({ at: NOON + at, hits, durationMs });

test('the value is told in milliseconds; without any response time the alert recovers, and none fires for being fast', async () => {
  const source = await openSource(server, 'told');
  const agentIds = [await source.id()];
  const above = await createRule(server, { name: 'slow', agentIds, metric: 'DURATION_P95', threshold: 500 });
  const below = await createRule(server, {
    name: 'fast',
    agentIds,
    metric: 'DURATION_P95',
    threshold: 500,
    comparison: 'LESS_THAN',
  });
  await source.send(slow(0, 20), slow(20, 900), slow(31, null, 50), slow(60, null));
  await source.send(slow(60, null, 1));
  const p95 = asSketched(900);
  expect(await seen(above, 2)).toEqual([
    { type: 'TRIGGERED', at: NOON + 20, value: p95 },
    { type: 'RECOVERED', at: NOON + 30, value: 0 },
  ]);
  const messages = (await alertEvents(server, [above])).map(({ message }) => message);
  expect(messages).toEqual([
    `slow generated an alert - p95 = ${p95.toFixed(2)} ms, triggered at 2024-05-01T12:00:20Z`,
    'slow recovered - no response times, recovered at 2024-05-01T12:00:30Z',
  ]);
  expect(await seen(below, 0)).toEqual([]);
});

test('what comes later than the delay changes what is summed, not what is decided', async () => {
  const source = await openSource(server, 'late');
  const rule = await createRule(server, {
    name: 'slow',
    agentIds: [await source.id()],
    metric: 'DURATION_P95',
    threshold: 500,
  });
  await source.send(slow(0, 20), slow(40, 20, 1));
  await until(() => isDecided('late', NOON + 35), 10_000, 'the first half minute');
  // Seconds 1 to 10 are decided, those from 35 on are not.
  await source.send(slow(1, 900), slow(30, 900));
  await source.send(slow(60, 20), slow(61, 20, 1));
  expect(await seen(rule, 2)).toEqual([
    { type: 'TRIGGERED', at: NOON + 35, value: asSketched(900) },
    { type: 'RECOVERED', at: NOON + 40, value: asSketched(20) },
  ]);
});

test('deleted statistics take the response times with them', async () => {
  const source = await openSource(server, 'deleted');
  const agentIds = [await source.id()];
  const rule = await createRule(server, {
    name: 'slow',
    agentIds,
    metric: 'DURATION_P95',
    threshold: 500,
    window: 'PT1M',
  });
  await source.send(slow(0), slow(20, 20, 1));
  expect(await seen(rule, 1)).toEqual([{ type: 'TRIGGERED', at: NOON, value: asSketched(900) }]);
  await until(() => isDecided('deleted', NOON + 15), 10_000, 'the clock');
  const timeframes = [{ from: isoSecond(NOON), to: isoSecond(NOON + 10) }];
  expect((await server.gql(DELETE_TRAFFIC, { input: { timeframes, agentIds } })).errors).toBeUndefined();
  await source.send(slow(30, 20, 1), slow(31, 20, 1));
  expect((await seen(rule, 2)).slice(1)).toEqual([{ type: 'RECOVERED', at: NOON + 15, value: 0 }]);
  await server.gql('mutation ($id: ID!) { deleteAgent(id: $id) }', { id: agentIds[0] });
  expect(await ownerSql(server, 'SELECT FROM rule_seconds WHERE agent_id = $1', [agentIds[0]])).toEqual([]);
});

test('a rule that turns to response times counts those of its past, and one that turns away drops them', async () => {
  const source = await openSource(server, 'changed');
  const rule = await createRule(server, {
    name: 'changes',
    agentIds: [await source.id()],
    filter: { path: '/api/user' },
    threshold: 1e9,
  });
  await source.send(slow(0), slow(6, 20, 1));
  await until(() => isDecided('changed', NOON + 1), 10_000, 'the clock');
  const change = { metric: 'DURATION_P95', threshold: 500 };
  expect((await server.gql(UPDATE, { id: rule, input: change })).errors).toBeUndefined();
  await source.send(slow(30, 20, 1), slow(31, 20, 1));
  // 900 ms of ten seconds before, which were not counted when they came.
  expect(await seen(rule, 2)).toEqual([
    { type: 'TRIGGERED', at: NOON + 1, value: asSketched(900) },
    { type: 'RECOVERED', at: NOON + 10, value: asSketched(20) },
  ]);
  const back = { metric: 'HITS_PER_SECOND', threshold: 1, filter: null };
  expect((await server.gql(UPDATE, { id: rule, input: back })).errors).toBeUndefined();
  await source.send(slow(50, null, 11), slow(70, null, 1), slow(71, null, 1));
  expect((await seen(rule, 4)).slice(2)).toEqual([
    { type: 'TRIGGERED', at: NOON + 50, value: 1.1 },
    { type: 'RECOVERED', at: NOON + 60, value: 0 },
  ]);
});
