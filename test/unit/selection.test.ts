// Goal: exactly those tops are read that a document asks for, however it asks.
// Method: documents with fragments, variables, aliases and directives, executed as GraphQL does up to a resolver's info.
import { expect, test } from '@jest/globals';
import { type FieldNode, type FragmentDefinitionNode, Kind, parse } from 'graphql';
import { partsAsked } from '../../server/api/selection.js';

/** What the resolver of the operation's first field is told. */
function asked(
  document: string,
  { under, variables = {} }: { under?: string; variables?: Record<string, unknown> } = {},
) {
  const { definitions } = parse(document);
  const operation = definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION)!;
  const fragments = Object.fromEntries(
    definitions
      .filter((definition): definition is FragmentDefinitionNode => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  );
  const fieldNodes = operation.selectionSet.selections as FieldNode[];
  return partsAsked({ fieldNodes, fragments, variableValues: variables }, under);
}

test.each([
  ['nothing', '{ total { hits } }', []],
  ['one', '{ total { top(dimension: PATH) { key } } }', ['PATH']],
  [
    'each once, in order',
    '{ total { b: top(dimension: USER) { key } a: top(dimension: SECTION) { key } c: top(dimension: USER, first: 3) { hits } } }',
    ['SECTION', 'USER'],
  ],
  ['distinct hosts', '{ total { distinctHosts } }', ['HOSTS']],
  ['percentiles', '{ total { duration { p95 } size { max } } }', ['SIZE', 'DURATION']],
  ['an alias that looks like another field', '{ total { top: hits distinctHosts: bytes } }', []],
  ['an inline fragment', '{ total { ... on TrafficStats { top(dimension: STATUS) { key } } } }', ['STATUS']],
  ['a fragment', '{ total { ...F } } fragment F on TrafficStats { top(dimension: METHOD) { key } }', ['METHOD']],
  [
    'a fragment within a fragment',
    '{ total { ...F } } fragment F on TrafficStats { ...G } fragment G on TrafficStats { distinctHosts }',
    ['HOSTS'],
  ],
  ['a field said twice', '{ total { hits } total { top(dimension: REFERRER) { key } } }', ['REFERRER']],
])('%s', (_what, document, dimensions) => expect(asked(document)).toEqual(dimensions));

test('a variable', () => {
  const document = 'query ($of: Dimension!) { total { top(dimension: $of) { key } } }';
  expect(asked(document, { variables: { of: 'USER_AGENT' } })).toEqual(['USER_AGENT']);
});

test('only below the field that is named', () => {
  const document = `{ liveWindows { windows { stats { top(dimension: PATH) { key } } } ...F } }
    fragment F on LiveWindows { sliding { stats { ...S } } } fragment S on TrafficStats { top(dimension: HOST) { key } }`;
  expect(asked(document, { under: 'windows' })).toEqual(['PATH']);
  expect(asked(document, { under: 'sliding' })).toEqual(['HOST']);
});

test('the same fragment counts within and outside of the field that is named', () => {
  const document = `{ liveWindows { sliding { stats { ...S } } windows { stats { ...S } } } }
    fragment S on TrafficStats { top(dimension: HOST) { key } }`;
  expect(asked(document, { under: 'windows' })).toEqual(['HOST']);
  expect(asked(document, { under: 'sliding' })).toEqual(['HOST']);
});

test('fragments that double at each level are looked at once', () => {
  const levels = Array.from({ length: 40 }, (_, i) => `fragment F${i} on TrafficStats { ...F${i + 1} ...F${i + 1} }`);
  const document = `{ total { ...F0 } } ${levels.join(' ')} fragment F40 on TrafficStats { top(dimension: PATH) { key } }`;
  expect(asked(document)).toEqual(['PATH']);
}, 5_000);
