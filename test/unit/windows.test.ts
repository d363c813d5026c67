// Goal: every border of the windows' core belongs to exactly one side, and orders are total.
// Method: the instants just before, at and after each border by example; orders and steps by property.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addKey, compareKeys, emptyTops, heaviest } from '../../server/core/sketches/tops.js';
import { alignOutwards, stepFor, windowStarts } from '../../server/core/windows/series.js';
import { slidingTotals } from '../../server/core/windows/sliding.js';
import { EVENT_MS_MIN, isLate, quarantineReason, tumblingWindowStart } from '../../server/core/windows/tumbling.js';
import { emptyWindow, statusClass } from '../../server/core/windows/window.js';
import { dirtyTexts } from '../support/arbitraries.js';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

describe('tumbling windows', () => {
  test.each([
    [0, 0],
    [9_999, 0],
    [10_000, 10_000],
    [10_001, 10_000],
    [-1, -10_000],
  ])('%i ms lies in the window from %i', (eventMs, start) => expect(tumblingWindowStart(eventMs)).toBe(start));

  test.each([
    [null, false],
    [19_999, false], // the last instant that the window [10 s, 20 s) is open
    [20_000, true], // the watermark has touched its end
    [20_001, true],
  ])('an entry of 12.3 s at watermark %p: late is %p', (watermarkMs, late) => {
    expect(isLate(12_300, watermarkMs)).toBe(late);
  });

  const now = Date.UTC(2026, 0, 1);
  test.each([
    [now + 600_000, null],
    [now + 600_001, 'more than 10 minutes in the future'],
    [Number.POSITIVE_INFINITY, 'more than 10 minutes in the future'],
    [EVENT_MS_MIN, null],
    [EVENT_MS_MIN - 1, 'before 1990'],
    [0, 'before 1990'],
    [Number.NEGATIVE_INFINITY, 'before 1990'],
  ])('an entry of %p: quarantined because %p', (eventMs, reason) =>
    expect(quarantineReason(eventMs, now)).toBe(reason),
  );
});

test.each([
  [0, 'other'],
  [99, 'other'],
  [100, 'informational'],
  [199, 'informational'],
  [200, 'success'],
  [399, 'redirection'],
  [400, 'clientError'],
  [599, 'serverError'],
  [600, 'other'],
  [999, 'other'],
])('status %i counts as %s', (status, name) => {
  const classes = ['informational', 'success', 'redirection', 'clientError', 'serverError', 'other'];
  expect(classes[statusClass(status)]).toBe(name);
});

describe('the sliding window (t − 120 s, t]', () => {
  const startMs = 1_000_000_000_000;
  const start = startMs / SECOND;
  const window = emptyWindow();
  window.seconds.status[1][0] = 3;
  window.seconds.status[4][9] = 5;
  window.seconds.bytes[0] = 30;
  const hitsAt = (at: number) => slidingTotals([{ startMs, seconds: window.seconds }], at).hits;

  test.each([
    [start - 1, 0], // before its first second
    [start, 3], // t itself counts
    [start + 8, 3],
    [start + 9, 8],
    [start + 119, 8], // t − 119 is the oldest that counts
    [start + 120, 5], // t − 120 does not
    [start + 128, 5],
    [start + 129, 0],
  ])('at second %i: %i hits', (at, hits) => expect(hitsAt(at)).toBe(hits));

  test('totals by class, bytes and peak', () => {
    expect(slidingTotals([{ startMs, seconds: window.seconds }], start + 9)).toEqual({
      hits: 8,
      bytes: 30,
      status: [0, 3, 0, 0, 5, 0],
      peak: 5,
    });
  });
});

