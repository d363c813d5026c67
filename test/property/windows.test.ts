// Goal: the same entries give the same windows, in any order and any batches, and these windows say what the entries say.
// Method: the real aggregation and merging against a brute force that goes line by line; encodings there and back.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NONE, sectionOf, splitTarget } from '../../schema/entry.js';
import { decodeLogBatch, type Entry } from '../../schema/log-batch.js';
import { batchOf } from '../../schema/log-batch-builder.js';
import { addValue, encodeDDSketch } from '../../server/core/sketches/dd-sketch.js';
import { addHost, encodeHosts } from '../../server/core/sketches/host-set.js';
import { addKey, emptyTops, heaviest, type KeyCounts, type Tops } from '../../server/core/sketches/tops.js';
import { decodeTopsInto, encodeTops } from '../../server/core/sketches/tops-column.js';
import { BatchAggregate } from '../../server/core/windows/aggregate.js';
import { DIMENSIONS, type Dimension, encodeBreakdown } from '../../server/core/windows/breakdown.js';
import { decodeSeconds, encodeSeconds } from '../../server/core/windows/encoding.js';
import { slidingTotals } from '../../server/core/windows/sliding.js';
import { tumblingWindowStart } from '../../server/core/windows/tumbling.js';
import { emptyWindow, hitsBySecond, mergeWindow, type Window } from '../../server/core/windows/window.js';
import { cleanTexts, counts, entries } from '../support/arbitraries.js';
import { entry } from '../support/entries.js';

const RUNS = { numRuns: 300 };
const lists = fc.array(entries, { maxLength: 30 });

type Windows = Map<number, Window>;

function windowsOf(batch: BatchAggregate): Windows {
  return new Map(
    Array.from(batch.windows, ([startMs, { hits, bytes, status, peak, seconds, breakdown }]) => [
      startMs,
      { hits, bytes, status, peak, seconds, breakdown },
    ]),
  );
}

/** What a batch says of these windows encoded is what it says. */
function expectEncoded(batch: BatchAggregate, starts: readonly number[], resolution: number): void {
  const encoded = batch.encodedBreakdownOf(starts, resolution);
  expect(encoded).toEqual(encodeBreakdown(batch.breakdownOf(starts, resolution)));
}

function aggregate(list: readonly Entry[]): Windows {
  const batch = decodeLogBatch(JSON.parse(JSON.stringify(batchOf(list))));
  return windowsOf(new BatchAggregate(batch, batch.invalid));
}

function mergedInto(windows: Windows, others: Windows): Windows {
  for (const [start, other] of others) {
    const known = windows.get(start);
    if (known) mergeWindow(known, other);
    else windows.set(start, other);
  }
  return windows;
}

/** Plain and sorted, to be compared by value. */
function plain(windows: Windows) {
  return [...windows]
    .sort(([a], [b]) => a - b)
    .map(([start, { breakdown, ...numbers }]) => ({
      start,
      ...numbers,
      tops: DIMENSIONS.map((name) => topsValue(breakdown.tops[name])),
      sketches: [encodeDDSketch(breakdown.size), encodeDDSketch(breakdown.duration), encodeHosts(breakdown.hosts)],
    }));
}

function topsValue(tops: Tops) {
  return { floor: tops.floor, keys: heaviest(tops, Number.POSITIVE_INFINITY) };
}

const KEY_OF: Record<Dimension, (entry: Entry) => string | null> = {
  SECTION: ({ target }) => (target === null ? NONE : sectionOf(splitTarget(target).path)),
  PATH: ({ target }) => (target === null ? NONE : splitTarget(target).path),
  HOST: ({ host }) => host,
  USER: ({ user }) => user,
  METHOD: ({ method }) => method ?? NONE,
  STATUS: ({ status }) => (status === 0 ? NONE : String(status)),
  REFERRER: ({ referrer }) => referrer,
  USER_AGENT: ({ userAgent }) => userAgent,
};

const NO_COUNTS: KeyCounts = { hits: 0, bytes: 0, clientErrors: 0, serverErrors: 0 };

