import type { DecodedBatch } from '../../../schema/log-batch.js';
import { saturatingSum } from '../saturating.js';
import { keysMax } from '../sketches/tops.js';
import { isCompleteColumn } from '../sketches/tops-column.js';
import {
  type Breakdown,
  boundGrowth,
  type Dimension,
  type EncodedBreakdown,
  emptyBreakdown,
  pruneBreakdown,
} from './breakdown.js';
import { type Keyed, keyedDimensions, PlaceCounts } from './key-counts.js';
import { SketchCounts } from './sketch-counts.js';
import { SECONDS_PER_WINDOW, tumblingWindowStart } from './tumbling.js';
import { emptyNumbers, hitsBySecond, type Numbers, type SecondColumns, statusClass, type Window } from './window.js';

const placeCounts = new PlaceCounts();

function countNumbers(window: Numbers, batch: DecodedBatch, startMs: number, entries: Int32Array): void {
  const { seconds, status } = window;
  for (const i of entries) {
    const second = Math.floor((batch.timeMs[i] - startMs) / 1_000);
    const klass = statusClass(batch.status[i]);
    status[klass]++;
    seconds.status[klass][second]++;
    seconds.bytes[second] = saturatingSum(seconds.bytes[second], batch.bytes[i]);
  }
  window.hits = entries.length;
  window.bytes = seconds.bytes.reduce(saturatingSum, 0);
  window.peak = Math.max(...hitsBySecond(seconds));
}

/**
 * What a batch's entries add up to: aggregated by dictionary index with typed arrays, by windows of 10 seconds.
 */
export class BatchAggregate {
  /** Windows of 10 seconds, by start (milliseconds). */
  readonly windows: ReadonlyMap<number, Window>;
  /** Entries counted. */
  readonly count: number;
  /** Their starts, ascending. */
  readonly starts: readonly number[];
  /** Entries that count, window by window. */
  private readonly ordered: Int32Array;
  /** Places in it where the windows of `starts` begin, and the end. */
  private readonly begins: Int32Array;
  private readonly placeOf: ReadonlyMap<number, number>;
  private readonly dimensions: Keyed[];
  private readonly sketches: SketchCounts;
  /** What was encoded before it is asked for. */
  private readonly ahead = new Map<string, EncodedBreakdown>();

  /** @param left ≠ 0 at `i` leaves entry `i` out */
  constructor(
    private readonly batch: DecodedBatch,
    left: Uint8Array,
  ) {
    const startOf = startsOf(batch, left);
    const sizes = sizesOf(startOf);
    this.starts = [...sizes.keys()].sort((a, b) => a - b);
    this.placeOf = new Map(this.starts.map((startMs, place) => [startMs, place]));
    this.begins = new Int32Array(this.starts.length + 1);
    this.starts.forEach((startMs, place) => {
      this.begins[place + 1] = this.begins[place] + sizes.get(startMs)!;
    });
    this.count = this.begins[this.starts.length];
    this.ordered = this.order(startOf);
    this.dimensions = keyedDimensions(batch);
    this.sketches = new SketchCounts(batch);
    this.windows = new Map(this.starts.map((startMs) => [startMs, this.windowOf(startMs)]));
  }

  /** Entries by their window, each at the next place of it. */
  private order(startOf: Float64Array): Int32Array {
    const ordered = new Int32Array(this.count);
    const next = this.begins.slice();
    let [startMs, place] = [Number.NaN, 0];
    for (let i = 0; i < startOf.length; i++) {
      if (Number.isNaN(startOf[i])) continue;
      if (startOf[i] !== startMs) {
        startMs = startOf[i];
        place = this.placeOf.get(startMs)!;
      }
      ordered[next[place]++] = i;
    }
    return ordered;
  }

  private windowOf(startMs: number): Window {
    const numbers = emptyNumbers();
    countNumbers(numbers, this.batch, startMs, this.entriesOf([startMs]));
    return new BatchWindow(numbers, () => this.breakdownOf([startMs], SECONDS_PER_WINDOW));
  }

