// Goal: what a heartbeat says is as of when it was sent, whatever held it up, and whatever the sender's clock is.
// Method: clocks that differ, drift and jump; messages that are on their way for any time, against the true times.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { transitOf } from '../../server/core/time/skew.js';

/** Heartbeats of 5 s each with these delays, of a clock that is ahead by `skewMs`. */
function delaysFound(delays: readonly number[], skewMs: number): number[] {
  let known: number | null = null;
  return delays.map((delayMs) => {
    const transit = transitOf(skewMs - delayMs, known);
    known = transit.skewMs;
    return transit.delayMs;
  });
}

test('a message that was held up is known by those that were not', () => {
  expect(delaysFound([3, 5, 9_000, 2, 4], 1_234)).toEqual([0, 0, 8_945, 0, 0]);
  expect(delaysFound([0, 0, 30_000], -86_400_000)).toEqual([0, 0, 29_950]);
});

test('never longer than it was, and within what the clock may drift of it, once one came at once', () => {
  const delays = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 30 });
  fc.assert(
    fc.property(delays, fc.integer({ min: -1e9, max: 1e9 }), (some, skewMs) => {
      delaysFound([0, ...some], skewMs)
        .slice(1)
        .forEach((found, i) => {
          expect(found).toBeLessThanOrEqual(some[i]);
          const least = some[i] - 50 * (i + 1);
          expect(found).toBeGreaterThanOrEqual(Math.min(least, least - 50));
        });
    }),
  );
});

test('a clock that was set back is believed: at once where it is far, else little by little', () => {
  expect(transitOf(-3_600_000, 0)).toEqual({ skewMs: -3_600_000, delayMs: 0 });
  let known = 0;
  for (let i = 0; i < 200; i++) known = transitOf(-5_000, known).skewMs;
  expect(transitOf(-5_000, known)).toEqual({ skewMs: -5_000, delayMs: 0 });
});

test('a clock that was set ahead is believed at once', () => {
  expect(transitOf(7_000, 0)).toEqual({ skewMs: 7_000, delayMs: 0 });
});
