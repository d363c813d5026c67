// Goal: a refused batch loses its guilty entries and no other, in a bounded number of trials.
// Method: stores that refuse by any set of guilty entries, or by what the entries add up to, and count the trials.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TRIALS_MAX, takeWithoutGuilty } from '../../server/core/ingest/isolate.js';

type Takes = (kept: number[]) => boolean;

/** A store; what it took at last, and how often it was tried. */
async function isolate(count: number, takes: Takes, trialsMax?: number) {
  let trials = 0;
  const attempt = (left: Uint8Array): number[] | null => {
    trials++;
    const kept = [...left.keys()].filter((place) => left[place] === 0);
    return takes(kept) ? kept : null;
  };
  const store = {
    take: async (left: Uint8Array) => attempt(left),
    fits: async (left: Uint8Array) => attempt(left) !== null,
  };
  const taken = await takeWithoutGuilty(count, store, trialsMax);
  return { taken, trials };
}

const without = (guilty: ReadonlySet<number>) => (kept: number[]) => !kept.some((place) => guilty.has(place));
const places = (count: number) => Array.from({ length: count }, (_, place) => place);

const batchesOf = (countMax: number, guiltyMax: number) =>
  fc.integer({ min: 1, max: countMax }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      guilty: fc.uniqueArray(fc.nat(count - 1), { maxLength: guiltyMax }).map((found) => new Set(found)),
    }),
  );

test.each([
  ['small, whatever its guilty', 64, 64, 200],
  ['of the largest', 8_192, 40, 20],
])('the guilty are left out, and none else, of a batch %s', async (_what, countMax, guiltyMax, numRuns) => {
  await fc.assert(
    fc.asyncProperty(batchesOf(countMax, guiltyMax), async ({ count, guilty }) => {
      const { taken, trials } = await isolate(count, without(guilty));
      expect(taken).toEqual(places(count).filter((place) => !guilty.has(place)));
      // Two a level and guilty entry, beside the batch whole, without any, and as it is taken.
      expect(trials).toBeLessThanOrEqual(2 * guilty.size * Math.ceil(Math.log2(count)) + 3);
    }),
    { numRuns },
  );
});

test('a hundred scattered ones of the largest batch are found to the place', async () => {
  const guilty = new Set(Array.from({ length: 100 }, (_, i) => i * 81 + 5));
  const { taken } = await isolate(8_192, without(guilty));
  expect(taken).toHaveLength(8_092);
});

test('with the trials used up, only those beside a guilty one stay out with it', async () => {
  const { taken, trials } = await isolate(16, without(new Set([1, 12])), 6);
  expect(taken).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
  expect(trials).toBe(6 + 3);
});

test('a whole batch of guilty ones ends too, with none of them', async () => {
  const { taken, trials } = await isolate(8_192, (kept) => kept.length === 0);
  expect(taken).toEqual([]);
  expect(trials).toBe(TRIALS_MAX + 3);
});

test('where entries are refused only together, those that make it too much are left out', async () => {
  const { taken } = await isolate(10, (kept) => kept.length <= 7);
  expect(taken).toHaveLength(7);
});

test.each<[string, number, Takes]>([
  ['that has no entry', 0, () => false],
  ['of which not even none would fit', 1_000, () => false],
])('a batch %s is refused for something else', async (_what, count, takes) => {
  const { taken, trials } = await isolate(count, takes);
  expect(taken).toBeNull();
  expect(trials).toBeLessThanOrEqual(2);
});

test('a store that refuses in the end what it took in the trials ends the search', async () => {
  let asked = 0;
  const { taken } = await isolate(8, (kept) => kept.length === 0 || (kept.length < 8 && ++asked === 1));
  expect(taken).toBeNull();
});
