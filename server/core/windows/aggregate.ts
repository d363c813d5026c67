import { NONE, sectionOf, splitTarget } from '../../../schema/entry.js';
import type { DecodedBatch, TextColumnName } from '../../../schema/log-batch.js';
import { saturatingSum } from '../saturating.js';
import { emptyDDSketch, encodeDDSketch, ValueCounter } from '../sketches/dd-sketch.js';
import { addHostHashes, emptyHostSet, encodeHosts, hashHost } from '../sketches/host-set.js';
import {
  addKey,
  type CountColumns,
  emptyTops,
  encodeCounted,
  encodeTops,
  keysMax,
  mergeTops,
  pruneTops,
  type Tops,
} from '../sketches/tops.js';
import {
  type Breakdown,
  boundGrowth,
  type Dimension,
  type EncodedBreakdown,
  emptyBreakdown,
  pruneBreakdown,
} from './breakdown.js';
import { SECONDS_PER_WINDOW, tumblingWindowStart } from './tumbling.js';
import { emptyNumbers, hitsBySecond, type Numbers, type SecondColumns, statusClass, type Window } from './window.js';

/** A dimension as places in a list of keys: entry `i` counts for `keys[place[i] - 1]`, for none where 0. */
interface Keyed {
  dimension: Dimension;
  keys: string[];
  places: Int32Array;
  /** Two texts of a dictionary may have become one by cleaning: then the second adds to the first. */
  hasTwins: boolean;
}

function textDimension(batch: DecodedBatch, dimension: Dimension, name: TextColumnName): Keyed {
  const { dict, index } = batch.columns[name];
  return { dimension, keys: dict, places: index, hasTwins: new Set(dict).size < dict.length };
}

/** A dimension in which an entry without a text counts for `(none)`. */
function derivedDimension(
  batch: DecodedBatch,
  dimension: Dimension,
  name: TextColumnName,
  derive: (text: string) => string,
): Keyed {
  const { dict, index } = batch.columns[name];
  const keys: string[] = [NONE];
  const known = new Map([[NONE, 1]]);
  const placeOf = Int32Array.from([1, ...dict.map((text) => placeFor(derive(text), keys, known))]);
  return { dimension, keys, places: index.map((place) => placeOf[place]), hasTwins: false };
}

function placeFor(key: string, keys: string[], known: Map<string, number>): number {
  let place = known.get(key);
  if (place === undefined) known.set(key, (place = keys.push(key)));
  return place;
}

function statusDimension(batch: DecodedBatch): Keyed {
  const keys: string[] = [];
  const known = new Map<string, number>();
  const placeOfStatus = new Int32Array(1_000);
  const places = batch.status.map((status) => {
    if (placeOfStatus[status] === 0)
      placeOfStatus[status] = placeFor(status === 0 ? NONE : String(status), keys, known);
    return placeOfStatus[status];
  });
  return { dimension: 'STATUS', keys, places, hasTwins: false };
}

function keyedDimensions(batch: DecodedBatch): Keyed[] {
  const path = (target: string) => splitTarget(target).path;
  return [
    derivedDimension(batch, 'SECTION', 'target', (target) => sectionOf(path(target))),
    derivedDimension(batch, 'PATH', 'target', path),
    textDimension(batch, 'HOST', 'host'),
    textDimension(batch, 'USER', 'user'),
    derivedDimension(batch, 'METHOD', 'method', (method) => method),
    statusDimension(batch),
    textDimension(batch, 'REFERRER', 'referrer'),
    textDimension(batch, 'USER_AGENT', 'userAgent'),
  ];
}

