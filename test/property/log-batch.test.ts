// Goal: a batch is read as it was written; what is none is refused by name, and never breaks the reader.
// Method: batches there and back through JSON; then arbitrary JSON, and true batches with one place made wrong.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  cleanText,
  type DecodedBatch,
  decodeLogBatch,
  ENTRY_BYTES_MAX,
  ENTRY_DURATION_MS_MAX,
  entryAt,
  InvalidLogBatchError,
  TEXT_COLUMNS,
} from '../../schema/log-batch.js';
import { batchOf } from '../../schema/log-batch-builder.js';
import { dirtyTexts, entries } from '../support/arbitraries.js';
import { entry } from '../support/entries.js';

const RUNS = { numRuns: 500 };
const lists = fc.array(entries, { maxLength: 30 });
const wireOf = (list: Parameters<typeof batchOf>[0]) => JSON.parse(JSON.stringify(batchOf(list)));

/** Decodes; null where it is refused in the one way that it may be. */
function decode(value: unknown): DecodedBatch | null {
  try {
    return decodeLogBatch(value);
  } catch (error) {
    if (!(error instanceof InvalidLogBatchError)) throw error;
    expect(error.message.length).toBeLessThan(300);
    return null;
  }
}

describe('a batch', () => {
  test('comes back as it was added', () => {
    fc.assert(
      fc.property(lists, (list) => {
        const batch = decodeLogBatch(wireOf(list));
        expect(batch.invalidCount).toBe(0);
        expect(list.map((_, i) => entryAt(batch, i))).toEqual(list);
      }),
      RUNS,
    );
  });

  test('keeps each distinct text once, as a dictionary', () => {
    const { columns } = batchOf([1, 2, 3].map((ms) => entry({ timeMs: ms, host: 'same' })));
    expect(columns.host).toEqual({ dict: ['same'], index: [1, 1, 1] });
    expect(columns.user).toBeUndefined();
  });
});

/** JSON values at places where a batch has others. */
const anything = fc.oneof(
  fc.jsonValue() as fc.Arbitrary<unknown>,
  fc.constantFrom<unknown>(null, '', '1', -1, 0, 1, 1.5, 2 ** 53, 1e308, true, [], {}, [null], { toString: 1 }),
);

describe('what is no batch', () => {
  test('is refused as such, whatever JSON it is', () => {
    fc.assert(
      fc.property(anything, (value) => {
        decode(value);
      }),
      RUNS,
    );
  });

  test('one wrong place: refused, or marked, never anything else', () => {
    const places = ['version', 'count', 'base', 'time', 'status', 'bytes', 'duration', 'columns'];
    const paths = fc.oneof(
      fc.constantFrom(...places).map((name) => [name]),
      fc.tuple(fc.constantFrom('time', 'status', 'bytes'), fc.constantFrom('0', '1', '9')).map((path) => [...path]),
      fc.constantFrom(...TEXT_COLUMNS).map((name) => ['columns', name]),
      fc.tuple(fc.constantFrom(...TEXT_COLUMNS), fc.constantFrom('dict', 'index')).map((path) => ['columns', ...path]),
      fc.constantFrom('dict', 'index').map((name) => ['columns', 'host', name, '0']),
    );
    fc.assert(
      fc.property(fc.array(entries, { minLength: 1, maxLength: 4 }), paths, anything, (list, path, value) => {
        const wire = wireOf(list);
        const parent = path.slice(0, -1).reduce((object, name) => object?.[name], wire);
        if (parent === undefined || parent === null) return;
        parent[path.at(-1)!] = value;
        const batch = decode(wire);
        if (batch === null) return;
        expect(batch.invalid.reduce((marked, mark) => marked + mark, 0)).toBe(batch.invalidCount);
        for (let i = 0; i < batch.count; i++) if (batch.invalid[i] === 0) expectSound(batch, i);
      }),
      { numRuns: 3_000 },
    );
  });

  test.each([
    ['a version of the future', { version: 2 }],
    ['a version that cannot be shown', { version: { toString: 1 } }],
    ['a count below the columns', { count: 0 }],
    ['a count that is none', { count: 1.5 }],
    ['too many entries', { count: 8_193 }],
    ['a base that is none', { base: '5' }],
    ['columns that are none', { columns: null }],
    ['no host column', { columns: {} }],
    ['a place outside its dictionary', { columns: { host: { dict: ['a'], index: [2] } } }],
    ['a place that cannot be shown', { columns: { host: { dict: ['a'], index: [Object.create(null)] } } }],
    ['a text that is none', { columns: { host: { dict: [1], index: [1] } } }],
    ['a time that is none', { time: [null] }],
  ])('%s', (_what, wrong) => {
    expect(() => decodeLogBatch({ ...wireOf([entry({ timeMs: 5 })]), ...wrong })).toThrow(InvalidLogBatchError);
  });
});

function expectSound(batch: DecodedBatch, i: number): void {
  const { status, bytes, durationMs, host } = entryAt(batch, i);
  expect(Number.isInteger(status) && status >= 0 && status <= 999).toBe(true);
  expect(Number.isInteger(bytes) && bytes >= 0 && bytes <= ENTRY_BYTES_MAX).toBe(true);
  expect(durationMs === null || (durationMs >= 0 && durationMs <= ENTRY_DURATION_MS_MAX)).toBe(true);
  expect(typeof host).toBe('string');
  expect(Number.isNaN(batch.timeMs[i])).toBe(false);
}

test.each([
  ['status', -1],
  ['status', 1_000],
  ['status', 200.5],
  ['status', '200'],
  ['bytes', -1],
  ['bytes', ENTRY_BYTES_MAX + 1],
  ['bytes', 1.5],
  ['bytes', null],
  ['duration', -1],
  ['duration', ENTRY_DURATION_MS_MAX + 1],
  ['duration', '5'],
])('an entry with %s %p is marked, and its neighbours are not', (column, value) => {
  const wire = wireOf([1, 2, 3].map((ms) => entry({ timeMs: ms, durationMs: 1 })));
  wire[column][1] = value;
  const batch = decodeLogBatch(wire);
  expect([...batch.invalid]).toEqual([0, 1, 0]);
  expect(batch.invalidCount).toBe(1);
});

describe('cleanText', () => {
  test('leaves well-formed text without NUL, no longer than allowed', () => {
    fc.assert(
      fc.property(dirtyTexts, fc.nat({ max: 25 }), (text, lengthMax) => {
        const clean = cleanText(text, lengthMax);
        expect((clean as unknown as { isWellFormed(): boolean }).isWellFormed()).toBe(true);
        expect(clean).not.toContain('\0');
        expect(clean.length).toBe(Math.min(text.length, lengthMax));
        expect(cleanText(clean, lengthMax)).toBe(clean);
        expect(Buffer.from(clean).toString()).toBe(clean);
      }),
      RUNS,
    );
  });

  test('changes nothing of what is clean', () => {
    for (const text of ['', 'plain', '😀 é 漢', '\u001b[31m']) expect(cleanText(text, 100)).toBe(text);
    expect(cleanText('a\0b', 10)).toBe('a\ufffdb');
    expect(cleanText('a\ud800b', 10)).toBe('a\ufffdb');
    expect(cleanText('ab😀', 3)).toBe('ab\ufffd');
  });

  test('texts that become one by cleaning are one in the dictionary', () => {
    const { columns } = decodeLogBatch(
      wireOf([entry({ timeMs: 1, host: 'x\0' }), entry({ timeMs: 2, host: 'x\ufffd' })]),
    );
    expect(columns.host).toEqual({ dict: ['x\ufffd'], index: Int32Array.of(1, 1) });
  });
});
