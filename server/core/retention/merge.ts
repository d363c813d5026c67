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

/** An entry of a batch. */
export interface EntryPlace {
  batch: DecodedBatch;
  place: number;
}

/** An entry that is merged. */
interface Place extends EntryPlace {
  origins: Origins;
}

/** One batch of the stored entries of several, none of which is in two, in the order of their origins. */
export function mergeBatches(sources: readonly Mergeable[]): { wire: LogBatch; origins: Origins } {
  const places = placesOf(sources);
  const origins = originsOf(0, places.length);
  places.forEach(({ origins: own, place }, i) => {
    origins.from[i] = own.from[place];
    origins.ordinal[i] = own.ordinal[place];
  });
  return { wire: batchAt(places), origins };
}

/** One batch of these entries, in this order; each is a valid one. */
export function batchAt(places: readonly EntryPlace[]): LogBatch {
  const timeMs = places.map(({ batch, place }) => batch.timeMs[place]);
  const columns: LogBatch['columns'] = {};
  for (const name of TEXT_COLUMNS) {
    const column = textsAt(places, name);
    if (column.dict.length > 0) columns[name] = column;
  }
  const wire: LogBatch = {
    version: 1,
    count: places.length,
    base: timeMs[0] ?? 0,
    time: timeMs.map((time, i) => (i === 0 ? 0 : time - timeMs[i - 1])),
    status: places.map(({ batch, place }) => batch.status[place]),
    bytes: places.map(({ batch, place }) => batch.bytes[place]),
    columns,
  };
  const durations = places.map(durationAt);
  if (durations.some((duration) => duration !== null)) wire.duration = durations;
  return wire;
}

function placesOf(sources: readonly Mergeable[]): Place[] {
  const places: Place[] = [];
  for (const { batch, origins, left } of sources) {
    for (let place = 0; place < batch.count; place++) if (left[place] === 0) places.push({ batch, origins, place });
  }
  return places.sort(byOrigin);
}

function byOrigin(a: Place, b: Place): number {
  return a.origins.from[a.place] - b.origins.from[b.place] || a.origins.ordinal[a.place] - b.origins.ordinal[b.place];
}

function durationAt({ batch, place }: EntryPlace): number | null {
  const durationMs = batch.durationMs?.[place] ?? Number.NaN;
  return Number.isNaN(durationMs) ? null : durationMs;
}

/** A text is looked up once for each dictionary that has it. */
function textsAt(places: readonly EntryPlace[], name: TextColumnName): TextColumn {
  const merged: TextColumn = { dict: [], index: [] };
  const byText = new Map<string, number>();
  const byOwn = new Map<DecodedBatch, Int32Array>();
  let [of, known]: [DecodedBatch | null, Int32Array] = [null, new Int32Array(0)];
  for (const { batch, place } of places) {
    const { dict, index } = batch.columns[name];
    if (batch !== of) {
      of = batch;
      known = byOwn.get(batch) ?? new Int32Array(dict.length + 1);
      byOwn.set(batch, known);
    }
    const own = index[place];
    if (own !== 0 && known[own] === 0) {
      known[own] = byText.get(dict[own - 1]) ?? merged.dict.push(dict[own - 1]);
      byText.set(dict[own - 1], known[own]);
    }
    merged.index.push(known[own]);
  }
  return merged;
}