  /**
   * What the entries of several windows, one after the other in `starts`, together were made of, with as many keys as
   * `resolution` (seconds) keeps.
   */
  breakdownOf(starts: readonly number[], resolution: number): Breakdown {
    const breakdown = emptyBreakdown();
    this.gatherInto(breakdown, starts, resolution);
    pruneBreakdown(breakdown, resolution);
    return breakdown;
  }

  /** Adds what these windows were made of to a breakdown that gathers a window of `resolution`, and is pruned at last. */
  gatherInto(breakdown: Breakdown, starts: readonly number[], resolution: number): void {
    const entries = this.entriesOf(starts);
    for (const keyed of this.dimensions) {
      placeCounts.count(keyed, this.batch, entries);
      placeCounts.flush(keyed, breakdown.tops[keyed.dimension]);
    }
    this.sketches.countInto(breakdown, entries);
    boundGrowth(breakdown, resolution);
  }

  /** Encodes what `encodedBreakdownOf` most likely will be asked for, of the same windows. */
  encodeAhead(starts: readonly number[], resolution: number): void {
    this.ahead.set(keyOf(starts, resolution), this.encodedBreakdownOf(starts, resolution));
  }

  /** As `breakdownOf`, encoded: what is merged with nothing stored need not be looked into. */
  encodedBreakdownOf(starts: readonly number[], resolution: number): EncodedBreakdown {
    const known = this.ahead.get(keyOf(starts, resolution));
    if (known !== undefined) return known;
    const entries = this.entriesOf(starts);
    const tops = this.dimensions.map((keyed) => {
      placeCounts.count(keyed, this.batch, entries);
      return [keyed.dimension, placeCounts.flushEncoded(keyed, keysMax(resolution))];
    });
    const columns = Object.fromEntries(tops) as Record<Dimension, Buffer>;
    return { ...columns, ...this.sketches.encoded(entries, isCompleteColumn(columns.HOST)) };
  }

  /** How many entries are to be gone through for what these windows were made of: none where it was encoded ahead. */
  leftToCount(starts: readonly number[], resolution: number): number {
    return this.ahead.has(keyOf(starts, resolution)) ? 0 : this.entriesOf(starts).length;
  }

  private entriesOf(starts: readonly number[]): Int32Array {
    if (starts.length === 0) return this.ordered.subarray(0, 0);
    const [first, last] = [this.placeOf.get(starts[0])!, this.placeOf.get(starts[starts.length - 1])!];
    return this.ordered.subarray(this.begins[first], this.begins[last + 1]);
  }
}

const keyOf = (starts: readonly number[], resolution: number) =>
  `${resolution} ${starts[0]} ${starts[starts.length - 1]}`;

/** The start of each entry's window; NaN where it is left out. */
function startsOf({ timeMs }: DecodedBatch, left: Uint8Array): Float64Array {
  const startOf = new Float64Array(timeMs.length).fill(Number.NaN);
  for (let i = 0; i < timeMs.length; i++) if (left[i] === 0) startOf[i] = tumblingWindowStart(timeMs[i]);
  return startOf;
}

/** How many entries each window has. Most of them follow each other. */
function sizesOf(startOf: Float64Array): Map<number, number> {
  const sizes = new Map<number, number>();
  for (let i = 0; i < startOf.length; ) {
    const first = i;
    while (++i < startOf.length && startOf[i] === startOf[first]);
    if (!Number.isNaN(startOf[first])) sizes.set(startOf[first], (sizes.get(startOf[first]) ?? 0) + i - first);
  }
  return sizes;
}

/** A batch's part of a window; what it was made of is counted where it is asked for. */
class BatchWindow implements Window {
  readonly hits: number;
  readonly bytes: number;
  readonly status: number[];
  readonly peak: number;
  readonly seconds: SecondColumns;
  private counted: Breakdown | null = null;

  constructor(
    { hits, bytes, status, peak, seconds }: Numbers,
    private readonly count: () => Breakdown,
  ) {
    this.hits = hits;
    this.bytes = bytes;
    this.status = status;
    this.peak = peak;
    this.seconds = seconds;
  }

  get breakdown(): Breakdown {
    return (this.counted ??= this.count());
  }
}
