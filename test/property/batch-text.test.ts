// Goal: a request whose batch's text is kept beside it is the same request as one that is parsed whole, and the text is the batch's.
// Method: random requests, most of them of the agent's form, with what looks like it in keys and texts; cut and changed anywhere;
//   JSON.parse is the reference.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseBody, takeTextOf } from '../../server/api/walls/batch-text.js';

const TRAPS = [
  'batch',
  '"batch":{',
  'a"batch',
  ',"malformed":',
  '},"malformed":0',
  'malformed',
  'ä€😀',
  '\\',
  '__proto__',
];
const text = fc.oneof(fc.constantFrom(...TRAPS), fc.string({ unit: 'grapheme', maxLength: 5 }));
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.integer(),
    text,
    fc.constant(null),
    tie('object'),
    fc.array(tie('any'), { maxLength: 3 }),
  ),
  object: fc.dictionary(text, tie('any'), { maxKeys: 4 }),
}));
const rest = fc.dictionary(fc.constantFrom('malformed', 'skipped', 'batch', 'agent'), value.any, { maxKeys: 3 });
const request = fc
  .tuple(text, value.any, value.object, rest, value.object)
  .map(([query, agent, batch, after, others]) => ({
    query,
    variables: { input: { agent, batch, ...after }, ...others },
  }));

/** What a parser says: the value, or that there is none. */
const said = (parse: () => unknown) => {
  try {
    return { value: parse() };
  } catch {
    return 'NO JSON';
  }
};

function expectSame(body: Buffer): void {
  const parsed = said(() => parseBody(body, JSON.parse, 0));
  expect(parsed).toEqual(said(() => JSON.parse(body.toString())));
  const batch = (parsed as { value?: { variables?: { input?: { batch?: unknown } } } }).value?.variables?.input?.batch;
  if (typeof batch !== 'object' || batch === null) return;
  const own = takeTextOf(batch);
  if (own !== null) expect(JSON.parse(own.toString())).toEqual(batch);
  expect(takeTextOf(batch)).toBeNull();
}

describe('requests with a batch', () => {
  test('are the same, whatever they hold', () => {
    fc.assert(
      fc.property(fc.oneof(request, value.any), (sent) => expectSame(Buffer.from(JSON.stringify(sent) ?? 'null'))),
      { numRuns: 3_000 },
    );
  });

  test('are the same, or no JSON, where some of them is missing or twice there', () => {
    fc.assert(
      fc.property(request, fc.nat(), fc.nat(40), fc.boolean(), (sent, place, length, isTwice) => {
        const body = JSON.stringify(sent);
        const at = place % body.length;
        expectSame(Buffer.from(body.slice(0, at + (isTwice ? length : 0)) + body.slice(at + (isTwice ? 0 : length))));
      }),
      { numRuns: 3_000 },
    );
  });

  test('of the agent have their text', () => {
    const input = { agent: 'a', batch: { version: 1, columns: {} }, malformed: 0, skipped: 0, rejections: [] };
    const body = Buffer.from(JSON.stringify({ query: 'mutation', variables: { input } }));
    const parsed = parseBody(body, JSON.parse, 0) as { variables: { input: { batch: object } } };
    expect(takeTextOf(parsed.variables.input.batch)?.toString()).toBe('{"version":1,"columns":{}}');
  });

  test('by duplicate keys: the last one counts', () => {
    for (const input of [
      '{"batch":{"a":1},"batch":{"b":2},"malformed":0}',
      '{"batch":{"a":1},"malformed":0,"batch":5}',
      '{"x\\"batch":{"a":1},"malformed":0}',
      '{"batch":{"a":1},"malformed":0,"batch":{"b":2},"malformed":0}',
    ])
      expectSame(Buffer.from(`{"variables":{"input":${input}}}`));
  });
});
