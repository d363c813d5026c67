import { ByteReader, ByteWriter } from '../windows/bytes.js';

/** Where each entry of a chunk came from: what its id is made of, whatever chunk it is moved to. */
export interface Origins {
  /** Position of the stream at which its batch began. */
  from: Float64Array;
  /** Its place in the batch as it came. */
  ordinal: Int32Array;
}

/** Origins as a chunk stores them, beside the position that its own key names. */
export interface OriginColumns {
  /** Null: all are of the key's batch. */
  parts: Buffer | null;
  /** Null: each batch's are its first, in order. */
  ordinals: Buffer | null;
}

/** Origins of a batch as it came. */
export function originsOf(from: number, count: number): Origins {
  return { from: new Float64Array(count).fill(from), ordinal: new Int32Array(count).map((_, place) => place) };
}

export function originsAt({ from, ordinal }: Origins, places: readonly number[]): Origins {
  return {
    from: Float64Array.from(places, (place) => from[place]),
    ordinal: Int32Array.from(places, (place) => ordinal[place]),
  };
}

/** Entries that follow each other, all of one batch. */
interface Run {
  from: number;
  /** Their places in the chunk, `[first, end)`. */
  first: number;
  end: number;
}

function runsOf({ from }: Origins): Run[] {
  const runs: Run[] = [];
  for (let first = 0; first < from.length; ) {
    let end = first + 1;
    while (end < from.length && from[end] === from[first]) end++;
    runs.push({ from: from[first], first, end });
    first = end;
  }
  return runs;
}

/** Batches in the order of their positions, and the entries of each in its own order: as distances to the one before. */
export function encodeOrigins(origins: Origins, keyFrom: number): OriginColumns {
  const { ordinal } = origins;
  const runs = runsOf(origins);
  const isOne = runs.length === 0 || (runs.length === 1 && runs[0].from === keyFrom);
  const isFirst = runs.every(({ first, end }) => ordinal[end - 1] === end - 1 - first);
  return {
    parts: isOne ? null : encodeParts(runs, keyFrom),
    ordinals: isFirst ? null : encodeOrdinals(runs, ordinal),
  };
}

function encodeParts(runs: readonly Run[], keyFrom: number): Buffer {
  const writer = new ByteWriter(runs.length * 4 + 8);
  let before = keyFrom;
  for (const { from, first, end } of runs) {
    writer.number(from - before);
    writer.number(end - first);
    before = from;
  }
  return writer.finish();
}

function encodeOrdinals(runs: readonly Run[], ordinal: Int32Array): Buffer {
  const writer = new ByteWriter(ordinal.length + 8);
  for (const { first, end } of runs) {
    for (let place = first; place < end; place++) {
      writer.number(place === first ? ordinal[place] : ordinal[place] - ordinal[place - 1]);
    }
  }
  return writer.finish();
}

/** Origins of a chunk's entries, of which its body holds `count`. */
export function decodeOrigins({ parts, ordinals }: OriginColumns, keyFrom: number, count: number): Origins {
  const origins = originsOf(keyFrom, count);
  const runs = parts === null ? [{ from: keyFrom, first: 0, end: count }] : decodeParts(parts, keyFrom);
  const reader = ordinals && new ByteReader(ordinals);
  for (const { from, first, end } of runs) {
    origins.from.fill(from, first, end);
    let before = 0;
    for (let place = first; place < end; place++) {
      before = reader === null ? place - first : before + reader.number();
      origins.ordinal[place] = before;
    }
  }
  return origins;
}

function decodeParts(parts: Buffer, keyFrom: number): Run[] {
  const reader = new ByteReader(parts);
  const runs: Run[] = [];
  for (let from = keyFrom, first = 0; !reader.done; ) {
    from += reader.number();
    const end = first + reader.number();
    runs.push({ from, first, end });
    first = end;
  }
  return runs;
}
