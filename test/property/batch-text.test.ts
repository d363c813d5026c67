// Goal: a request whose batch is read from its text is the same request, with the same batch, as one that is parsed whole.
// Method: random requests, most of them of the agent's form, with what looks like it in keys and texts; cut and changed anywhere;
//   JSON.parse is the reference. Of what the agent writes, JSON.stringify.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeLogBatch, InvalidLogBatchError } from '../../schema/log-batch.js';
import { batchOf, LogBatchBuilder } from '../../schema/log-batch-builder.js';
import { BatchText, BatchTextWriter } from '../../schema/log-batch-text.js';
import { jsonParts, WrittenJson } from '../../schema/operations/written-json.js';
import { parseBody } from '../../server/api/walls/batch-text.js';
import { dirtyTexts, entries } from '../support/arbitraries.js';
import { entry } from '../support/entries.js';

const TRAPS = [
  'batch',
  '"batch":{',
  'a"batch',
  ',"malformed":',
  '},"malformed":0',
  'malformed',
  '],"index":[',
  'ä€😀',
  '\ufeff',
  '\\',
  '__proto__',
];
const text = fc.oneof(fc.constantFrom(...TRAPS), fc.string({ unit: 'grapheme', maxLength: 5 }), dirtyTexts);
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
const traffic = fc.array(
  fc.tuple(entries, text, text).map(([one, host, target]) => ({ ...one, host: host || '-', target, method: 'GET' })),
  { maxLength: 12 },
);
const batch = fc.oneof({ weight: 3, arbitrary: traffic.map(batchOf) }, { weight: 1, arbitrary: value.object });
const rest = fc.dictionary(fc.constantFrom('malformed', 'skipped', 'batch', 'agent'), value.any, { maxKeys: 3 });
const request = fc.tuple(text, value.any, batch, rest, value.object).map(([query, agent, sent, after, others]) => ({
  query,
  variables: { input: { agent, batch: sent, malformed: 0, ...after }, ...others },
}));

/** What a parser says: the value, or that there is none. */
const said = (parse: () => unknown) => {
  try {
    return { value: parse() };
  } catch {
    return 'NO JSON';
  }
};

/** What a batch is decoded to, or why it is none. */
function decoded(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof InvalidLogBatchError)) throw error;
    return error.message;
  }
}

const inputOf = (parsed: unknown) =>
  (parsed as { value?: { variables?: { input?: { batch?: unknown } } } }).value?.variables?.input;

/** Parsed both ways it is the same; returns whether its batch was read from its text. */
function expectSame(body: Buffer): boolean {
  const parsed = said(() => parseBody(body, JSON.parse, 0));
  const expected = said(() => JSON.parse(body.toString()));
  const input = inputOf(parsed);
  const read = input?.batch;
  if (!(read instanceof BatchText)) {
    expect(parsed).toEqual(expected);
    return false;
  }
  const value = inputOf(expected)!.batch;
  input!.batch = value;
  expect(parsed).toEqual(expected);
  expectSameBatch(read, value);
  return true;
}

function expectSameBatch(read: BatchText, value: unknown): void {
  const expected = decoded(() => decodeLogBatch(value));
  expect(decoded(() => read.decoded)).toEqual(expected);
  // Asked for again it is no other.
  expect(decoded(() => read.decoded)).toEqual(expected);
}

describe('requests with a batch', () => {
  test('are the same, whatever they hold', () => {
    let [all, read] = [0, 0];
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: request }, { weight: 1, arbitrary: value.any }), (sent) => {
        all++;
        if (expectSame(Buffer.from(JSON.stringify(sent) ?? 'null'))) read++;
      }),
      { numRuns: 3_000 },
    );
    // Both ways are taken.
    expect(read).toBeGreaterThan(all / 10);
    expect(read).toBeLessThan(all);
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

  test('of the agent are read from their text', () => {
    const wire = batchOf([entry({ timeMs: 5 })]);
    const input = { agent: 'a', batch: wire, malformed: 0, skipped: 0, rejections: [] };
    const body = Buffer.from(JSON.stringify({ query: 'mutation', variables: { input } }));
    const parsed = parseBody(body, JSON.parse, 0) as { variables: { input: { batch: BatchText } } };
    expect(parsed.variables.input.batch).toBeInstanceOf(BatchText);
    expectSameBatch(parsed.variables.input.batch, wire);
  });

  test('by duplicate keys: the last one counts', () => {
    const [one, other] = [1, 2].map((timeMs) => JSON.stringify(batchOf([entry({ timeMs })])));
    for (const input of [
      `{"batch":${one},"batch":${other},"malformed":0}`,
      `{"batch":${one},"malformed":0,"batch":5}`,
      `{"x\\"batch":${one},"malformed":0}`,
      `{"batch":${one},"malformed":0,"batch":${other},"malformed":0}`,
    ])
      expectSame(Buffer.from(`{"variables":{"input":${input}}}`));
  });
});

/** Numbers as JSON may have them, in the places of others. */
const NUMBERS = [
  '0',
  '-0',
  '-1',
  '01',
  '1.5',
  '1e3',
  '5e-324',
  '999',
  '1000',
  '2147483648',
  '9007199254740993',
  '1e999',
];
const numberTexts = fc.constantFrom(...NUMBERS, 'null', '"5"', '', '[]', ' 1', '123456789012345678901234567890');

describe('the text of a batch', () => {
  test('is read as any JSON, whatever numbers it has', () => {
    let [all, read] = [0, 0];
    fc.assert(
      fc.property(traffic, fc.nat(), numberTexts, (list, place, number) => {
        const whole = JSON.stringify(batchOf(list));
        const numbers = [...whole.matchAll(/(?<=[[,:])-?\d+(?:\.\d+)?(?=[\],}])/g)];
        const { index, 0: old } = numbers[place % numbers.length];
        const changed = Buffer.from(whole.slice(0, index) + number + whole.slice(index + old.length));
        const found = BatchText.read(changed);
        all++;
        if (found === null) return;
        read++;
        expectSameBatch(found, JSON.parse(changed.toString()));
      }),
      { numRuns: 3_000 },
    );
    expect(read).toBeGreaterThan(all / 10);
  });

  test('is what JSON.stringify makes of it, one batch after the other', () => {
    const [builder, writer] = [new LogBatchBuilder(), new BatchTextWriter()];
    const some = fc.array(fc.oneof(entries, fc.constant(entry({ timeMs: 0 }))), { maxLength: 200 });
    fc.assert(
      fc.property(some, (list) => {
        builder.clear();
        for (const one of list) builder.add(one);
        const written = Buffer.from(writer.write(builder.built())).toString();
        expect(written).toBe(JSON.stringify(builder.build()));
        expect(written).toBe(JSON.stringify(batchOf(list)));
        expect(BatchText.read(Buffer.from(written))).not.toBeNull();
      }),
      { numRuns: 500 },
    );
  });
});

test('what is written already stands in its place', () => {
  fc.assert(
    fc.property(value.any, value.any, value.any, (first, second, other) => {
      const written = (each: unknown) => new WrittenJson(Buffer.from(JSON.stringify(each)));
      const parts = jsonParts({ other, variables: [{ first: written(first) }, written(second)] });
      const joined = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))).toString();
      expect(joined).toBe(JSON.stringify({ other, variables: [{ first }, second] }));
    }),
  );
});
