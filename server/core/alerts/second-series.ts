import type { BinCounts } from '../sketches/value-bins.js';
import type { SecondCounts } from './decide.js';

const CAPACITY_MIN = 32;
/** Seconds that may come before those that have gone out of all windows are cut off. */
const TRIM_AFTER = 32;

/** Who adds seconds of a series up, and is told of those that change behind its back. */
export interface Summing {
  /** What is older, inclusive, it will not look at again, unless it begins anew. */
  readonly doneUntil: number;
  /** Seconds at these places, the second exclusive, are about to go, or have come. */
  leave: (from: number, to: number) => void;
  enter: (from: number, to: number) => void;
}

/**
 * Counts of one agent by second, ascending, those that are not zero, as columns: a few numbers a second, where objects
 * would be ten times as much to keep and to collect. Windows slide over them; what comes late is amended in them too.
 */
export class SecondSeries {
  /** @param knownFrom the first second of which it is to hold all counts */
  constructor(public knownFrom = Number.NEGATIVE_INFINITY) {}

  seconds = new Float64Array(CAPACITY_MIN);
  hits = new Float64Array(CAPACITY_MIN);
  bytes = new Float64Array(CAPACITY_MIN);
  errors = new Float64Array(CAPACITY_MIN);
  /** Response times by place; null: none is counted. */
  durations: (BinCounts | undefined)[] | null = null;
  /** How many places are taken, from 0 on. */
  length = 0;
  private bins = 0;
  private trimAt = TRIM_AFTER;
  private readonly windows = new Set<Summing>();

  attach(window: Summing): void {
    this.windows.add(window);
  }

  detach(window: Summing): void {
    this.windows.delete(window);
  }

  /** Numbers that are held, of eight bytes each, about. */
  get size(): number {
    return this.seconds.length * 4 + this.bins;
  }

  /** The first place whose second is after this one. */
  placeAfter(second: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seconds[middle] <= second) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Takes the place of all counts of the seconds `[fromSecond, toSecond)`. */
  replace(fromSecond: number, toSecond: number, counts: readonly SecondCounts[]): void {
    const from = this.placeAfter(fromSecond - 1);
    const to = this.placeAfter(toSecond - 1);
    for (const window of this.windows) window.leave(from, to);
    this.makeRoom(from, to, counts.length);
    counts.forEach((count, i) => {
      this.seconds[from + i] = count.second;
      this.hits[from + i] = count.hits;
      this.bytes[from + i] = count.bytes;
      this.errors[from + i] = count.clientErrors + count.serverErrors;
      if (count.durations !== undefined) this.durations ??= new Array(this.length).fill(undefined);
      if (this.durations !== null) this.durations[from + i] = count.durations;
      this.bins += sizeOf(count.durations);
    });
    for (const window of this.windows) window.enter(from, from + counts.length);
  }

  /** Cuts off what all windows have behind them, now and then. */
  trim(): void {
    if (this.length < this.trimAt) return;
    let doneUntil = Number.POSITIVE_INFINITY;
    for (const window of this.windows) doneUntil = Math.min(doneUntil, window.doneUntil);
    this.makeRoom(0, this.placeAfter(doneUntil), 0);
    this.knownFrom = Math.max(this.knownFrom, doneUntil + 1);
    this.trimAt = this.length + TRIM_AFTER;
  }

  /** Moves what is from `to` on to behind `count` places from `from` on. */
  private makeRoom(from: number, to: number, count: number): void {
    const length = this.length - (to - from) + count;
    if (length > this.seconds.length) this.grow(length * 2);
    for (const column of [this.seconds, this.hits, this.bytes, this.errors])
      column.copyWithin(from + count, to, this.length);
    const left = this.durations?.splice(from, to - from, ...new Array<undefined>(count).fill(undefined)) ?? [];
    for (const bins of left) this.bins -= sizeOf(bins);
    this.length = length;
  }

  private grow(capacity: number): void {
    const grown = (column: Float64Array) => {
      const larger = new Float64Array(capacity);
      larger.set(column);
      return larger;
    };
    this.seconds = grown(this.seconds);
    this.hits = grown(this.hits);
    this.bytes = grown(this.bytes);
    this.errors = grown(this.errors);
  }
}

/** A list and what it holds. */
const sizeOf = (bins: BinCounts | undefined): number => (bins === undefined ? 0 : 8 + bins.length);
