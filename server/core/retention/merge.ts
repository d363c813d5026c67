import {
  type DecodedBatch,
  type LogBatch,
  TEXT_COLUMNS,
  type TextColumn,
  type TextColumnName,
} from '../../../schema/log-batch.js';
import { type Origins, originsOf } from './origins.js';

/** Entries of a batch, where they came from, and 1 where one is not stored. */
export interface Mergeable {
  batch: DecodedBatch;
  origins: Origins;
  left: Uint8Array;
}

/** Where an entry is. */
interface Place {
  source: Mergeable;
  place: number;
}

/** One batch of the stored entries of several, none of which is in two, in the order of their origins. */
export function mergeBatches(sources: readonly Mergeable[]): { wire: LogBatch; origins: Origins } {
  const places = placesOf(sources);
  const timeMs = places.map(({ source, place }) => source.batch.timeMs[place]);
  const columns: LogBatch['columns'] = {};
  for (const name of TEXT_COLUMNS) {
    const column = mergedTexts(places, name);
    if (column.dict.length > 0) columns[name] = column;
  }
  const wire: LogBatch = {
    version: 1,
    count: places.length,
    base: timeMs[0] ?? 0,
    time: timeMs.map((time, i) => (i === 0 ? 0 : time - timeMs[i - 1])),
    status: places.map(({ source, place }) => source.batch.status[place]),
    bytes: places.map(({ source, place }) => source.batch.bytes[place]),
    columns,
  };
  if (sources.some(({ batch }) => batch.durationMs !== null)) wire.duration = places.map(durationAt);
  const origins = originsOf(0, places.length);
  places.forEach(({ source, place }, i) => {
    origins.from[i] = source.origins.from[place];
    origins.ordinal[i] = source.origins.ordinal[place];
  });
  return { wire, origins };
}

function placesOf(sources: readonly Mergeable[]): Place[] {
  const places: Place[] = [];
  for (const source of sources) {
    for (let place = 0; place < source.batch.count; place++)
      if (source.left[place] === 0) places.push({ source, place });
  }
  return places.sort(byOrigin);
}

function byOrigin(a: Place, b: Place): number {
  const [of, other] = [a.source.origins, b.source.origins];
  return of.from[a.place] - other.from[b.place] || of.ordinal[a.place] - other.ordinal[b.place];
}

function durationAt({ source: { batch }, place }: Place): number | null {
  const durationMs = batch.durationMs?.[place] ?? Number.NaN;
  return Number.isNaN(durationMs) ? null : durationMs;
}

/** A text is looked up once for each dictionary that has it. */
function mergedTexts(places: readonly Place[], name: TextColumnName): TextColumn {
  const merged: TextColumn = { dict: [], index: [] };
  const byText = new Map<string, number>();
  const byOwn = new Map<DecodedBatch, Int32Array>();
  for (const { source, place } of places) {
    const { dict, index } = source.batch.columns[name];
    let known = byOwn.get(source.batch);
    if (known === undefined) byOwn.set(source.batch, (known = new Int32Array(dict.length + 1)));
    const own = index[place];
    if (own !== 0 && known[own] === 0) {
      known[own] = byText.get(dict[own - 1]) ?? merged.dict.push(dict[own - 1]);
      byText.set(dict[own - 1], known[own]);
    }
    merged.index.push(known[own]);
  }
  return merged;
}
