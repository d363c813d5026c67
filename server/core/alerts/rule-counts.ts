import type { DecodedBatch } from '../../../schema/log-batch.js';
import { ADMITS_NONE, admitting, type LogFilter } from '../retention/filter.js';
import { saturatingSum } from '../saturating.js';
import { SECONDS_PER_WINDOW, tumblingWindowStart } from '../windows/tumbling.js';
import { emptySeconds, type SecondColumns, statusClass } from '../windows/window.js';

/** What a rule's filter admits of an agent, by second: columns of windows of 10 seconds, by start (milliseconds). */
export type RuleWindows = Map<number, SecondColumns>;

/** Which entries of a batch are counted at all. */
export interface Countable {
  batch: DecodedBatch;
  /** ≠ 0 at `i` leaves entry `i` out; null: none is. */
  left: ArrayLike<number> | null;
}

/** Event times `[fromMs, toMs)`. */
export interface TimeSpan {
  fromMs: number;
  toMs: number;
}

/** Adds a batch's entries of a span that a filter admits to a rule's windows. */
export function countAdmitted(
  windows: RuleWindows,
  { batch, left }: Countable,
  filter: LogFilter,
  { fromMs, toMs }: TimeSpan,
): void {
  const admits = admitting(batch, filter);
  if (admits === ADMITS_NONE) return;
  let [startMs, seconds] = [Number.NaN, emptySeconds()];
  for (let i = 0; i < batch.count; i++) {
    if (!admits(i) || (left !== null && left[i] !== 0)) continue;
    const timeMs = batch.timeMs[i];
    if (timeMs < fromMs || timeMs >= toMs) continue;
    // Most entries follow each other.
    if (!(timeMs >= startMs && tumblingWindowStart(timeMs) === startMs)) {
      startMs = tumblingWindowStart(timeMs);
      seconds = windowOf(windows, startMs);
    }
    const second = Math.floor((timeMs - startMs) / 1_000);
    seconds.status[statusClass(batch.status[i])][second]++;
    seconds.bytes[second] = saturatingSum(seconds.bytes[second], batch.bytes[i]);
  }
}

function windowOf(windows: RuleWindows, startMs: number): SecondColumns {
  const known = windows.get(startMs);
  if (known) return known;
  const seconds = emptySeconds();
  windows.set(startMs, seconds);
  return seconds;
}

/** Places in STATUS_CLASSES of which a filter admits any. */
export function admittedClasses({ statusMin, statusMax }: LogFilter): number[] {
  const [min, max] = [statusMin ?? Number.NEGATIVE_INFINITY, statusMax ?? Number.POSITIVE_INFINITY];
  const found = [1, 2, 3, 4, 5]
    .filter((klass) => min < (klass + 1) * 100 && max >= klass * 100)
    .map((klass) => klass - 1);
  if (min < 100 || max >= 600) found.push(statusClass(0));
  return found;
}

/** Hits of windows of 10 seconds by STATUS_CLASSES, by start (milliseconds). */
export type HitsByClass = ReadonlyMap<number, readonly number[]>;

/**
 * The event second from which on no entry is missing that a filter may admit; null: none is missing at all. An entry is
 * where as many are kept as were counted: so it does not matter by which policy they went, or when.
 *
 * @param counted what the statistics say
 * @param kept what raw entries there are
 */
export function wholeFrom(counted: HitsByClass, kept: HitsByClass, filter: LogFilter): number | null {
  const classes = admittedClasses(filter);
  let whole: number | null = null;
  for (const [startMs, hits] of counted) {
    const there = kept.get(startMs);
    if (classes.every((klass) => (there?.[klass] ?? 0) >= hits[klass])) continue;
    whole = Math.max(whole ?? Number.NEGATIVE_INFINITY, startMs / 1_000 + SECONDS_PER_WINDOW);
  }
  return whole;
}

/** How long counts of rules are kept, back from the alert clock: the longest window, a day, and what comes late. */
export const RULE_SECONDS_KEEP_MS = 26 * 3_600_000;
