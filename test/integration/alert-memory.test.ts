// Goal: what servers remember of agents between evaluations never changes what is told or stored: two that evaluate the
//   same agents in turns say what one says that begins anew each time.
// Method: random histories on a real PostgreSQL, each in two tenants: batches, late ones too, rules that are made, changed
//   and deleted, deletions, agents that rest, end, go and come again, evaluations that are lost.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AlertMemory } from '../../server/alerts/memory.js';
import type { RuleChange } from '../../server/alerts/rules.js';
import { entry } from '../support/entries.js';
import { EvaluatedWorld } from '../support/evaluated-world.js';
import { Statistics } from '../support/statistics.js';

const T0 = Date.UTC(2026, 0, 31, 12);
const AGENTS = ['a', 'b'];
const RULES = ['first', 'second', 'third'];

let statistics: Statistics;
beforeAll(async () => {
  statistics = await Statistics.start();
});
afterAll(() => statistics.close());

const agent = fc.constantFrom(...AGENTS);
const someAgents = fc.constantFrom(AGENTS, AGENTS, ['a'], ['b']);

const entries = fc.array(
  fc.record({
    /** Seconds before the newest. */
    age: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 8 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 200 }) },
    ),
    status: fc.constantFrom(200, 200, 500),
    target: fc.constantFrom('/a', '/b'),
    durationMs: fc.constantFrom(null, 50, 500),
  }),
  { minLength: 1, maxLength: 20 },
);

const rule: fc.Arbitrary<Required<RuleChange>> = fc
  .record({
    measure: fc.constantFrom(
      { metric: 'HITS_PER_SECOND' as const, threshold: 0.5 },
      { metric: 'HITS_PER_SECOND' as const, threshold: 0.1 },
      { metric: 'BYTES_PER_SECOND' as const, threshold: 100 },
      { metric: 'ERROR_RATE' as const, threshold: 0.3 },
      { metric: 'DURATION_P95' as const, threshold: 100 },
    ),
    filter: fc.constantFrom(null, null, { statusMin: 500 }, { path: '/a' }),
    windowSeconds: fc.constantFrom(2, 10, 45),
    comparison: fc.constantFrom('GREATER_THAN' as const, 'GREATER_THAN' as const, 'LESS_THAN' as const),
    minHits: fc.constantFrom(0, 0, 2),
    enabled: fc.constantFrom(true, true, true, false),
    noDataAfter: fc.constantFrom(null, 60),
    severity: fc.constantFrom('INFO' as const, 'WARNING' as const),
  })
  .map(({ measure, ...about }) => ({
    ...measure,
    ...about,
    name: '',
    agentIds: [],
    recoveryThreshold: null,
    channelIds: [],
    flapDetection: true,
    remindEvery: null,
  }));

