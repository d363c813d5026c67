// Goal: a batch is laid out so that each entry is told exactly as long as its policy says, and exactly once meanwhile.
// Method: any keeps, defaults and gaps, against what chunks tell at every instant at which that changes.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ChunkLayout, layOut } from '../../server/core/retention/layout.js';

/** Few lengths, so that entries share them, and meet the default. */
const seconds: fc.Arbitrary<number> = fc.constantFrom(60, 600, 3_600, 86_400, 604_800);
const batches = fc.record({
  keeps: fc.oneof(
    fc.array(seconds, { maxLength: 40 }),
    fc.array(fc.constantFrom<number[]>(3_600, 3_600, 3_600, 604_800), { maxLength: 40 }),
  ),
  gaps: fc.array(fc.nat(39), { maxLength: 10 }),
  defaultSeconds: seconds,
});

/** Places whose entries a chunk's body holds. */
const placesOf = ({ places }: ChunkLayout, left: Uint8Array): number[] =>
  places ?? [...left.keys()].filter((place) => left[place] === 0);

test('each entry is told once from the start until its keep, stored 1.5 times at most, and counted once', () => {
  fc.assert(
    fc.property(batches, ({ keeps, gaps, defaultSeconds }) => {
      const left = Uint8Array.from(keeps, (_, place) => (gaps.includes(place) ? 1 : 0));
      const chunks = layOut(left, Float64Array.from(keeps), defaultSeconds);
      const bodies = chunks.map((chunk) => new Set(placesOf(chunk, left)));
      const kept = [...left.keys()].filter((place) => left[place] === 0);
      const changes = new Set([0, defaultSeconds, ...keeps].flatMap((at) => [Math.max(0, at - 1), at]));
      for (const at of changes) {
        const told = keeps.map(() => 0);
        chunks.forEach(({ visibleAfterSeconds, keepSeconds }, i) => {
          if (visibleAfterSeconds <= at && at < keepSeconds) for (const place of bodies[i]) told[place]++;
        });
        expect(told).toEqual(keeps.map((keep, place) => (left[place] === 0 && at < keep ? 1 : 0)));
      }
      const copies = bodies.reduce((sum, { size }) => sum + size, 0);
      expect(copies).toBeLessThanOrEqual(1.5 * kept.length);
      for (const { keepSeconds, entries } of chunks)
        expect(entries).toBe(kept.filter((place) => keeps[place] === keepSeconds).length);
      // What is kept for less stays in no body that is kept for longer.
      const leastOf = (places: Set<number>) => Math.min(...[...places].map((place) => keeps[place]));
      chunks.forEach(({ keepSeconds }, i) => {
        expect(leastOf(bodies[i])).toBe(keepSeconds);
      });
    }),
    { numRuns: 500 },
  );
});

test('of a batch kept as long, or for the most part by default, the most part is not encoded anew', () => {
  const layout = (...keeps: number[]) =>
    layOut(new Uint8Array(keeps.length), Float64Array.from(keeps), 60).map(({ places }) => places);
  expect(layout(600, 600)).toEqual([null]);
  expect(layout(60, 60, 600)).toEqual([null, [2]]);
  expect(layout(60, 600)).toEqual([null, [1]]);
  expect(layout(60, 600, 600)).toEqual([[0], [1, 2]]);
  expect(layout(60, 60, 10)).toEqual([[0, 1], [2]]);
});
