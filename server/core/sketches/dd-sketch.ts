import { ByteReader, ByteWriter } from '../windows/bytes.js';

/**
 * DDSketch: quantiles with a relative error of at most 1 % (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable
 * quantile sketch with relative-error guarantees", VLDB 2019). Counts by logarithmic bins; merged in any order it is the
 * same sketch.
 */
export interface DDSketch {
  count: number;
  /** Values too small for a bin, 0 among them. */
  zeros: number;
  /** Hits by bin: `i` holds values of (γ^(i−1), γ^i]. */
  bins: Map<number, number>;
  /** The greatest value, exact; 0 where there is none. */
  max: number;
}

export const RELATIVE_ERROR = 0.01;
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** Below a nanosecond of a millisecond, or a byte's millionth, nothing is told apart. */
const VALUE_MIN = 1e-6;
/** Lowest and highest bin that a value can have: bins are written as their distance to the lowest. */
const BIN_MIN = Math.ceil(Math.log(VALUE_MIN) / LOG_GAMMA);
const BIN_MAX = Math.ceil(Math.log(Number.MAX_SAFE_INTEGER) / LOG_GAMMA);

const NOTHING = Buffer.alloc(0);

export function emptyDDSketch(): DDSketch {
  return { count: 0, zeros: 0, bins: new Map(), max: 0 };
}

/** The bin of a value; null: it counts as zero. */
export function binOf(value: number): number | null {
  return value < VALUE_MIN ? null : Math.ceil(Math.log(value) / LOG_GAMMA);
}

/** @param value 0 or more */
export function addValue(sketch: DDSketch, value: number, count = 1): void {
  addToBin(sketch, binOf(value), count);
  if (value > sketch.max) sketch.max = value;
}

function addToBin(sketch: DDSketch, bin: number | null, count: number): void {
  sketch.count += count;
  if (bin === null) sketch.zeros += count;
  else sketch.bins.set(bin, (sketch.bins.get(bin) ?? 0) + count);
}

/** Where values count: 0 for those that count as zero, else above it the places of their bins. What counts them reads this. */
export function placesOf(values: Float64Array): Uint16Array {
  const places = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const bin = binOf(values[i]);
    if (bin !== null) places[i] = bin - BIN_MIN + 1;
  }
  return places;
}

/** The middle of a place's bin in relative terms: its ends are as far from it as the error allows. */
export function valueOfPlace(place: number): number {
  return place === 0 ? 0 : middleOf(place - 1 + BIN_MIN);
}

function middleOf(bin: number): number {
  return (2 * GAMMA ** bin) / (GAMMA + 1);
}

/** Counts values for one sketch after the other, in an array that serves all of them: no hash map per value. Flushed at once. */
export class ValueCounter {
  private readonly counts = new Uint32Array(BIN_MAX - BIN_MIN + 2);
  /** Places that were counted at, `size` of them: as numbers of 16 bits they are sorted without being compared one by one in JavaScript. */
  private readonly listed = new Uint16Array(this.counts.length);
  private size = 0;
  private max = 0;

  private get touched(): Uint16Array {
    return this.listed.subarray(0, this.size);
  }

  /**
   * @param value 0 to 2^53 − 1
   * @param place of `placesOf`
   */
  count(value: number, place: number): void {
    if (value > this.max) this.max = value;
    if (this.counts[place]++ === 0) this.listed[this.size++] = place;
  }

  /** Moves the counts into a sketch. */
  flush(sketch: DDSketch): void {
    for (const place of this.touched) addToBin(sketch, place === 0 ? null : place - 1 + BIN_MIN, this.counts[place]);
    sketch.max = Math.max(sketch.max, this.max);
    this.clear();
  }

  /** As `flush` into an empty sketch, encoded, without making it. */
  flushEncoded(): Buffer {
    const { touched, counts } = this;
    if (touched.length === 0) return NOTHING;
    touched.sort();
    const writer = new ByteWriter(32 + touched.length * 3);
    writer.float(this.max);
    writer.number(counts[0]);
    let before = 1;
    for (const place of touched) {
      if (place === 0) continue;
      writer.number(place - before);
      writer.number(counts[place]);
      before = place;
    }
    this.clear();
    return writer.finish();
  }

  private clear(): void {
    for (const place of this.touched) this.counts[place] = 0;
    this.size = 0;
    this.max = 0;
  }
}

export function mergeDDSketch(into: DDSketch, other: DDSketch): void {
  into.count += other.count;
  into.zeros += other.zeros;
  for (const [bin, count] of other.bins) into.bins.set(bin, (into.bins.get(bin) ?? 0) + count);
  into.max = Math.max(into.max, other.max);
}

/**
 * The value of nearest rank, the smallest with at least `q` of all at or below it; within 1 %. Null: no value.
 *
 * @param q above 0, at most 1
 */
export function percentile(sketch: DDSketch, q: number): number | null {
  if (sketch.count === 0) return null;
  const rank = Math.max(1, Math.ceil(q * sketch.count));
  if (rank === sketch.count) return sketch.max;
  let seen = sketch.zeros;
  if (rank <= seen) return 0;
  for (const [bin, count] of sortedBins(sketch)) {
    seen += count;
    if (rank <= seen) return Math.min(sketch.max, middleOf(bin));
  }
  return sketch.max;
}

function sortedBins({ bins }: DDSketch): [number, number][] {
  return [...bins].sort(([a], [b]) => a - b);
}

/** As a column: the maximum, the zeros, then each bin as its distance to the one before and its count. */
export function encodeDDSketch(sketch: DDSketch): Buffer {
  if (sketch.count === 0) return NOTHING;
  const writer = new ByteWriter(32 + sketch.bins.size * 3);
  writer.float(sketch.max);
  writer.number(sketch.zeros);
  let before = BIN_MIN;
  for (const [bin, count] of sortedBins(sketch)) {
    writer.number(bin - before);
    writer.number(count);
    before = bin;
  }
  return writer.finish();
}

/** Adds an encoded sketch. */
export function decodeDDSketchInto(sketch: DDSketch, column: Buffer): void {
  const reader = new ByteReader(column);
  if (reader.done) return;
  sketch.max = Math.max(sketch.max, reader.float());
  const zeros = reader.number();
  sketch.count += zeros;
  sketch.zeros += zeros;
  for (let bin = BIN_MIN; !reader.done; ) {
    bin += reader.number();
    addToBin(sketch, bin, reader.number());
  }
}