function countNumbers(window: Numbers, batch: DecodedBatch, startMs: number, entries: number[]): void {
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
 * Counts by place, in arrays that serve every window of every batch: no hash map per line, and nothing to be made for a
 * batch. What is counted is flushed at once, so that two never meet in them.
 */
class PlaceCounts implements CountColumns {
  hits = new Float64Array(0);
  bytes = new Float64Array(0);
  clientErrors = new Float64Array(0);
  serverErrors = new Float64Array(0);
  private touched: number[] = [];

  count({ keys, places }: Keyed, batch: DecodedBatch, entries: number[]): void {
    this.reserve(keys.length + 1);
    for (const i of entries) {
      const place = places[i];
      if (place === 0) continue;
      if (this.hits[place]++ === 0) this.touched.push(place);
      this.bytes[place] = Math.min(this.bytes[place] + batch.bytes[i], Number.MAX_SAFE_INTEGER);
      const status = batch.status[i];
      if (status >= 400 && status < 500) this.clientErrors[place]++;
      else if (status >= 500 && status < 600) this.serverErrors[place]++;
    }
  }

  /** Moves the counts into a window's tops. */
  flush({ keys }: Keyed, tops: Tops): void {
    // To tops that do not list all a key cannot be added: it may have been there, and dropped.
    const own = tops.floor === 0 ? tops : emptyTops();
    for (const at of this.touched) {
      const [hits, bytes] = [this.hits[at], this.bytes[at]];
      const counts = { hits, bytes, clientErrors: this.clientErrors[at], serverErrors: this.serverErrors[at] };
      addKey(own, keys[at - 1], counts);
    }
    if (own !== tops) mergeTops(tops, own);
    this.clear();
  }

  /** As `flush` into empty tops, pruned and encoded, mostly without making them. */
  flushEncoded(keyed: Keyed, keysMax: number): Buffer {
    const { touched } = this;
    if (keyed.hasTwins || touched.length > keysMax) {
      const tops = emptyTops();
      this.flush(keyed, tops);
      pruneTops(tops, keysMax);
      return encodeTops(tops);
    }
    const keys = touched.map((at) => keyed.keys[at - 1]);
    const column = encodeCounted(keys, touched, this);
    this.clear();
    return column;
  }

  private reserve(size: number): void {
    if (size <= this.hits.length) return;
    this.hits = new Float64Array(size);
    this.bytes = new Float64Array(size);
    this.clientErrors = new Float64Array(size);
    this.serverErrors = new Float64Array(size);
  }

  private clear(): void {
    for (const at of this.touched) this.hits[at] = this.bytes[at] = this.clientErrors[at] = this.serverErrors[at] = 0;
    this.touched = [];
  }
}

const placeCounts = new PlaceCounts();
const valueCounter = new ValueCounter();

/** Sizes and times of responses, and clients: each distinct one is hashed once a batch. */
class SketchCounts {
  private readonly hashes: Float64Array;
  /** By a host's place in the dictionary: the last window that it was seen in. */
  private readonly seenIn: Uint32Array;
  private windows = 0;

  constructor(private readonly batch: DecodedBatch) {
    this.hashes = Float64Array.from(batch.columns.host.dict, hashHost);
    this.seenIn = new Uint32Array(this.hashes.length);
  }

  countInto(breakdown: Omit<Breakdown, 'tops'>, entries: number[]): void {
    const { bytes, durationMs } = this.batch;
    for (const i of entries) valueCounter.count(bytes[i]);
    valueCounter.flush(breakdown.size);
    if (durationMs !== null) {
      for (const i of entries) if (!Number.isNaN(durationMs[i])) valueCounter.count(durationMs[i]);
      valueCounter.flush(breakdown.duration);
    }
    addHostHashes(breakdown.hosts, this.hashesOf(entries));
  }

  private hashesOf(entries: number[]): Float64Array {
    const { index } = this.batch.columns.host;
    const found = new Float64Array(entries.length);
    let count = 0;
    this.windows++;
    for (const i of entries) {
      const place = index[i] - 1;
      if (place < 0 || this.seenIn[place] === this.windows) continue;
      this.seenIn[place] = this.windows;
      found[count++] = this.hashes[place];
    }
    return found.subarray(0, count);
  }
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
  private readonly byStart = new Map<number, number[]>();
  private readonly dimensions: Keyed[];
  private readonly sketches: SketchCounts;

  /** @param left ≠ 0 at `i` leaves entry `i` out */
  constructor(
    private readonly batch: DecodedBatch,
    left: Uint8Array,
  ) {
    let count = 0;
    for (let i = 0; i < batch.count; i++) {
      if (left[i] !== 0) continue;
      count++;
      const startMs = tumblingWindowStart(batch.timeMs[i]);
      const entries = this.byStart.get(startMs);
      if (entries === undefined) this.byStart.set(startMs, [i]);
      else entries.push(i);
    }
    this.count = count;
    this.dimensions = keyedDimensions(batch);
    this.sketches = new SketchCounts(batch);
    this.starts = [...this.byStart.keys()].sort((a, b) => a - b);
    this.windows = new Map([...this.byStart].map(([startMs, entries]) => [startMs, this.windowOf(startMs, entries)]));
  }

  private windowOf(startMs: number, entries: number[]): Window {
    const numbers = emptyNumbers();
    countNumbers(numbers, this.batch, startMs, entries);
    return new BatchWindow(numbers, () => this.breakdownOf([startMs], SECONDS_PER_WINDOW));
  }

  /** What the entries of several windows together were made of, with as many keys as `resolution` (seconds) keeps. */
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

  /** The same encoded: what is merged with nothing stored need not be looked into. */
  encodedBreakdownOf(starts: readonly number[], resolution: number): EncodedBreakdown {
    const entries = this.entriesOf(starts);
    const tops = this.dimensions.map((keyed) => {
      placeCounts.count(keyed, this.batch, entries);
      return [keyed.dimension, placeCounts.flushEncoded(keyed, keysMax(resolution))];
    });
    const sketched = { size: emptyDDSketch(), duration: emptyDDSketch(), hosts: emptyHostSet() };
    this.sketches.countInto(sketched, entries);
    return {
      ...(Object.fromEntries(tops) as Record<Dimension, Buffer>),
      SIZE: encodeDDSketch(sketched.size),
      DURATION: encodeDDSketch(sketched.duration),
      HOSTS: encodeHosts(sketched.hosts),
    };
  }

  private entriesOf(starts: readonly number[]): number[] {
    if (starts.length === 1) return this.byStart.get(starts[0]) ?? [];
    return starts.flatMap((startMs) => this.byStart.get(startMs) ?? []);
  }
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
