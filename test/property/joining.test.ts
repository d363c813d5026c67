// Goal: joining moves entries without changing them or their ids, and keeps none much longer than its policy says.
// Method: any batches, gaps and instants, against what the entries were before, and against the slots' promises.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeLogBatch, type Entry, entryAt } from '../../schema/log-batch.js';
import { batchOf } from '../../schema/log-batch-builder.js';
import { joinAtMs, LARGE_ENTRIES } from '../../server/core/retention/join.js';
import { type Mergeable, mergeBatches } from '../../server/core/retention/merge.js';
import { decodeOrigins, encodeOrigins, originsAt, originsOf } from '../../server/core/retention/origins.js';
import { packBatch, unpackBatch } from '../../server/core/retention/packed.js';
import { entries } from '../support/arbitraries.js';
import { entry } from '../support/entries.js';

const RUNS = { numRuns: 300 };

/** Batches of a stream, one after the other; of each some entries are not stored. */
const streams = fc.array(
  fc.record({
    list: fc.array(entries, { minLength: 1, maxLength: 12 }),
    gap: fc.nat(3),
    left: fc.array(fc.nat(11), { maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 8 },
);

/** As they came, from a position on. */
function mergeablesOf(stream: { list: Entry[]; gap: number; left: number[] }[], start: number): Mergeable[] {
  let from = start;
  return stream.map(({ list, gap, left }) => {
    const batch = decodeLogBatch(JSON.parse(JSON.stringify(batchOf(list))));
    const mergeable = {
      batch,
      origins: originsOf(from, batch.count),
      left: Uint8Array.from(list, (_, i) => Number(left.includes(i))),
    };
    from += list.length + gap;
    return mergeable;
  });
}

/** The stored entries under their ids. */
function told({ batch, origins, left }: Mergeable): [string, Entry][] {
  return [...left.keys()]
    .filter((place) => left[place] === 0)
    .map((place) => [`${origins.from[place]} ${origins.ordinal[place]}`, entryAt(batch, place)]);
}

/** Merged, and there and back through the columns of a chunk. */
function joined(sources: readonly Mergeable[], keyFrom: number): Mergeable {
  const { batch: merged, origins } = mergeBatches(sources);
  const batch = unpackBatch(packBatch(merged));
  const read = decodeOrigins(encodeOrigins(origins, keyFrom), keyFrom, batch.count);
  expect(read).toEqual(origins);
  return { batch, origins: read, left: new Uint8Array(batch.count) };
}

describe('joined batches', () => {
  test('hold the same entries under the same ids, whatever is joined again, in the order in which they came', () => {
    fc.assert(
      fc.property(
        streams,
        fc.integer({ min: 0, max: 2 ** 52 }),
        fc.integer({ min: 1, max: 3 }),
        (stream, start, apart) => {
          const sources = mergeablesOf(stream, start);
          // Joined before, so that the batches of one lie among those of another.
          const before = Array.from({ length: apart }, (_, rest) => sources.filter((_, i) => i % apart === rest))
            .filter((group) => group.length > 0)
            .map((group) => joined(group, group[0].origins.from[0]));
          expect(told(joined(before, start))).toEqual(sources.flatMap(told));
        },
      ),
      RUNS,
    );
  });

  test('keep the ids of a part of their entries', () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(80)), (stream, kept) => {
        const { batch, origins } = mergeBatches(mergeablesOf(stream, 0));
        const places = [...new Set(kept)].filter((place) => place < batch.count).sort((a, b) => a - b);
        const part = originsAt(origins, places);
        expect(decodeOrigins(encodeOrigins(part, 0), 0, places.length)).toEqual(part);
      }),
      RUNS,
    );
  });

  test('say where their entries came from in three bytes a batch, and one batch as it came in none', () => {
    const lines = new Array(10).fill(entry({ timeMs: 0 }));
    const stream = new Array(300).fill({ list: lines, gap: 1_500, left: [] });
    const { origins } = mergeBatches(mergeablesOf(stream, 10_000_000));
    const { parts, ordinals } = encodeOrigins(origins, 10_000_000);
    expect(parts!.length).toBeLessThanOrEqual(3 * 300);
    expect(ordinals).toBeNull();
    expect(encodeOrigins(originsOf(7, 10), 7)).toEqual({ parts: null, ordinals: null });
  });
});

const agents = fc.constantFrom('00000000-0000', 'ffffffff-0000', '8badf00d-0000');
const keeps = fc.oneof(fc.constantFrom(60, 720, 3_600, 86_400, 604_800), fc.integer({ min: 60, max: 400 * 86_400 }));
const NOW = Date.UTC(2026, 0, 1);

describe('a slot', () => {
  test('is as long as a twelfth of the keep at most, and ends after what is kept shorter, before its own end', () => {
    fc.assert(
      fc.property(agents, keeps, keeps, fc.boolean(), fc.nat(86_400_000), (agentId, keep, other, isJoined, laterMs) => {
        const shorterSeconds = other < keep ? other : 0;
        const chunk = { agentId, takenInMs: NOW, keepSeconds: keep, shorterSeconds, count: 10, isJoined };
        const at = joinAtMs(chunk, NOW);
        if (at === null) return;
        expect(at).toBeGreaterThanOrEqual(NOW + Math.max(60, shorterSeconds) * 1_000);
        expect(at).toBeLessThan(NOW + keep * 1_000);
        const later = joinAtMs({ ...chunk, takenInMs: NOW + laterMs }, NOW);
        if (later === at) expect(laterMs).toBeLessThanOrEqual((keep * 1_000) / 12);
      }),
      RUNS,
    );
  });

  const chunk = { agentId: '0', takenInMs: NOW, keepSeconds: 604_800, shorterSeconds: 0, count: 10, isJoined: false };

  test('is five minutes first, a day at most then, and the same for all that fall into it', () => {
    const slots = (isJoined: boolean, keepSeconds: number) => {
      const instants = Array.from({ length: 3 * 1_440 }, (_, minute) =>
        joinAtMs({ ...chunk, isJoined, keepSeconds, takenInMs: NOW + minute * 60_000 }, NOW),
      );
      return new Set(instants).size;
    };
    expect(slots(false, 604_800)).toBe(3 * 288);
    expect(slots(true, 604_800)).toBe(6);
    expect(slots(true, 400 * 86_400)).toBe(3);
    expect(joinAtMs({ ...chunk, isJoined: true, keepSeconds: 3_600 }, NOW)).toBeNull();
  });

  test('that is over joins what was not joined yet, and nothing twice', () => {
    const later = NOW + 5 * 86_400_000;
    expect(joinAtMs(chunk, later)).toBe(joinAtMs(chunk, NOW));
    expect(joinAtMs({ ...chunk, isJoined: true }, later)).toBeNull();
  });

  test('is not for what is large already, nor for what is kept some minutes', () => {
    expect(joinAtMs({ ...chunk, count: LARGE_ENTRIES }, NOW)).toBeNull();
    expect(joinAtMs({ ...chunk, count: LARGE_ENTRIES - 1 }, NOW)).not.toBeNull();
    expect(joinAtMs({ ...chunk, keepSeconds: 719 }, NOW)).toBeNull();
    expect(joinAtMs({ ...chunk, keepSeconds: 720 }, NOW)).not.toBeNull();
  });

  test('of another agent ends at another instant', () => {
    const ends = Array.from({ length: 50 }, (_, i) => joinAtMs({ ...chunk, agentId: `${i}1234567` }, NOW));
    expect(new Set(ends).size).toBeGreaterThan(45);
  });
});