/** Line by line, with nothing clever. */
function bruteForce(list: readonly Entry[]): Windows {
  const windows: Windows = new Map();
  for (const entry of list) {
    const start = Math.floor(entry.timeMs / 10_000) * 10_000;
    const window = windows.get(start) ?? emptyWindow();
    windows.set(start, window);
    const second = Math.floor((entry.timeMs % 10_000) / 1_000);
    const klass = entry.status < 100 || entry.status > 599 ? 5 : Math.floor(entry.status / 100) - 1;
    window.hits++;
    window.bytes += entry.bytes;
    window.status[klass]++;
    window.seconds.bytes[second] += entry.bytes;
    window.seconds.status[klass][second]++;
    for (const dimension of DIMENSIONS) {
      const key = KEY_OF[dimension](entry);
      if (key === null) continue;
      addKey(window.breakdown.tops[dimension], key, {
        hits: 1,
        bytes: entry.bytes,
        clientErrors: klass === 3 ? 1 : 0,
        serverErrors: klass === 4 ? 1 : 0,
      });
    }
    addValue(window.breakdown.size, entry.bytes);
    if (entry.durationMs !== null) addValue(window.breakdown.duration, entry.durationMs);
    addHost(window.breakdown.hosts, entry.host);
    window.peak = Math.max(...hitsBySecond(window.seconds));
  }
  return windows;
}

describe('aggregation', () => {
  test('says what a count line by line says, in every dimension', () => {
    fc.assert(
      fc.property(lists, (list) => expect(plain(aggregate(list))).toEqual(plain(bruteForce(list)))),
      RUNS,
    );
  });

  test('gives equal windows for any order and any batching', () => {
    const cuts = fc.array(fc.nat({ max: 5 }), { maxLength: 30 });
    fc.assert(
      fc.property(
        lists,
        cuts,
        fc.array(fc.double({ noNaN: true }), { minLength: 30, maxLength: 30 }),
        (list, batches, keys) => {
          const shuffled = list.map((entry, i) => ({ entry, key: keys[i] })).sort((a, b) => a.key - b.key);
          const groups = new Map<number, Entry[]>();
          shuffled.forEach(({ entry }, i) => {
            const group = batches[i] ?? 0;
            groups.set(group, [...(groups.get(group) ?? []), entry]);
          });
          const merged = [...groups.values()].reduce(
            (windows, group) => mergedInto(windows, aggregate(group)),
            new Map(),
          );
          expect(plain(merged)).toEqual(plain(aggregate(list)));
        },
      ),
      RUNS,
    );
  });

  test('more keys than are kept: encoded as pruned', () => {
    const list = Array.from({ length: 1_500 }, (_, i) => entry({ timeMs: 0, target: `/${i}`, host: `h${i % 1_200}` }));
    const batch = decodeLogBatch(batchOf(list));
    const aggregated = new BatchAggregate(batch, batch.invalid);
    expectEncoded(aggregated, [0], 10);
    expectEncoded(aggregated, [0], 60);
    const [window] = aggregated.windows.values();
    expect(window.breakdown.tops.PATH.keys).toHaveLength(1_000);
    expect(window.breakdown.tops.PATH.floor).toBe(1);
    expect(window.breakdown.tops.HOST.keys).toHaveLength(1_000);
  });

  test('what is counted is encoded at once as it would be later', () => {
    fc.assert(
      fc.property(lists, (list) => {
        const batch = decodeLogBatch(batchOf(list));
        const aggregated = new BatchAggregate(batch, batch.invalid);
        const starts = [...aggregated.windows.keys()];
        for (const startMs of starts) expectEncoded(aggregated, [startMs], 10);
        expectEncoded(aggregated, starts, 60);
      }),
      { numRuns: 60 },
    );
  });

  test('a dictionary that has its texts twice counts as one that has them once', () => {
    fc.assert(
      fc.property(lists, (list) => {
        const wire = batchOf(list);
        const twins = Object.entries(wire.columns).map(([name, { dict, index }]) => [
          name,
          {
            dict: [...dict, ...dict],
            index: index.map((place, i) => (place > 0 && i % 2 ? place + dict.length : place)),
          },
        ]);
        const [once, twice] = [wire, { ...wire, columns: Object.fromEntries(twins) }].map((one) => {
          const batch = decodeLogBatch(one);
          const aggregated = new BatchAggregate(batch, batch.invalid);
          for (const startMs of aggregated.windows.keys()) expectEncoded(aggregated, [startMs], 10);
          return windowsOf(aggregated);
        });
        expect(plain(twice)).toEqual(plain(once));
      }),
      { numRuns: 100 },
    );
  });

  test('leaves out what is marked, and nothing else', () => {
    fc.assert(
      fc.property(lists, fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), (list, marks) => {
        const batch = decodeLogBatch(batchOf(list));
        const left = Uint8Array.from(list.map((_, i) => (marks[i] ? 1 : 0)));
        expect(plain(windowsOf(new BatchAggregate(batch, left)))).toEqual(
          plain(bruteForce(list.filter((_, i) => !marks[i]))),
        );
      }),
      RUNS,
    );
  });

  test('an entry lies in the half-open window that its time says', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const [[start]] = aggregate([entry]);
        expect(start).toBe(tumblingWindowStart(entry.timeMs));
        expect(start <= entry.timeMs && entry.timeMs < start + 10_000).toBe(true);
      }),
      RUNS,
    );
  });
});

