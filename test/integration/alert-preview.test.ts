// Goal: a preview tells what a rule would have done over stored traffic, to the second, and changes nothing.
// Method: a real server; random traffic and rules against looking at each second in turn; what the evaluator did.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { batchOf } from '../../schema/log-batch-builder.js';
import type { RuleSpec } from '../../server/core/alerts/decide.js';
import { expectedTransitions } from '../support/alert-reference.js';
import { entry } from '../support/entries.js';
import { makeOlder, makePastPartitions } from '../support/older.js';
import { startTestServer, type TestServer, until } from '../support/server.js';

const BASE = Date.UTC(2024, 2, 1, 10);
const SPAN_SECONDS = 1_200;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

interface Hit {
  second: number;
  status: number;
  bytes: number;
  target: string;
  durationMs?: number | null;
}

const hits = fc.array(
  fc.record({
    second: fc.oneof(fc.integer({ min: 0, max: SPAN_SECONDS - 1 }), fc.integer({ min: 500, max: 560 })),
    status: fc.constantFrom(200, 200, 404, 500),
    bytes: fc.integer({ min: 0, max: 5_000 }),
    target: fc.constantFrom('/a/x', '/a/y?q', '/b'),
    durationMs: fc.oneof(fc.constantFrom(null, 0, 1), fc.integer({ min: 1, max: 3_000 })),
  }),
  { minLength: 1, maxLength: 400, size: 'max' },
);

const rules = fc.record({
  metric: fc.constantFrom<RuleSpec['metric'][]>('HITS_PER_SECOND', 'BYTES_PER_SECOND', 'ERROR_RATE', 'DURATION_P95'),
  window: fc.constantFrom<number[]>(10, 60, 125, 300),
  comparison: fc.constantFrom<RuleSpec['comparison'][]>(
    'GREATER_THAN',
    'GREATER_THAN_OR_EQUAL',
    'LESS_THAN',
    'LESS_THAN_OR_EQUAL',
  ),
  threshold: fc.constantFrom<number[]>(0.1, 0.5, 1, 800, 2_500),
  minHits: fc.constantFrom<number[]>(0, 0, 3),
  filter: fc.constantFrom<(Filter | null)[]>(
    null,
    { path: '/a/x' },
    { section: '/a', statusMax: 404 },
    { statusMin: 400 },
  ),
});
interface Filter {
  path?: string;
  section?: string;
  statusMin?: number;
  statusMax?: number;
}
type Rule = typeof rules extends fc.Arbitrary<infer R> ? R : never;

const PREVIEW = `query ($input: AlertRuleInput!, $timeframe: TimeframeInput!) {
  previewAlertRule(input: $input, timeframe: $timeframe) {
    covered { from to } triggered firing events { type at value agent { name } }
  }
}`;
const iso = (second: number) => new Date(BASE + second * 1_000).toISOString();
const inputOf = ({ window, ...rule }: Rule, agentIds: string[] = []) => ({
  name: 'preview',
  agentIds,
  ...rule,
  window: `PT${window}S`,
});

const entryOf = ({ second, ...rest }: Hit) => entry({ timeMs: BASE + second * 1_000, ...rest });

async function send(agent: string, of: readonly Hit[]): Promise<string> {
  const batch = batchOf(of.map(entryOf));
  const { data, errors } = await server.gql(
    'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { agent { id } } }',
    { input: { agent, batch } },
  );
  expect(errors).toBeUndefined();
  return data.ingestLogs.agent.id;
}

async function preview(input: object, from: number, to: number) {
  const { data, errors } = await server.gql(PREVIEW, { input, timeframe: { from: iso(from), to: iso(to) } });
  expect(errors).toBeUndefined();
  return data.previewAlertRule;
}

/** Each second in turn, as far as there is traffic. */
function bruteForce(of: readonly Hit[], { window, filter, ...rule }: Rule, from: number, to: number) {
  const last = Math.min(to - 1, Math.max(...of.map(({ second }) => second)));
  const spec = { ...rule, windowSeconds: window, recoveryThreshold: null };
  const base = BASE / 1_000;
  const transitions = expectedTransitions(of.map(entryOf), filter, spec, { from: base + from, until: base + last });
  const events = transitions.map(({ type, at, value }) => ({ type, at: iso(at - base), value: value ?? 0 }));
  const ends = [...transitions.map(({ at }) => at), ...(transitions.length % 2 === 1 ? [base + last + 1] : [])];
  const firingSeconds = ends.reduce((sum, at, i) => sum + (i % 2 === 0 ? -at : at), 0);
  return { events, firingSeconds, triggered: Math.ceil(transitions.length / 2) };
}

const secondsOf = (duration: string): number => {
  const [, hours = 0, minutes = 0, seconds = 0] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$/.exec(duration)!.map(Number);
  return (hours || 0) * 3_600 + (minutes || 0) * 60 + (seconds || 0);
};

test('it is what looking at each second in turn tells', async () => {
  let made = 0;
  await fc.assert(
    fc.asyncProperty(
      hits,
      fc.array(rules, { minLength: 3, maxLength: 3 }),
      fc.integer({ min: 0, max: SPAN_SECONDS / 2 }),
      async (of, some, from) => {
        const id = await send(`random ${made++}`, of);
        for (const rule of some) {
          const told = await preview(inputOf(rule, [id]), from, SPAN_SECONDS);
          const { events, firingSeconds, triggered } = bruteForce(of, rule, from, SPAN_SECONDS);
          const named = events.map((event) => ({ ...event, agent: { name: `random ${made - 1}` } }));
          expect(told.events).toEqual(named);
          expect({ triggered: told.triggered, firing: secondsOf(told.firing) }).toEqual({
            triggered,
            firing: firingSeconds,
          });
          expect(told.covered).toEqual({ from: iso(from), to: iso(SPAN_SECONDS) });
        }
      },
    ),
    { numRuns: 25 },
  );
});

