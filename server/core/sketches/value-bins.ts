import { ByteReader, ByteWriter } from '../windows/bytes.js';
import { valueOfPlace } from './dd-sketch.js';

/**
 * A DDSketch that is only added up and taken apart again: values by the places of their bins (`placesOf`), in order: place,
 * count, place, count, and so on. Without its maximum, which could not be taken out.
 */
export type BinCounts = readonly number[];

/** The same while it is being counted. */
export type BinMap = Map<number, number>;

export function binCountsOf(bins: BinMap): BinCounts {
  return [...bins].sort(([a], [b]) => a - b).flat();
}

export function addBins(into: BinMap, bins: BinCounts): void {
  for (let i = 0; i < bins.length; i += 2) into.set(bins[i], (into.get(bins[i]) ?? 0) + bins[i + 1]);
}

/** The greater of two counts of each bin: of two that each may lack some of what was. */
export function takeGreaterBins(into: BinMap, bins: BinCounts): void {
  for (let i = 0; i < bins.length; i += 2) into.set(bins[i], Math.max(into.get(bins[i]) ?? 0, bins[i + 1]));
}

const NOTHING = Buffer.alloc(0);

/** As a column: of each of some sketches how many bins it has, then each as its distance to the one before and its count. */
export function encodeBins(sketches: readonly BinMap[]): Buffer {
  if (sketches.every(({ size }) => size === 0)) return NOTHING;
  const writer = new ByteWriter();
  for (const sketch of sketches) {
    writer.number(sketch.size);
    const bins = binCountsOf(sketch);
    for (let i = 0; i < bins.length; i += 2) {
      writer.number(bins[i] - (i === 0 ? 0 : bins[i - 2]));
      writer.number(bins[i + 1]);
    }
  }
  return writer.finish();
}

/** @param count of sketches that were encoded */
export function decodeBins(column: Buffer, count: number): BinCounts[] {
  const reader = new ByteReader(column);
  return Array.from({ length: count }, () => {
    const bins: number[] = [];
    if (reader.done) return bins;
    const size = reader.number();
    for (let i = 0, place = 0; i < size; i++) {
      place += reader.number();
      bins.push(place, reader.number());
    }
    return bins;
  });
}

const BLOCK = 64;

/** The sum of sketches that come and go. Adding costs O(bins), a percentile O(√places). */
export class SlidingBins {
  private count = 0;
  /** Counts by place, of those blocks that were touched, and what each block adds up to. */
  private blocks: (Float64Array | undefined)[] = [];
  private sums: number[] = [];

  add(bins: BinCounts): void {
    this.change(bins, 1);
  }

  /** Takes out what was added. */
  remove(bins: BinCounts): void {
    this.change(bins, -1);
  }

  /** Numbers that are held. */
  get size(): number {
    return this.blocks.reduce((sum, block) => sum + (block?.length ?? 0), this.sums.length);
  }

  clear(): void {
    this.count = 0;
    this.blocks = [];
    this.sums = [];
  }

  private change(bins: BinCounts, sign: 1 | -1): void {
    for (let i = 0; i < bins.length; i += 2) {
      const at = Math.floor(bins[i] / BLOCK);
      const change = sign * bins[i + 1];
      let block = this.blocks[at];
      if (block === undefined) this.blocks[at] = block = new Float64Array(BLOCK);
      block[bins[i] % BLOCK] += change;
      this.sums[at] = (this.sums[at] ?? 0) + change;
      this.count += change;
    }
  }

  /**
   * The bin of nearest rank, by its middle: within 1 % of the smallest value with at least `q` of all at or below it.
   * Null: no value.
   *
   * @param q above 0, at most 1
   */
  percentile(q: number): number | null {
    if (this.count === 0) return null;
    let rank = Math.max(1, Math.ceil(q * this.count));
    let at = 0;
    for (; rank > (this.sums[at] ?? 0); at++) rank -= this.sums[at] ?? 0;
    const block = this.blocks[at]!;
    let i = 0;
    for (; rank > block[i]; i++) rank -= block[i];
    return valueOfPlace(at * BLOCK + i);
  }
}
