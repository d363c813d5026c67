// Goal: an operation's cost is what its answer may hold at most, with lists' lengths as arguments and variables say.
// Method: the real schema; costs relative to each other, so that the weights may change.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type GraphQLSchema, getIntrospectionQuery, getOperationAST, parse } from 'graphql';
import { AgentsQuery } from '../../schema/operations/agents.js';
import { LiveFleetSubscription, LiveServerSubscription, SeriesQuery, TopsQuery } from '../../schema/operations/live.js';
import { buildApiSchema } from '../../server/api/schema.js';
import { costOf, costOfAnswer } from '../../server/api/walls/cost.js';
import { DEFAULT_LIMITS } from '../../server/api/walls/limits.js';

const NOW_MS = Date.parse('2026-01-31T12:00:00Z');
let schema: GraphQLSchema;
beforeAll(async () => {
  schema = await buildApiSchema();
});

function cost(source: string | ReturnType<typeof parse>, variables: Record<string, unknown> = {}): number {
  const document = typeof source === 'string' ? parse(source) : source;
  return costOf(schema, { document, operation: getOperationAST(document)!, variables, nowMs: NOW_MS });
}
const windows = (args: string) => `{ traffic(timeframe: { last: "PT1H" }) { windows${args} { start revision } } }`;

describe('lengths of lists', () => {
  const one = cost.bind(null, '{ logs(first: 1) { nodes { host path } } }');
  test.each([
    ['as a literal', '{ logs(first: 500) { nodes { host path } } }', {}],
    ['as a variable', 'query ($n: Int!) { logs(first: $n) { nodes { host path } } }', { n: 500 }],
    ["as a variable's default", 'query ($n: Int! = 500) { logs(first: $n) { nodes { host path } } }', {}],
    ['within a fragment', '{ logs(first: 500) { ...F } } fragment F on LogEntryConnection { nodes { host path } }', {}],
    ['within an inline fragment', '{ ... on Query { logs(first: 500) { nodes { host path } } } }', {}],
  ])('%s', (_what, query, variables) => {
    // An own field for `nodes`, then each node's two.
    expect(cost(query, variables) - one()).toBe(499 * 2);
  });

  test('without an argument, as the schema has it by default', () => {
    expect(cost('{ logs { nodes { host path } } }')).toBe(cost('{ logs(first: 100) { nodes { host path } } }'));
  });

  test('multiply where one is within another', () => {
    const top = (first: number) => `{ traffic(timeframe: { last: "PT1H" }) { windows(maxPoints: 100) { stats {
      top(dimension: PATH, first: ${first}) { key hits } } } } }`;
    expect(cost(top(51)) - cost(top(1))).toBe(100 * 50 * 2);
  });

  test('of a series by its step or resolution, of its timeframe', () => {
    const ofMinutes = cost(windows('(resolution: MINUTE)'));
    expect(cost(windows('(step: "PT1M")'))).toBe(ofMinutes);
    expect(cost(windows('(step: "PT10S")')) - ofMinutes).toBe(300 * 2);
    const years = '{ traffic(timeframe: { from: "2016-01-31T12:00:00Z" }) { windows(step: "PT1H") { start } } }';
    expect(cost(years)).toBeGreaterThan(10 * 365 * 24);
  });

  test('which the API refuses cost nothing', () => {
    expect(cost('{ logs(first: -5) { nodes { host } } }')).toBeGreaterThan(0);
    expect(cost('query ($n: Int) { logs(first: $n) { nodes { host } } }', { n: 'many' })).toBeLessThan(100);
  });
});

test('aliases count each, and what reads the database by itself for more', () => {
  const alone = cost('{ viewer { role } }');
  expect(cost('{ a: viewer { role } b: viewer { role } c: viewer { role } }')).toBe(3 * alone);
  const agents = (fields: string) => cost(`{ agents(first: 100) { nodes { id ${fields} } } }`);
  expect(agents('ledger { lines }') - agents('')).toBeGreaterThan(10 * (agents('name status') - agents('')));
});

test('fragments that spread others twice are looked at once each', () => {
  const fragments = Array.from(
    { length: 60 },
    (_, i) => `fragment F${i} on Agent { ${i === 59 ? 'id' : `...F${i + 1} ...F${i + 1}`} }`,
  );
  expect(cost(`{ agent(id: "a") { ...F0 } } ${fragments.join(' ')}`)).toBeGreaterThanOrEqual(2 ** 59);
});

test('what our own clients and GraphiQL ask is far below the most', () => {
  const hour = { agentId: 'a', timeframe: { last: 'PT1H' }, maxPoints: 500 };
  const documents: [ReturnType<typeof parse>, Record<string, unknown>][] = [
    [AgentsQuery as ReturnType<typeof parse>, { first: 500 }],
    [SeriesQuery as ReturnType<typeof parse>, hour],
    [TopsQuery as ReturnType<typeof parse>, hour],
    [LiveFleetSubscription as ReturnType<typeof parse>, {}],
    [LiveServerSubscription as ReturnType<typeof parse>, { agentId: 'a' }],
    [parse(getIntrospectionQuery()), {}],
  ];
  for (const [document, variables] of documents)
    expect(cost(document, variables)).toBeLessThan(DEFAULT_LIMITS.cost / 5);
});

test('an answer costs by what it holds', () => {
  expect(costOfAnswer({ a: 1, b: [{ c: null }, { c: new Date() }] })).toBeGreaterThan(costOfAnswer({ a: 1, b: [] }));
  expect(costOfAnswer(null)).toBe(0);
});
