import { SECONDS_PER_WINDOW } from './tumbling.js';

/** Dimensions of tops, in the order of their columns. */
export const DIMENSIONS = ['SECTION', 'PATH', 'HOST', 'USER', 'METHOD', 'STATUS', 'REFERRER', 'USER_AGENT'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

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

export interface KeyCounts {
  hits: number;
  bytes: number;
  clientErrors: number;
  serverErrors: number;
}

/** Counts of a dimension's keys, exact. */
export type Tops = Map<string, KeyCounts>;

/** Counts of each second of a 10-second window. */
export interface SecondColumns {
  bytes: number[];
  /** Hits of each second, by STATUS_CLASSES. */
  status: number[][];
}

/** Hits of each second. */
export function hitsBySecond(seconds: SecondColumns): number[] {
  return seconds.bytes.map((_, second) => seconds.status.reduce((sum, column) => sum + column[second], 0));
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

/** One 10-second window of one agent. */
export interface Window extends Totals {
  seconds: SecondColumns;
  tops: Record<Dimension, Tops>;
}

export function emptyTotals(): Totals {
  return { hits: 0, bytes: 0, status: [0, 0, 0, 0, 0, 0], peak: 0 };
}

function emptySeconds(): SecondColumns {
  const zeros = () => new Array<number>(SECONDS_PER_WINDOW).fill(0);
  return { bytes: zeros(), status: STATUS_CLASSES.map(zeros) };
}

export function emptyWindow(): Window {
  const tops = Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, new Map()])) as Window['tops'];
  return { ...emptyTotals(), seconds: emptySeconds(), tops };
}

/** Sums never pass what a double holds exactly: they stay at 2^53 − 1 instead of becoming wrong. */
export function saturatingSum(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER);
}

/** Adds what `other` counted to `totals`; the peak is the greater. */
export function addTotals(totals: Totals, other: Totals): void {
  totals.hits = saturatingSum(totals.hits, other.hits);
  totals.bytes = saturatingSum(totals.bytes, other.bytes);
  for (let i = 0; i < totals.status.length; i++) totals.status[i] = saturatingSum(totals.status[i], other.status[i]);
  totals.peak = Math.max(totals.peak, other.peak);
}

export function addKey(tops: Tops, key: string, counts: KeyCounts): void {
  const known = tops.get(key);
  if (known === undefined) {
    tops.set(key, { ...counts });
    return;
  }
  known.hits = saturatingSum(known.hits, counts.hits);
  known.bytes = saturatingSum(known.bytes, counts.bytes);
  known.clientErrors = saturatingSum(known.clientErrors, counts.clientErrors);
  known.serverErrors = saturatingSum(known.serverErrors, counts.serverErrors);
}

export function addTops(tops: Tops, other: Tops): void {
  for (const [key, counts] of other) addKey(tops, key, counts);
}

/**
 * Merges a window of the same agent and span into `window`: associative and commutative, so that any order and
 * batching of the same entries gives the same window.
 */
export function mergeWindow(window: Window, other: Window): void {
  const { bytes, status } = window.seconds;
  for (let second = 0; second < SECONDS_PER_WINDOW; second++) {
    bytes[second] = saturatingSum(bytes[second], other.seconds.bytes[second]);
    for (let i = 0; i < status.length; i++) status[i][second] += other.seconds.status[i][second];
  }
  addTotals(window, other);
  window.peak = Math.max(...hitsBySecond(window.seconds));
  for (const dimension of DIMENSIONS) addTops(window.tops[dimension], other.tops[dimension]);
}

/** Code points' order: that of UTF-8 bytes, and of the terminal's `sort` under LC_ALL=C. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // A surrogate stands for a code point above all that one unit can say.
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    return xHigh === yHigh ? x - y : xHigh ? 1 : -1;
  }
  return a.length - b.length;
}

export interface TopKey extends KeyCounts {
  key: string;
}

/** The heaviest keys by hits; ties by key. */
export function heaviest(tops: Tops, first: number): TopKey[] {
  const keys = [...tops].map(([key, counts]) => ({ key, ...counts }));
  return keys.sort((a, b) => b.hits - a.hits || compareKeys(a.key, b.key)).slice(0, first);
}
