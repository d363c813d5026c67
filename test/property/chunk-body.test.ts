// Goal: a chunk's body holds its batch: small or large, of any times, sizes and durations; bodies written before too.
// Method: random batches, packed and unpacked, against what was decoded; the former forms beside them.
import { deflateSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type DecodedBatch, decodeLogBatch, ENTRY_DURATION_MS_MAX, entryAt } from '../../schema/log-batch.js';
import { batchOf } from '../../schema/log-batch-builder.js';
import { packBatch, unpackBatch } from '../../server/core/retention/packed.js';
import { batchOfBody, deflatedBody, freshBody } from '../../server/store/chunk-body.js';
import { entries } from '../support/arbitraries.js';
import { entry } from '../support/entries.js';

/** Thousandths, as servers write them, whole ones, any, and none. */
const durations = fc.oneof(
  fc.constant(null),
  fc.integer({ min: 0, max: 10_000_000 }).map((microseconds) => microseconds / 1_000),
  fc.integer({ min: 0, max: ENTRY_DURATION_MS_MAX }),
);
const lists = fc.array(
  fc.oneof(
    entries,
    fc.tuple(entries, durations).map(([one, durationMs]) => ({ ...one, durationMs })),
    fc.tuple(entries, fc.integer({ min: -(2 ** 48), max: 2 ** 48 })).map(([one, timeMs]) => ({ ...one, timeMs })),
  ),
  { maxLength: 60 },
);
const withoutAnyDurations = lists.map((list) => list.map((one) => ({ ...one, durationMs: null })));
const withThousandths = fc.array(
  fc.tuple(entries, durations).map(([one, durationMs]) => ({ ...one, durationMs })),
  { maxLength: 60 },
);
const batches = fc
  .oneof(lists, withoutAnyDurations, withThousandths)
  .map((list) => decodeLogBatch(JSON.parse(JSON.stringify(batchOf(list)))));

test('packed and unpacked a batch is the same', () => {
  fc.assert(
    fc.property(batches, (batch) => expect(unpackBatch(packBatch(batch))).toEqual(batch)),
    { numRuns: 500 },
  );
});

test('a body holds its batch, fresh or deflated, and written as it was before', async () => {
  await fc.assert(
    fc.asyncProperty(batches, async (batch) => {
      for (const body of [await freshBody(batch), await deflatedBody(batch)])
        expect(await batchOfBody(body)).toEqual(batch);
    }),
  );
  const wire = batchOf(Array.from({ length: 9 }, (_, i) => entry({ timeMs: i, target: `/${i}` })));
  const json = Buffer.from(JSON.stringify(wire));
  for (const former of [json, deflateSync(json, { level: 4 })])
    expect(await batchOfBody(former)).toEqual(decodeLogBatch(wire));
});

test('a large batch comes back from other threads, in less than a quarter of its JSON', async () => {
  const list = Array.from({ length: 8_192 }, (_, i) =>
    entry({
      timeMs: 1_700_000_000_000 + i * 87,
      host: `203.0.113.${i % 250}`,
      target: `/${i % 900}`,
      bytes: (i * 7_919) % 20_000,
    }),
  );
  const wire = batchOf(list);
  const batch = decodeLogBatch(wire);
  const body = await freshBody(batch);
  expect(await batchOfBody(body)).toEqual(batch);
  expect(body.length).toBeLessThan(JSON.stringify(wire).length / 4);
});

test('small batches stay as they are, and take less than their JSON', async () => {
  const wire = batchOf(Array.from({ length: 10 }, (_, i) => entry({ timeMs: 1_700_000_000_000 + i, target: `/${i}` })));
  const body = await freshBody(decodeLogBatch(wire));
  expect(body.includes('"/9"')).toBe(true);
  expect(body.length).toBeLessThan(JSON.stringify(wire).length);
});

test('what is wrong with an entry that is left out harms no other', () => {
  const wire = batchOf([1, 2, 3].map((timeMs) => entry({ timeMs })));
  wire.status[1] = 5_000;
  wire.bytes[1] = -1;
  wire.time[1] = 1e300;
  wire.time[2] = 0;
  wire.base = 1;
  const batch = decodeLogBatch(wire);
  const read = unpackBatch(packBatch(batch));
  const told = (one: DecodedBatch) => entryAt(one, 0);
  expect(batch.invalid[1]).toBe(1);
  expect(told(read)).toEqual(told(batch));
  expect(read.timeMs.every(Number.isSafeInteger)).toBe(true);
});
