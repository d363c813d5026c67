import { NONE, sectionOf, splitTarget } from '../../../schema/entry.js';
import type { DecodedBatch, TextColumnName } from '../../../schema/log-batch.js';
import { addKey, emptyTops, mergeTops, pruneTops, type Tops } from '../sketches/tops.js';
import { addressesOf, type CountColumns, encodeCounted, encodeTops, type ListedKeys } from '../sketches/tops-column.js';
import type { Dimension } from './breakdown.js';

/** A dimension as places in a list of keys: entry `i` counts for `keys[place[i] - 1]`, for none where 0. */
export interface Keyed extends ListedKeys {
  dimension: Dimension;
  places: Int32Array;
  /** Two texts of a dictionary may have become one by cleaning: then the second adds to the first. */
  hasTwins: boolean;
}

const listed = (keys: string[]): ListedKeys => ({ keys, addresses: addressesOf(keys) });

function textDimension(batch: DecodedBatch, dimension: Dimension, name: TextColumnName): Keyed {
  const { dict, index } = batch.columns[name];
  return { ...listed(dict), dimension, places: index, hasTwins: new Set(dict).size < dict.length };
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
  return { ...listed(keys), dimension, places: index.map((place) => placeOf[place]), hasTwins: false };
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
  return { ...listed(keys), dimension: 'STATUS', places, hasTwins: false };
}

/** All of them, of a batch. */
export function keyedDimensions(batch: DecodedBatch): Keyed[] {
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

/**
 * Counts by place, in arrays that serve every window of every batch: no hash map per line, and nothing to be made for a
 * batch. What is counted is flushed at once, so that two never meet in them.
 */
export class PlaceCounts implements CountColumns {
  hits = new Float64Array(0);
  bytes = new Float64Array(0);
  clientErrors = new Float64Array(0);
  serverErrors = new Float64Array(0);
  private touched: number[] = [];

  count({ keys, places }: Keyed, batch: DecodedBatch, entries: Int32Array): void {
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
    const column = encodeCounted(keyed, touched, this);
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
