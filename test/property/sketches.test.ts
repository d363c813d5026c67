// Goal: sketches keep their promises: percentiles within 1 %, distinct hosts within 2 %, tops within their errors.
// Method: brute force beside them, over random values, merged in random orders, encoded and decoded between.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addValue,
  type DDSketch,
  decodeDDSketchInto,
  emptyDDSketch,
  encodeDDSketch,
  mergeDDSketch,
  percentile,
} from '../../server/core/sketches/dd-sketch.js';
import {
  addHost,
  addHostHashes,
  decodeHostsInto,
  distinctHosts,
  EXACT_HOSTS_MAX,
  emptyHostSet,
  encodeHosts,
  hashHost,
  mergeHosts,
} from '../../server/core/sketches/host-set.js';
import { addKey, emptyTops, heaviest, mergeTops, pruneTops, type Tops } from '../../server/core/sketches/tops.js';
import { decodeTopsInto, encodeTops } from '../../server/core/sketches/tops-column.js';
import { binCountsOf, decodeBins, encodeBins, SlidingBins } from '../../server/core/sketches/value-bins.js';
import {
  decodePartsInto,
  emptyBreakdown,
  encodeBreakdown,
  encodePart,
  PARTS,
  partsNeeded,
  pruneBreakdown,
} from '../../server/core/windows/breakdown.js';
import { asSketched, binsOf, nearestRank } from '../support/percentiles.js';

const values = fc.array(
  fc.oneof(fc.constant(0), fc.nat({ max: 5_000 }), fc.double({ min: 1e-3, max: 1e12, noNaN: true })),
  { minLength: 1, maxLength: 300 },
);

function sketchOf(list: readonly number[]): DDSketch {
  const sketch = emptyDDSketch();
  for (const value of list) addValue(sketch, value);
  return sketch;
}

describe('percentiles that slide', () => {
  test('are those of what is there, after any coming and going', () => {
    fc.assert(
      fc.property(fc.array(values, { maxLength: 12 }), fc.array(fc.nat()), (lists, leaving) => {
        const sliding = new SlidingBins();
        const there = [...lists];
        for (const list of lists) sliding.add(binCountsOf(binsOf(list)));
        for (const one of leaving) {
          if (there.length === 0) break;
          const [gone] = there.splice(one % there.length, 1);
          sliding.remove(binCountsOf(binsOf(gone)));
        }
        const all = there.flat().map(asSketched);
        for (const q of [0.01, 0.5, 0.95, 1]) expect(sliding.percentile(q)).toBe(nearestRank(all, q));
      }),
    );
  });

  test('a value is told within 1 %', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 3e10, noNaN: true }), (value) => {
        expect(Math.abs(asSketched(value) - value)).toBeLessThanOrEqual(value * 0.010001);
      }),
    );
    expect([0, 1e-7].map(asSketched)).toEqual([0, 0]);
  });

  test('encoded and decoded they are the same', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant([]), values), { maxLength: 10 }), (lists) => {
        const bins = lists.map(binsOf);
        expect(decodeBins(encodeBins(bins), lists.length)).toEqual(bins.map(binCountsOf));
      }),
    );
  });
});

describe('percentiles', () => {
  test('lie within 1 % of the nearest rank; the greatest is exact', () => {
    fc.assert(
      fc.property(values, fc.constantFrom(0.01, 0.5, 0.9, 0.95, 0.99, 1), (list, q) => {
        const sorted = [...list].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * list.length)) - 1];
        const sketch = sketchOf(list);
        expect(Math.abs(percentile(sketch, q)! - exact)).toBeLessThanOrEqual(exact * 0.010001);
        expect(sketch.max).toBe(sorted.at(-1));
      }),
    );
    expect(percentile(emptyDDSketch(), 0.5)).toBeNull();
  });

  test('are the same however the values were merged, and through their encoding', () => {
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        const whole = encodeDDSketch(sketchOf([...a, ...b, ...c]));
        const merged = sketchOf(c);
        decodeDDSketchInto(merged, encodeDDSketch(sketchOf(a)));
        mergeDDSketch(merged, sketchOf(b));
        expect(encodeDDSketch(merged)).toEqual(whole);
      }),
    );
  });
});

