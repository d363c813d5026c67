import { WINDOW_MS } from './tumbling.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Steps that a series may have of itself: those that a person reads off an axis. Then whole days. */
const STEPS_MS = [
  10 * SECOND_MS,
  30 * SECOND_MS,
  MINUTE_MS,
  5 * MINUTE_MS,
  15 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  3 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
];

/** The least step with step × points ≥ the span. All milliseconds. */
export function stepFor(spanMs: number, pointsMax: number): number {
  const least = spanMs / pointsMax;
  return STEPS_MS.find((step) => step >= least) ?? Math.ceil(least / DAY_MS) * DAY_MS;
}

/** A span aligned outwards to the finest windows. */
export function alignOutwards({ fromMs, toMs }: { fromMs: number; toMs: number }): { fromMs: number; toMs: number } {
  return { fromMs: Math.floor(fromMs / WINDOW_MS) * WINDOW_MS, toMs: Math.ceil(toMs / WINDOW_MS) * WINDOW_MS };
}

/** Starts of the windows of a step that touch `[fromMs, toMs)`, oldest first. */
export function windowStarts(fromMs: number, toMs: number, stepMs: number): number[] {
  const starts: number[] = [];
  for (let start = Math.floor(fromMs / stepMs) * stepMs; start < toMs; start += stepMs) starts.push(start);
  return starts;
}
