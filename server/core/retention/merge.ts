import {
  type DecodedBatch,
  TEXT_COLUMNS,
  type TextColumnName,
  type TypedTextColumn,
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
export function mergeBatches(sources: readonly Mergeable[]): { batch: DecodedBatch; origins: Origins } {
  const places = placesOf(sources);
  const origins = originsOf(0, places.length);
  places.forEach(({ origins: own, place }, i) => {
    origins.from[i] = own.from[place];
    origins.ordinal[i] = own.ordinal[place];
  });
  return { batch: batchAt(places), origins };
}

/** One batch of these entries, in this order; each is a valid one. */
export function batchAt(places: readonly EntryPlace[]): DecodedBatch {
  const count = places.length;
  const timeMs = new Float64Array(count);
  const status = new Int32Array(count);
  const bytes = new Float64Array(count);
  const durations = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const { batch, place } = places[i];
    timeMs[i] = batch.timeMs[place];
    status[i] = batch.status[place];
    bytes[i] = batch.bytes[place];
    durations[i] = batch.durationMs?.[place] ?? Number.NaN;
  }
  const durationMs = durations.every(Number.isNaN) ? null : durations;
  const columns = {} as DecodedBatch['columns'];
  for (const name of TEXT_COLUMNS) columns[name] = textsAt(places, name);
  return { count, timeMs, status, bytes, durationMs, columns, invalid: new Uint8Array(count), invalidCount: 0 };
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

/** A text is looked up once for each dictionary that has it. */
function textsAt(places: readonly EntryPlace[], name: TextColumnName): TypedTextColumn {
  const merged = { dict: [] as string[], index: new Int32Array(places.length) };
  const byText = new Map<string, number>();
  const byOwn = new Map<DecodedBatch, Int32Array>();
  let [of, known]: [DecodedBatch | null, Int32Array] = [null, new Int32Array(0)];
  for (let i = 0; i < places.length; i++) {
    const { batch, place } = places[i];
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
    merged.index[i] = known[own];
  }
  return merged;
}