/** IPv4 and IPv6 texts, no two the same. */
const hostText = (n: number, seed: number) =>
  n % 4 === 0
    ? `2001:db8:${seed.toString(16)}:${(n >> 16).toString(16)}::${(n & 0xffff).toString(16)}`
    : `${(10 + seed) % 224}.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;

function hostsOf(from: number, to: number, seed: number) {
  const set = emptyHostSet();
  for (let n = from; n < to; n++) addHost(set, hostText(n, seed));
  return set;
}

const NOT_LISTED = () => [];

describe('distinct hosts', () => {
  test.each([0, 1, 2, 255, 256])('%i are counted exactly', (count) => {
    for (const seed of [1, 2, 3]) expect(distinctHosts(hostsOf(0, count, seed))).toBe(count);
  });

  test('120 sets of 5,000 to 200,000 are estimated with a standard error below 0.6 %, none off by 2 %', () => {
    const sets = 120;
    const errors = Array.from({ length: sets }, (_, i) => {
      const count = Math.round(5_000 * 40 ** (i / (sets - 1)));
      const hosts = emptyHostSet();
      addHostHashes(
        hosts,
        Float64Array.from({ length: count }, (_, n) => hashHost(hostText(n, i))),
      );
      return (distinctHosts(hosts) - count) / count;
    });
    const standardError = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / sets);
    const most = errors.reduce((greatest, error) => Math.max(greatest, Math.abs(error)), 0);
    const bias = errors.reduce((sum, error) => sum + error, 0) / sets;
    if (process.env.HLM_SHOW) process.stderr.write(`hosts: ${JSON.stringify({ standardError, most, bias })}\n`);
    expect(standardError).toBeLessThan(0.006);
    expect(Math.abs(bias)).toBeLessThan(0.002);
    expect(most).toBeLessThan(0.02);
  });

  test.each([9_000, 40_000, 700_000])('%i come back as they were encoded, and in at most 16.5 kB', (count) => {
    const hosts = emptyHostSet();
    addHostHashes(
      hosts,
      Float64Array.from({ length: count }, (_, n) => hashHost(hostText(n, 3))),
    );
    const column = encodeHosts(hosts);
    expect(column.length).toBeLessThan(16_500);
    const decoded = emptyHostSet();
    decodeHostsInto(decoded, column, NOT_LISTED);
    expect(decoded).toEqual(hosts);
  });

  test('are the same in any order of merging, at the border of exactness too', () => {
    const cuts = fc.tuple(fc.nat({ max: 600 }), fc.nat({ max: 600 }), fc.nat({ max: 3 }));
    fc.assert(
      fc.property(cuts, ([a, b, seed]) => {
        const whole = hostsOf(0, Math.max(a, b), seed);
        const merged = hostsOf(0, a, seed);
        mergeHosts(merged, hostsOf(0, b, seed));
        const other = hostsOf(0, b, seed);
        decodeHostsInto(other, encodeHosts(hostsOf(0, a, seed)), NOT_LISTED);
        expect(encodeHosts(merged)).toEqual(encodeHosts(whole));
        expect(encodeHosts(other)).toEqual(encodeHosts(whole));
        if (Math.max(a, b) <= EXACT_HOSTS_MAX) expect(distinctHosts(merged)).toBe(Math.max(a, b));
      }),
    );
  });
});

/** Tops, and what they truly counted. */
interface Counted {
  tops: Tops;
  truth: Map<string, number>;
  pruned: boolean;
}

const leaf = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 50 })), { maxLength: 40 });
type Step = { list: [number, number][]; keysMax: number | null; encoded: boolean; left: boolean };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    list: leaf,
    keysMax: fc.option(fc.integer({ min: 1, max: 12 })),
    encoded: fc.boolean(),
    left: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);

function countedOf({ list, keysMax }: Step): Counted {
  const [tops, truth] = [emptyTops(), new Map<string, number>()];
  for (const [n, hits] of list) {
    addKey(tops, `/${n}`, { hits, bytes: hits, clientErrors: 0, serverErrors: 0 });
    truth.set(`/${n}`, (truth.get(`/${n}`) ?? 0) + hits);
  }
  const pruned = keysMax !== null && truth.size > keysMax;
  if (keysMax !== null) pruneTops(tops, keysMax);
  return { tops, truth, pruned };
}

function united(a: Counted, b: Counted, encoded: boolean): Counted {
  if (encoded) decodeTopsInto(a.tops, encodeTops(b.tops));
  else mergeTops(a.tops, b.tops);
  for (const [key, hits] of b.truth) a.truth.set(key, (a.truth.get(key) ?? 0) + hits);
  return { ...a, pruned: a.pruned || b.pruned };
}

test('tops bound the truth from above, by no more than their errors, in any order', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const whole = list.reduce<Counted>(
        (sum, step) => {
          const next = countedOf(step);
          const merged = step.left ? united(next, sum, step.encoded) : united(sum, next, step.encoded);
          if (step.keysMax !== null) {
            merged.pruned ||= merged.tops.keys.length > step.keysMax;
            pruneTops(merged.tops, step.keysMax);
          }
          return merged;
        },
        { tops: emptyTops(), truth: new Map(), pruned: false },
      );
      expect(heaviest(whole.tops, 3)).toEqual(heaviest(whole.tops, Number.POSITIVE_INFINITY).slice(0, 3));
      const missing = new Map(whole.truth);
      for (const { key, hits, maxError } of heaviest(whole.tops, Number.POSITIVE_INFINITY)) {
        const truth = whole.truth.get(key) ?? 0;
        expect(truth).toBeLessThanOrEqual(hits);
        expect(truth).toBeGreaterThanOrEqual(hits - maxError);
        if (!whole.pruned) expect(maxError).toBe(0);
        missing.delete(key);
      }
      for (const hits of missing.values()) expect(hits).toBeLessThanOrEqual(whole.tops.floor);
      if (!whole.pruned) expect([whole.tops.floor, missing.size]).toEqual([0, 0]);
    }),
    { numRuns: 500 },
  );
});

test.each([0, 1, 256, 1_000, 1_001])(
  '%i distinct hosts come back, whether their top lists all of them or not, and without other parts',
  (count) => {
    const breakdown = emptyBreakdown();
    for (let n = 0; n < count; n++) {
      addKey(breakdown.tops.HOST, hostText(n, 5), { hits: 1, bytes: 9, clientErrors: 0, serverErrors: 0 });
      addHost(breakdown.hosts, hostText(n, 5));
    }
    pruneBreakdown(breakdown, 10);
    const encoded = encodeBreakdown(breakdown);
    const parts = ['HOSTS'] as const;
    const needed = partsNeeded(parts);
    const read = emptyBreakdown();
    decodePartsInto(read, parts, (part) => {
      expect(needed).toContain(part);
      return encoded[part];
    });
    expect(read.hosts).toEqual(breakdown.hosts);
    expect(read.tops).toEqual(emptyBreakdown().tops);
    if (count > 0 && count <= 1_000) expect(encoded.HOSTS).toHaveLength(1);
  },
);

test.each([
  [10, 700],
  [1_000, 60_000],
  [100_000, 72_000],
])('a window of %i distinct paths and hosts takes at most %i bytes', (count, bytesMax) => {
  const breakdown = emptyBreakdown();
  for (let n = 0; n < count; n++) {
    const [path, host] = [`/shop/articles/${n}/details`, hostText(n, 7)];
    const counts = { hits: 1, bytes: 4_000 + n, clientErrors: 0, serverErrors: 0 };
    addKey(breakdown.tops.PATH, path, counts);
    addKey(breakdown.tops.SECTION, '/shop', counts);
    addKey(breakdown.tops.HOST, host, counts);
    addHost(breakdown.hosts, host);
    addValue(breakdown.size, 4_000 + n);
  }
  pruneBreakdown(breakdown, 10);
  const sizes = Object.fromEntries(PARTS.map((part) => [part, encodePart(breakdown, part).length]));
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  if (process.env.HLM_SHOW) process.stderr.write(`${count}: ${total} ${JSON.stringify(sizes)}\n`);
  expect(total).toBeLessThanOrEqual(bytesMax);
});