test('over several agents each is decided on its own; nothing is stored of it', async () => {
  const busy = Array.from({ length: 300 }, (_, i) => ({ second: i % 100, status: 200, bytes: 1, target: '/' }));
  const ids = [await send('left', busy), await send('right', busy.slice(0, 150))];
  const rule = {
    metric: 'HITS_PER_SECOND',
    window: 10,
    comparison: 'GREATER_THAN',
    threshold: 1.4,
    minHits: 0,
    filter: null,
  } as const;
  const { events } = await preview(inputOf(rule, ids), 0, 100);
  const triggered = events.filter(({ type }: { type: string }) => type === 'TRIGGERED');
  expect(triggered.map(({ agent }: { agent: { name: string } }) => agent.name).sort()).toEqual(['left', 'right']);
  const { data } = await server.gql('{ alertRules { name } auditLog { nodes { action } } }');
  expect(data.alertRules.map(({ name }: { name: string }) => name)).toEqual(['High traffic']);
  expect(data.auditLog.nodes).toEqual([]);
});

test('it is what the evaluator did', async () => {
  const { data } = await server.gql(
    'mutation { createAlertRule(input: { name: "real", threshold: 2, window: "PT30S" }) { id } }',
  );
  const ruleIds = [data.createAlertRule.id];
  const burst = Array.from({ length: 400 }, (_, i) => ({ second: 100 + (i % 80), status: 200, bytes: 1, target: '/' }));
  const id = await send('evaluated', [
    { second: 0, status: 200, bytes: 1, target: '/' },
    ...burst,
    { second: 400, status: 200, bytes: 1, target: '/' },
  ]);
  const EVENTS = `query ($ruleIds: [ID!], $agentIds: [ID!]) {
    alertEvents(ruleIds: $ruleIds, agentIds: $agentIds, newestFirst: false) { nodes { type at value } }
  }`;
  const happened = async () =>
    (await server.gql(EVENTS, { ruleIds, agentIds: [id] })).data.alertEvents.nodes as { type: string }[];
  await until(async () => (await happened()).length === 2, 60_000, 'the alert and its recovery');
  const rule = {
    metric: 'HITS_PER_SECOND',
    window: 30,
    comparison: 'GREATER_THAN',
    threshold: 2,
    minHits: 0,
    filter: null,
  } as const;
  const { events } = await preview(inputOf(rule, [id]), 0, SPAN_SECONDS);
  expect(events.map(({ agent: _, ...event }: { agent: unknown }) => event)).toEqual(await happened());
});

test.each([
  ['a timeframe that ends before it begins', { threshold: 1 }, [10, 0], 'BAD_USER_INPUT'],
  ['no name', { name: '', threshold: 1 }, [0, 10], 'BAD_USER_INPUT'],
  [
    "an agent that is not the tenant's",
    { threshold: 1, agentIds: ['00000000-0000-4000-8000-000000000000'] },
    [0, 10],
    'NOT_FOUND',
  ],
])('%s is refused', async (_what, change, [from, to], code) => {
  const input = { name: 'x', ...change };
  const { errors } = await server.gql(PREVIEW, { input, timeframe: { from: iso(from), to: iso(to) } });
  expect(errors?.[0].extensions.code).toBe(code);
});

test('more than can be read at once is refused, with what to do', async () => {
  await send('long ago', [
    { second: -40 * 86_400, status: 200, bytes: 1, target: '/' },
    { second: 0, status: 200, bytes: 1, target: '/' },
  ]);
  const { errors } = await server.gql(PREVIEW, {
    input: { name: 'x', threshold: 1 },
    timeframe: { from: iso(-50 * 86_400), to: iso(0) },
  });
  expect(errors?.[0]).toMatchObject({
    message: expect.stringContaining('less time'),
    extensions: { code: 'QUERY_TOO_COMPLEX' },
  });
});

test('a filtered rule is decided from where no entry is missing that it admits, and says so', async () => {
  await makePastPartitions(server);
  const at = (second: number, status: number): Hit => ({ second, status, bytes: 1, target: '/' });
  const burst = (second: number, status: number) => Array.from({ length: 30 }, () => at(second, status));
  const id = await send('partly', [...burst(100, 200), ...burst(103, 500), ...burst(300, 200)]);
  await makeOlder(server, id, 7_200);
  await send('partly', [...burst(400, 200), ...burst(500, 500)]);
  const rule = { metric: 'HITS_PER_SECOND', window: 10, comparison: 'GREATER_THAN', threshold: 2, minHits: 0 } as const;
  const told = async (filter: Filter) => {
    const { covered, events } = await preview(inputOf({ ...rule, filter }, [id]), 0, 1_000);
    return { from: covered.from, at: events.map((event: { type: string; at: string }) => [event.type, event.at]) };
  };
  // Errors are kept for a week, all else for an hour.
  expect(await told({ statusMin: 500 })).toEqual({
    from: iso(0),
    at: [
      ['TRIGGERED', iso(103)],
      ['RECOVERED', iso(113)],
      ['TRIGGERED', iso(500)],
    ],
  });
  expect(await told({ path: '/' })).toEqual({
    from: iso(310 + rule.window),
    at: [
      ['TRIGGERED', iso(400)],
      ['RECOVERED', iso(410)],
      ['TRIGGERED', iso(500)],
    ],
  });
});