describe('steps of a series', () => {
  test.each([
    [10 * SECOND, 120, 10 * SECOND],
    [20 * MINUTE, 120, 10 * SECOND],
    [20 * MINUTE + 1, 120, 30 * SECOND],
    [HOUR, 120, 30 * SECOND],
    [HOUR, 60, MINUTE],
    [HOUR, 1, HOUR],
    [3 * HOUR, 120, 5 * MINUTE],
    [24 * HOUR, 120, 15 * MINUTE],
    [24 * HOUR, 25, HOUR],
    [12 * HOUR, 1, 12 * HOUR],
    [12 * HOUR + 1, 1, DAY],
    [7 * DAY, 120, 3 * HOUR],
    [365 * DAY, 120, 4 * DAY],
    [365 * DAY, 365, DAY],
  ])('%i ms in %i points: %i ms each', (span, points, step) => expect(stepFor(span, points)).toBe(step));

  const STEPS = [10, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200].map((seconds) => seconds * SECOND);

  test('is the least of those that may be with step × points ≥ the span', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40_000 * DAY }), fc.integer({ min: 1, max: 10_000 }), (span, points) => {
        const step = stepFor(span, points);
        expect(step * points).toBeGreaterThanOrEqual(span);
        const smaller = step > DAY ? step - DAY : [...STEPS].reverse().find((known) => known < step);
        if (smaller !== undefined) expect(smaller * points).toBeLessThan(span);
        expect(STEPS.includes(step) || step % DAY === 0).toBe(true);
      }),
    );
  });

  test('windows of a step cover the span, aligned to the epoch, at most one more than points where both edges are cut', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 * 10 ** 12 }),
        fc.integer({ min: 1, max: 400 * DAY }),
        fc.integer({ min: 1, max: 300 }),
        (from, span, points) => {
          const aligned = alignOutwards({ fromMs: from, toMs: from + span });
          const step = stepFor(aligned.toMs - aligned.fromMs, points);
          const starts = windowStarts(aligned.fromMs, aligned.toMs, step);
          expect(starts.length).toBeLessThanOrEqual(points + 1);
          expect(starts[0]).toBeLessThanOrEqual(aligned.fromMs);
          expect(starts.at(-1)! + step).toBeGreaterThanOrEqual(aligned.toMs);
          expect(starts.at(-1)!).toBeLessThan(aligned.toMs);
          expect(starts).toEqual(starts.map((_, i) => starts[0] + i * step));
          expect(starts[0] % step).toBe(0);
        },
      ),
    );
  });

  test.each([
    [0, 10_000, 0, 10_000],
    [1, 9_999, 0, 10_000],
    [9_999, 10_001, 0, 20_000],
    [10_000, 10_001, 10_000, 20_000],
  ])('[%i, %i) is aligned to [%i, %i)', (fromMs, toMs, from, to) =>
    expect(alignOutwards({ fromMs, toMs })).toEqual({ fromMs: from, toMs: to }),
  );
});

describe('the order of keys', () => {
  const codePoints = (a: string, b: string): number => {
    const [x, y] = [a, b].map((text) => [...text].map((character) => character.codePointAt(0)!));
    for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i] - y[i];
    return x.length - y.length;
  };

  test('is that of code points, and of UTF-8 bytes', () => {
    const texts = dirtyTexts.map((text) => (text as unknown as { toWellFormed(): string }).toWellFormed());
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(codePoints(a, b)));
        expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  test('U+FFFD comes before an emoji, though its UTF-16 unit is greater', () => {
    expect(compareKeys('\ufffd', '😀')).toBeLessThan(0);
    expect(['😀', 'é', 'z', '\ufffd', 'Z', ''].sort(compareKeys)).toEqual(['', 'Z', 'z', 'é', '\ufffd', '😀']);
  });

  test('the heaviest come first, ties by key, no more than asked for', () => {
    const of = (hits: number) => ({ hits, bytes: 0, clientErrors: 0, serverErrors: 0 });
    const tops = emptyTops();
    for (const key of ['b', '😀', '\ufffd', 'a']) addKey(tops, key, of(2));
    addKey(tops, 'z', of(9));
    addKey(tops, 'c', of(1));
    expect(heaviest(tops, 5).map(({ key }) => key)).toEqual(['z', 'a', 'b', '\ufffd', '😀']);
    expect(heaviest(tops, 100)).toHaveLength(6);
    expect(heaviest(emptyTops(), 5)).toEqual([]);
  });
});
