import { saturatingSum } from '../saturating.js';
import { SECONDS_PER_WINDOW } from './tumbling.js';
import { emptyTotals, hitsBySecond, type SecondColumns, type Totals } from './window.js';

/** The exercise's sliding window: two minutes. */
export const SLIDING_SECONDS = 120;

/**
 * Exact totals of the sliding window `(at − seconds, at]`, from the 10-second windows that it touches.
 *
 * @param windows of one agent, with their start (milliseconds)
 * @param at event second (Unix)
 */
export function slidingTotals(
  windows: Iterable<{ startMs: number; seconds: SecondColumns }>,
  at: number,
  seconds = SLIDING_SECONDS,
): Totals {
  const totals = emptyTotals();
  for (const window of windows) {
    const hits = hitsBySecond(window.seconds);
    for (let i = 0; i < SECONDS_PER_WINDOW; i++) {
      const second = window.startMs / 1_000 + i;
      if (second <= at - seconds || second > at) continue;
      totals.hits += hits[i];
      totals.bytes = saturatingSum(totals.bytes, window.seconds.bytes[i]);
      window.seconds.status.forEach((column, klass) => {
        totals.status[klass] += column[i];
      });
      totals.peak = Math.max(totals.peak, hits[i]);
    }
  }
  return totals;
}
