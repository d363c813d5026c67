import { type DecodedBatch, TEXT_COLUMNS } from '../../../schema/log-batch.js';
import { ByteReader, putNumber } from '../windows/bytes.js';

/** A batch as bytes: its texts and its numbers apart, since what packs the ones well does not pack the others. */
export interface PackedBatch {
  /** JSON, UTF-8: of each of TEXT_COLUMNS, in their order, its distinct texts. */
  texts: Buffer;
  /**
   * LEB128, column by column: how many entries; times (ms), each less the one before it, as 2n, or −2n − 1 below 0; statuses;
   * bytes; how durations are written, and these; then of each column that has texts, its index.
   */
  numbers: Buffer;
}

/** Further from the epoch, milliseconds, no entry is taken in: what is written of one that was not counts for nothing. */
const TIME_MAX = 2 ** 50;
const NUMBER_BYTES_MAX = 8;
/** How durations are written: there are none; as thousandths and 1 more, 0 where an entry has none; as doubles, NaN likewise. */
const DURATIONS = { NONE: 0, THOUSANDTHS: 1, DOUBLES: 2 };

/** Numbers are written here: it serves all batches. */
let scratch = Buffer.alloc(1 << 16);

export function packBatch(batch: DecodedBatch): PackedBatch {
  const dicts = TEXT_COLUMNS.map((name) => batch.columns[name].dict);
  return { texts: Buffer.from(JSON.stringify(dicts)), numbers: packNumbers(batch) };
}

function packNumbers({ count, timeMs, status, bytes, durationMs, columns }: DecodedBatch): Buffer {
  const size = NUMBER_BYTES_MAX * (2 + count * (4 + TEXT_COLUMNS.length));
  if (size > scratch.length) scratch = Buffer.alloc(size);
  const into = scratch;
  let at = putNumber(into, 0, count);
  at = putTimes(into, at, timeMs);
  at = putAll(into, at, status);
  at = putAll(into, at, bytes);
  at = putDurations(into, at, durationMs);
  for (const name of TEXT_COLUMNS) if (columns[name].dict.length > 0) at = putAll(into, at, columns[name].index);
  return Buffer.from(into.subarray(0, at));
}

function putTimes(into: Buffer, from: number, timeMs: Float64Array): number {
  let at = from;
  let before = 0;
  for (let i = 0; i < timeMs.length; i++) {
    const time = Math.min(Math.max(timeMs[i], -TIME_MAX), TIME_MAX);
    const step = time - before;
    at = putNumber(into, at, step < 0 ? -2 * step - 1 : 2 * step);
    before = time;
  }
  return at;
}

function putAll(into: Buffer, from: number, values: Int32Array | Float64Array): number {
  let at = from;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    // Most are so small, and need no call.
    if (value < 0x80) into[at++] = value;
    else at = putNumber(into, at, value);
  }
  return at;
}

function putDurations(into: Buffer, from: number, durations: Float64Array | null): number {
  if (durations === null) return putNumber(into, from, DURATIONS.NONE);
  const inThousandths = durations.every((ms) => Number.isNaN(ms) || thousandthsOf(ms) / 1_000 === ms);
  let at = putNumber(into, from, inThousandths ? DURATIONS.THOUSANDTHS : DURATIONS.DOUBLES);
  for (const ms of durations)
    if (!inThousandths) at = into.writeDoubleLE(ms, at);
    else at = putNumber(into, at, Number.isNaN(ms) ? 0 : thousandthsOf(ms) + 1);
  return at;
}

const thousandthsOf = (ms: number) => Math.round(ms * 1_000);

/** The batch again; of an entry that was not valid, nothing that matters. */
export function unpackBatch({ texts, numbers }: PackedBatch): DecodedBatch {
  const dicts = JSON.parse(texts.toString()) as string[][];
  const reader = new ByteReader(numbers);
  const count = reader.number();
  const timeMs = new Float64Array(count);
  for (let i = 0, time = 0; i < count; i++) {
    const code = reader.number();
    timeMs[i] = time += code % 2 === 0 ? code / 2 : -(code + 1) / 2;
  }
  const status = readAll(reader, new Int32Array(count));
  const bytes = readAll(reader, new Float64Array(count));
  const durationMs = readDurations(reader, count);
  const columns = {} as DecodedBatch['columns'];
  TEXT_COLUMNS.forEach((name, place) => {
    const index = new Int32Array(count);
    const dict = dicts[place];
    columns[name] = { dict, index: dict.length > 0 ? readAll(reader, index) : index };
  });
  return { count, timeMs, status, bytes, durationMs, columns, invalid: new Uint8Array(count), invalidCount: 0 };
}

function readAll<Numbers extends Int32Array | Float64Array>(reader: ByteReader, into: Numbers): Numbers {
  for (let i = 0; i < into.length; i++) into[i] = reader.number();
  return into;
}

function readDurations(reader: ByteReader, count: number): Float64Array | null {
  const kind = reader.number();
  if (kind === DURATIONS.NONE) return null;
  const durations = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const number = kind === DURATIONS.DOUBLES ? reader.float() : reader.number();
    durations[i] = kind === DURATIONS.DOUBLES ? number : number === 0 ? Number.NaN : (number - 1) / 1_000;
  }
  return durations;
}
