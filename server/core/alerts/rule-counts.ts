import type { DecodedBatch } from '../../../schema/log-batch.js';
import { ADMITS_NONE, admitting, type LogFilter } from '../retention/filter.js';
import { saturatingSum } from '../saturating.js';
import { placesOf } from '../sketches/dd-sketch.js';
import {
  addBins,
  type BinCounts,
  type BinMap,
  decodeBins,
  encodeBins,
  takeGreaterBins,
} from '../sketches/value-bins.js';
import { decodeSeconds, encodeSeconds } from '../windows/encoding.js';
import { SECONDS_PER_WINDOW, tumblingWindowStart } from '../windows/tumbling.js';
import { addSeconds, emptySeconds, type SecondColumns, statusClass, takeGreater } from '../windows/window.js';
import type { AlertMetric } from './decide.js';

/** What a rule counts itself, entry by entry. */
export interface Counting {
  filter: LogFilter;
  /** The response times too. */
  durations: boolean;
}

/** Null: the rule looks at the counts of all traffic, which are there anyway. */
export function countingOf({ metric, filter }: { metric: AlertMetric; filter: LogFilter | null }): Counting | null {
  const durations = metric === 'DURATION_P95';
  return filter === null && !durations ? null : { filter: filter ?? {}, durations };
}

/** What a rule counted of each second of a window of 10 seconds. */
export interface RuleWindow extends SecondColumns {
  /** Response times; null: they are not counted. */
  durations: BinMap[] | null;
}

/** Windows of what a rule counts of an agent, by start (milliseconds). */
export type RuleWindows = Map<number, RuleWindow>;

/** A window as it is stored, in two columns. */
export interface EncodedRuleWindow {
  seconds: Buffer;
  /** Empty where no response time was counted. */
  durations: Buffer;
}

export function encodeRuleWindow(window: RuleWindow): EncodedRuleWindow {
  return { seconds: encodeSeconds(window), durations: encodeBins(window.durations ?? []) };
}

export function decodeDurations(column: Buffer): BinCounts[] {
  return decodeBins(column, SECONDS_PER_WINDOW);
}

/** Adds what is stored of a window. */
export function addStoredWindow(window: RuleWindow, { seconds, durations }: EncodedRuleWindow): void {
  addSeconds(window, decodeSeconds(seconds));
  mergeDurations(window, durations, addBins);
}

/** Of what is counted and what is stored the greater, second by second: each may lack some of what was. */
export function takeGreaterWindow(window: RuleWindow, { seconds, durations }: EncodedRuleWindow): void {
  takeGreater(window, decodeSeconds(seconds));
  mergeDurations(window, durations, takeGreaterBins);
}

function mergeDurations(window: RuleWindow, column: Buffer, merge: (into: BinMap, bins: BinCounts) => void): void {
  if (window.durations === null) return;
  for (const [second, bins] of decodeDurations(column).entries()) merge(window.durations[second], bins);
}

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

/** Adds a batch's entries of a span that a rule counts to its windows. Entries without a response time have only that not. */
export function countAdmitted(
  windows: RuleWindows,
  { batch, left }: Countable,
  { filter, durations }: Counting,
  { fromMs, toMs }: TimeSpan,
): void {
  const admits = admitting(batch, filter);
  if (admits === ADMITS_NONE) return;
  const { durationMs } = batch;
  const places = durations && durationMs !== null ? placesOf(durationMs) : null;
  let [startMs, seconds] = [Number.NaN, emptyWindow(durations)];
  for (let i = 0; i < batch.count; i++) {
    if (!admits(i) || (left !== null && left[i] !== 0)) continue;
    const timeMs = batch.timeMs[i];
    if (timeMs < fromMs || timeMs >= toMs) continue;
    // Most entries follow each other.
    if (!(timeMs >= startMs && tumblingWindowStart(timeMs) === startMs)) {
      startMs = tumblingWindowStart(timeMs);
      seconds = windowOf(windows, startMs, durations);
    }
    const second = Math.floor((timeMs - startMs) / 1_000);
    seconds.status[statusClass(batch.status[i])][second]++;
    seconds.bytes[second] = saturatingSum(seconds.bytes[second], batch.bytes[i]);
    if (places === null || Number.isNaN(durationMs![i])) continue;
    const bins = seconds.durations![second];
    bins.set(places[i], (bins.get(places[i]) ?? 0) + 1);
  }
}

function windowOf(windows: RuleWindows, startMs: number, durations: boolean): RuleWindow {
  const known = windows.get(startMs);
  if (known) return known;
  const window = emptyWindow(durations);
  windows.set(startMs, window);
  return window;
}

function emptyWindow(durations: boolean): RuleWindow {
  const bins = durations ? Array.from({ length: SECONDS_PER_WINDOW }, (): BinMap => new Map()) : null;
  return { ...emptySeconds(), durations: bins };
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