const step = fc.oneof(
  { weight: 9, arbitrary: fc.record({ append: agent, entries, after: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 12, arbitrary: fc.record({ evaluate: someAgents, by: fc.constantFrom(0, 1) }) },
  { weight: 3, arbitrary: fc.record({ lose: someAgents, by: fc.constantFrom(0, 1) }) },
  {
    weight: 3,
    arbitrary: fc.record({ set: fc.constantFrom(...RULES), rule, of: fc.constantFrom([], [], [], ['a']) }),
  },
  { weight: 1, arbitrary: fc.record({ deleteRule: fc.constantFrom(...RULES) }) },
  {
    weight: 1,
    arbitrary: fc.record({ deleteFrom: fc.integer({ min: 0, max: 9 }), tens: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ deleteAgent: agent }) },
  { weight: 1, arbitrary: fc.record({ silenceHours: fc.constantFrom(1, 3), after: fc.constantFrom(0, 2, 4) }) },
  { weight: 1, arbitrary: fc.constant({ end: true as const }) },
  { weight: 1, arbitrary: fc.record({ missData: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

/** Agents rest, and what wakes one is later than that, but came when its second had passed. */
const awakening = fc
  .record({ by: fc.constantFrom(0, 1), wakes: agent, entries, next: fc.constantFrom(0, 1) })
  .map(({ by, wakes, entries, next }): Step[] => [
    { silenceHours: 1, after: 0 },
    { evaluate: AGENTS, by },
    { silenceHours: 3, after: 2 },
    { append: wakes, entries, after: 0 },
    { evaluate: AGENTS, by: next },
    { evaluate: AGENTS, by },
  ]);
/** An agent of which there is nothing left to delete goes, and comes again; then, with what is older than it has sent. */
const comingAgain = fc
  .record({ by: fc.constantFrom(0, 1), name: agent, entries })
  .map(({ by, name, entries }): Step[] => {
    const aged = (seconds: number) => entries.map((one) => ({ ...one, age: (one.age % 4) + seconds }));
    return [
      { deleteFrom: 60, tens: 62 },
      { evaluate: AGENTS, by },
      { deleteAgent: name },
      { append: name, entries: aged(0), after: 0 },
      { evaluate: AGENTS, by },
      { append: name, entries: aged(40), after: 8 },
      { append: name, entries: aged(0), after: 0 },
      { evaluate: AGENTS, by },
    ];
  });
/** What one server lost, maybe an alert, another says; then it goes on itself. */
const losing = fc.record({ by: fc.constantFrom(0, 1), name: agent, entries }).map(({ by, name, entries }): Step[] => {
  const batch = { append: name, entries: entries.map((one) => ({ ...one, age: one.age % 4 })) };
  return [
    { evaluate: AGENTS, by },
    { ...batch, after: 8 },
    { ...batch, after: 0 },
    { lose: AGENTS, by },
    { evaluate: AGENTS, by: by === 0 ? 1 : 0 },
    { ...batch, after: 60 },
    { ...batch, after: 8 },
    { evaluate: AGENTS, by },
  ];
});

/** A rule counts entries again of which the windows were deleted; then what it counted is. */
const deletedTwice = fc
  .record({ by: fc.constantFrom(0, 1), name: agent, entries, rule })
  .map(({ by, name, entries, rule }): Step[] => [
    { append: name, entries, after: 1 },
    { deleteFrom: 60, tens: 62 },
    { set: RULES[0], rule: { ...rule, filter: { path: '/a' }, windowSeconds: 45, enabled: true }, of: [] },
    { evaluate: AGENTS, by },
    { deleteFrom: 60, tens: 62 },
    { append: name, entries, after: 8 },
    { append: name, entries, after: 0 },
    { evaluate: AGENTS, by },
  ]);
const history = fc
  .array(
    fc.oneof(
      { weight: 40, arbitrary: step.map((one) => [one]) },
      { weight: 1, arbitrary: awakening },
      { weight: 1, arbitrary: comingAgain },
      { weight: 1, arbitrary: deletedTwice },
      { weight: 1, arbitrary: losing },
    ),
    { minLength: 15, maxLength: 40, size: 'max' },
  )
  .map((parts) => parts.flat());

/** Takes the same step in a world; `evaluate` says by which memory. */
async function take(world: EvaluatedWorld, one: Step, nowMs: number, memoryOf: (by: number) => AlertMemory) {
  if ('append' in one)
    await world.append(
      one.append,
      one.entries.map(({ age, ...about }) => entry({ ...about, timeMs: nowMs - age * 1_000 })),
    );
  else if ('evaluate' in one) await world.evaluate(one.evaluate, memoryOf(one.by));
  else if ('lose' in one) await world.failToEvaluate(one.lose, memoryOf(one.by));
  else if ('set' in one) await world.setRule(one.set, one.rule, one.of);
  else if ('deleteRule' in one) await world.deleteRule(one.deleteRule);
  else if ('deleteFrom' in one) {
    const fromMs = Math.floor(nowMs / 10_000 - one.deleteFrom) * 10_000;
    await world.deleteTraffic(fromMs, fromMs + one.tens * 10_000);
  } else if ('deleteAgent' in one) await world.deleteAgent(one.deleteAgent);
  else if ('silenceHours' in one) await world.fallSilent(one.silenceHours);
  else if ('end' in one) await world.end();
  else await world.missData(one.missData);
}

/** What comes after a step is so much later, milliseconds. */
function passesMs(one: Step): number {
  if ('append' in one) return one.after * 1_000;
  return 'silenceHours' in one ? one.after * 3_600_000 : 0;
}

test('two servers in turns tell and store what one does that remembers nothing', async () => {
  let told = 0;
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const remembering = await EvaluatedWorld.make(statistics);
      const anew = await EvaluatedWorld.make(statistics);
      const memories = [new AlertMemory(), new AlertMemory()];
      let nowMs = T0;
      let events = 0;
      for (const one of steps) {
        await take(remembering, one, nowMs, (by) => memories[by]);
        await take(anew, one, nowMs, () => new AlertMemory());
        nowMs += passesMs(one);
        if (!('evaluate' in one)) continue;
        const expected = await anew.told();
        expect(await remembering.told()).toEqual(expected);
        events = expected.events.length;
      }
      told += events;
    }),
    // However slow the machine is: what it has not come to, other runs will.
    { numRuns: 15, interruptAfterTimeLimit: 120_000 },
  );
  expect(told).toBeGreaterThan(5);
}, 300_000);