/** One window's worth, with sums near the largest exact number. */
const bigWindows = fc.record({ list: lists, bytes: counts, hits: counts }).map(({ list, bytes, hits }) => {
  const window = emptyWindow();
  for (const other of aggregate(list).values()) mergeWindow(window, other);
  const top = { hits, bytes, clientErrors: 0, serverErrors: 0 };
  window.bytes = Math.min(window.bytes + bytes, Number.MAX_SAFE_INTEGER);
  window.seconds.bytes[3] = Math.min(window.seconds.bytes[3] + bytes, Number.MAX_SAFE_INTEGER);
  addKey(window.breakdown.tops.PATH, '/big', top);
  return window;
});

const sum = (...windows: Window[]): Window => {
  const merged = emptyWindow();
  for (const window of windows) mergeWindow(merged, window);
  return merged;
};
const value = (window: Window) => plain(new Map([[0, window]]));

describe('merging', () => {
  test('is commutative and associative, also where sums reach 2^53 − 1', () => {
    fc.assert(
      fc.property(bigWindows, bigWindows, bigWindows, (a, b, c) => {
        expect(value(sum(a, b))).toEqual(value(sum(b, a)));
        expect(value(sum(sum(a, b), c))).toEqual(value(sum(a, sum(b, c))));
      }),
      RUNS,
    );
  });

  test('has the empty window as its neutral element, and does not touch what it adds', () => {
    fc.assert(
      fc.property(bigWindows, (window) => {
        const before = structuredClone(window);
        expect(value(sum(window, emptyWindow()))).toEqual(value(before));
        sum(window, window);
        expect(window).toEqual(before);
      }),
      RUNS,
    );
  });
});

describe('encoding', () => {
  const topsOf = fc.uniqueArray(fc.tuple(cleanTexts, fc.tuple(counts, counts, counts, counts)), {
    selector: ([key]) => key,
    maxLength: 20,
  });

  test('tops come back as they went, long and foreign keys and large numbers too', () => {
    fc.assert(
      fc.property(topsOf, fc.nat({ max: 5_000 }), (list, length) => {
        const tops = emptyTops();
        for (const [key, [hits, bytes, clientErrors, serverErrors]] of list)
          addKey(tops, key, { hits, bytes, clientErrors, serverErrors });
        addKey(tops, `/${'漢'.repeat(length)}`, { ...NO_COUNTS, hits: 1 });
        const decoded = emptyTops();
        decodeTopsInto(decoded, encodeTops(tops));
        expect(topsValue(decoded)).toEqual(topsValue(tops));
      }),
      RUNS,
    );
  });

  test('seconds come back as they went', () => {
    const ten = fc.array(counts, { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(
        ten,
        fc.array(ten, { minLength: 6, maxLength: 6 }),
        fc.nat({ max: 63 }),
        (bytes, columns, present) => {
          const status = columns.map((column, i) => (present & (1 << i) ? column : new Array<number>(10).fill(0)));
          expect(decodeSeconds(encodeSeconds({ bytes, status }))).toEqual({ bytes, status });
        },
      ),
      RUNS,
    );
  });
});

test('the sliding window is the sum of its seconds, exact at both edges', () => {
  fc.assert(
    fc.property(lists, fc.integer({ min: -5, max: 45 }), fc.integer({ min: 1, max: 50 }), (list, offset, seconds) => {
      const at = 1_549_573_860 + offset;
      const windows = [...aggregate(list)].map(([startMs, window]) => ({ startMs, seconds: window.seconds }));
      const within = list.filter(({ timeMs }) => {
        const second = Math.floor(timeMs / 1_000);
        return second > at - seconds && second <= at;
      });
      const found = slidingTotals(windows, at, seconds);
      expect(found.hits).toBe(within.length);
      expect(found.bytes).toBe(within.reduce((total, { bytes }) => total + bytes, 0));
      expect(found.status.reduce((total, hits) => total + hits, 0)).toBe(within.length);
    }),
    RUNS,
  );
});
