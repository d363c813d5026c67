import { NONE, sectionOf, splitTarget } from '../../../schema/entry.js';
import type { DecodedBatch, TextColumnName } from '../../../schema/log-batch.js';
import { saturatingSum } from '../saturating.js';
import { addValue } from '../sketches/dd-sketch.js';
import { addHostHash, hashHost } from '../sketches/host-set.js';
import { addKey, type Tops } from '../sketches/tops.js';
import { type Breakdown, type Dimension, pruneBreakdown } from './breakdown.js';
import { SECONDS_PER_WINDOW, tumblingWindowStart } from './tumbling.js';
import { emptyWindow, hitsBySecond, statusClass, type Window } from './window.js';

/** A dimension as places in a list of keys: entry `i` counts for `keys[place[i] - 1]`, for none where 0. */
interface Keyed {
  dimension: Dimension;
  keys: string[];
  places: Int32Array;
}

function textDimension(batch: DecodedBatch, dimension: Dimension, name: TextColumnName): Keyed {
  const { dict, index } = batch.columns[name];
  return { dimension, keys: dict, places: index };
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
  return { dimension, keys, places: index.map((place) => placeOf[place]) };
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
  return { dimension: 'STATUS', keys, places };
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

function countNumbers(window: Window, batch: DecodedBatch, startMs: number, entries: number[]): void {
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

/** Counts by place, in arrays that serve every window of the batch: no hash map per line. */
class PlaceCounts {
  private readonly hits: Float64Array;
  private readonly bytes: Float64Array;
  private readonly clientErrors: Float64Array;
  private readonly serverErrors: Float64Array;
  private touched: number[] = [];

  constructor(private readonly keyed: Keyed) {
    const size = keyed.keys.length + 1;
    this.hits = new Float64Array(size);
    this.bytes = new Float64Array(size);
    this.clientErrors = new Float64Array(size);
    this.serverErrors = new Float64Array(size);
  }

  count(batch: DecodedBatch, entries: number[]): void {
    const { places } = this.keyed;
    for (const i of entries) {
      const place = places[i];
      if (place === 0) continue;
      if (this.hits[place]++ === 0) this.touched.push(place);
      this.bytes[place] += batch.bytes[i];
      const status = batch.status[i];
      if (status >= 400 && status < 500) this.clientErrors[place]++;
      else if (status >= 500 && status < 600) this.serverErrors[place]++;
    }
  }

  /** Moves the counts into a window's tops. */
  flush(tops: Tops): void {
    for (const place of this.touched) {
      const counts = {
        hits: this.hits[place],
        bytes: Math.min(this.bytes[place], Number.MAX_SAFE_INTEGER),
        clientErrors: this.clientErrors[place],
        serverErrors: this.serverErrors[place],
      };
      // Two texts of a dictionary may have become one by cleaning: then the second adds to the first.
      addKey(tops, this.keyed.keys[place - 1], counts);
      this.hits[place] = this.bytes[place] = this.clientErrors[place] = this.serverErrors[place] = 0;
    }
    this.touched = [];
  }
}

/** Sizes and times of responses, and clients: each distinct one is hashed once a batch. */
function countSketches(breakdown: Breakdown, batch: DecodedBatch, entries: number[], hashes: Float64Array): void {
  const { index } = batch.columns.host;
  for (const i of entries) {
    addValue(breakdown.size, batch.bytes[i]);
    const duration = batch.durationMs?.[i];
    if (duration != null && !Number.isNaN(duration)) addValue(breakdown.duration, duration);
    if (index[i] !== 0) addHostHash(breakdown.hosts, hashes[index[i] - 1]);
  }
}

/**
 * The windows of 10 seconds that a batch's entries make, by start (milliseconds).
 *
 * Aggregated by dictionary index with typed arrays. `left[i]` ≠ 0 leaves entry `i` out.
 */
export function aggregateBatch(batch: DecodedBatch, left: Uint8Array): Map<number, Window> {
  const byStart = new Map<number, number[]>();
  for (let i = 0; i < batch.count; i++) {
    if (left[i] !== 0) continue;
    const startMs = tumblingWindowStart(batch.timeMs[i]);
    const entries = byStart.get(startMs);
    if (entries === undefined) byStart.set(startMs, [i]);
    else entries.push(i);
  }
  const counters = keyedDimensions(batch).map((keyed) => ({ keyed, counts: new PlaceCounts(keyed) }));
  const hashes = Float64Array.from(batch.columns.host.dict, hashHost);
  const windows = new Map<number, Window>();
  for (const [startMs, entries] of byStart) {
    const window = emptyWindow();
    countNumbers(window, batch, startMs, entries);
    for (const { keyed, counts } of counters) {
      counts.count(batch, entries);
      counts.flush(window.breakdown.tops[keyed.dimension]);
    }
    countSketches(window.breakdown, batch, entries, hashes);
    pruneBreakdown(window.breakdown, SECONDS_PER_WINDOW);
    windows.set(startMs, window);
  }
  return windows;
}
