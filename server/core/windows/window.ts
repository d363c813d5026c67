import { saturatingSum } from '../saturating.js';
import { type Breakdown, emptyBreakdown, mergeBreakdown, pruneBreakdown } from './breakdown.js';
import { SECONDS_PER_WINDOW } from './tumbling.js';

/** Status classes, in the order of their columns: 1xx to 5xx, and what is outside 100 to 599. */
export const STATUS_CLASSES = [
  'informational',
  'success',
  'redirection',
  'clientError',
  'serverError',
  'other',
] as const;
const OTHER = 5;

/** Place of a status within STATUS_CLASSES. */
export function statusClass(status: number): number {
  return status >= 100 && status <= 599 ? Math.floor(status / 100) - 1 : OTHER;
}

/** Counts of each second of a 10-second window. */
export interface SecondColumns {
  bytes: number[];
  /** Hits of each second, by STATUS_CLASSES. */
  status: number[][];
}

/** Hits of each second. */
export function hitsBySecond(seconds: SecondColumns): number[] {
  const hits = new Array<number>(SECONDS_PER_WINDOW).fill(0);
  for (const column of seconds.status) for (let i = 0; i < SECONDS_PER_WINDOW; i++) hits[i] += column[i];
  return hits;
}

/** What a span of time adds up to. */
export interface Totals {
  hits: number;
  bytes: number;
  /** By STATUS_CLASSES. */
  status: number[];
  /** The greatest hits of one second of one agent. */
  peak: number;
}

/** The numbers of one 10-second window of one agent. */
export interface Numbers extends Totals {
  seconds: SecondColumns;
}

export interface Window extends Numbers {
  breakdown: Breakdown;
}

/** A window by itself: one of a batch holds the batch. */
export function plainWindow({ hits, bytes, status, peak, seconds, breakdown }: Window): Window {
  return { hits, bytes, status, peak, seconds, breakdown };
}

export function emptyTotals(): Totals {
  return { hits: 0, bytes: 0, status: [0, 0, 0, 0, 0, 0], peak: 0 };
}

export function emptySeconds(): SecondColumns {
  const zeros = () => new Array<number>(SECONDS_PER_WINDOW).fill(0);
  return { bytes: zeros(), status: STATUS_CLASSES.map(zeros) };
}

export function emptyNumbers(): Numbers {
  return { ...emptyTotals(), seconds: emptySeconds() };
}

export function emptyWindow(): Window {
  return { ...emptyNumbers(), breakdown: emptyBreakdown() };
}

/** Adds what `other` counted to `totals`; the peak is the greater. */
export function addTotals(totals: Totals, other: Totals): void {
  totals.hits = saturatingSum(totals.hits, other.hits);
  totals.bytes = saturatingSum(totals.bytes, other.bytes);
  for (let i = 0; i < totals.status.length; i++) totals.status[i] = saturatingSum(totals.status[i], other.status[i]);
  totals.peak = Math.max(totals.peak, other.peak);
}

export function sumOf(parts: Iterable<Totals>): Totals {
  const totals = emptyTotals();
  for (const part of parts) addTotals(totals, part);
  return totals;
}

/** Adds what `other` counted, second by second. */
export function addSeconds({ bytes, status }: SecondColumns, other: SecondColumns): void {
  for (let second = 0; second < SECONDS_PER_WINDOW; second++) {
    bytes[second] = saturatingSum(bytes[second], other.bytes[second]);
    for (let i = 0; i < status.length; i++) status[i][second] += other.status[i][second];
  }
}

/** The greater of two counts, second by second: of two that each may lack some of what was. */
export function takeGreater({ bytes, status }: SecondColumns, other: SecondColumns): void {
  for (let second = 0; second < SECONDS_PER_WINDOW; second++) {
    bytes[second] = Math.max(bytes[second], other.bytes[second]);
    for (let i = 0; i < status.length; i++) status[i][second] = Math.max(status[i][second], other.status[i][second]);
  }
}

/**
 * Merges a window of the same agent and span into `window`. Any order and batching of the same entries gives the same
 * numbers, percentiles and distinct hosts, and the same tops while these are exact.
 */
export function mergeWindow(window: Window, other: Window): void {
  addSeconds(window.seconds, other.seconds);
  addTotals(window, other);
  window.peak = Math.max(...hitsBySecond(window.seconds));
  mergeBreakdown(window.breakdown, other.breakdown);
  pruneBreakdown(window.breakdown, SECONDS_PER_WINDOW);
}
