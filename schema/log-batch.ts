/**
 * `LogBatch`: many entries in columns, the one form in which they travel and are computed on.
 * docs/INGEST.md specifies it for those who write agents of their own.
 */

/** Entries of one batch at most: the unit of a chunk; larger ones delay their acknowledgement without packing better. */
export const BATCH_ENTRIES_MAX = 8_192;
/** Characters of a target that are kept: longer ones are attacks, and 4 KiB is what common servers accept. */
export const TARGET_LENGTH_MAX = 4_096;
/** Characters kept of every other string. */
export const TEXT_LENGTH_MAX = 1_024;
/** Bytes of one response at most, 8 TiB: sums of a thousand of them are still exact in a double. */
export const ENTRY_BYTES_MAX = 2 ** 43;
/** Response time at most, one year in milliseconds. */
export const ENTRY_DURATION_MS_MAX = 31_536_000_000;

/** A string column: `index[i]` is 0 where entry `i` has none, else 1 + the place of its text in `dict`. */
export interface TextColumn {
  dict: string[];
  index: number[];
}

export const TEXT_COLUMNS = ['host', 'user', 'method', 'target', 'protocol', 'referrer', 'userAgent'] as const;
export type TextColumnName = (typeof TEXT_COLUMNS)[number];

/** The wire form, JSON. Columns all have `count` places. */
export interface LogBatch {
  version: 1;
  count: number;
  /** Milliseconds since the epoch. */
  base: number;
  /** Milliseconds: the first entry's less `base`, then each one's less the entry's before it. */
  time: number[];
  /** 0 where there is none. */
  status: number[];
  bytes: number[];
  /** Milliseconds; absent where the format has none, null where an entry has none. */
  duration?: (number | null)[];
  /** Absent columns are empty: no entry has a text. `host` must be there. */
  columns: Partial<Record<TextColumnName, TextColumn>>;
}

/** A string column with its index as a typed array. */
export interface TypedTextColumn {
  dict: string[];
  index: Int32Array;
}

/** A LogBatch with its numbers in typed arrays; a duration is NaN where an entry has none. */
export interface TypedBatch {
  version: 1;
  count: number;
  base: number;
  time: Float64Array;
  status: Int32Array;
  bytes: Float64Array;
  duration?: Float64Array;
  columns: Partial<Record<TextColumnName, TypedTextColumn>>;
}

/** One entry as parsed; null where the line has none. */
export interface Entry {
  /** Event time, milliseconds since the epoch. */
  timeMs: number;
  host: string;
  user: string | null;
  /** Null with `target` where the request line is none. */
  method: string | null;
  target: string | null;
  protocol: string | null;
  /** 0 where there is none. */
  status: number;
  bytes: number;
  durationMs: number | null;
  referrer: string | null;
  userAgent: string | null;
}

/** A decoded batch: columns as typed arrays, dictionaries sanitized. */
export interface DecodedBatch {
  count: number;
  timeMs: Float64Array;
  status: Int32Array;
  bytes: Float64Array;
  /** NaN where there is none; null where no entry has one. */
  durationMs: Float64Array | null;
  columns: Record<TextColumnName, TypedTextColumn>;
  /** 1 where an entry's own values cannot be (negative bytes, a status of 1,000 …): counted as malformed. */
  invalid: Uint8Array;
  invalidCount: number;
}

/** The batch as a whole cannot be read: a mistake of the agent's, not of a line's. */
export class InvalidLogBatchError extends Error {
  override name = 'InvalidLogBatchError';
}

/** NUL (which PostgreSQL's text refuses) and lone surrogates (which are no text) become U+FFFD; cut at `lengthMax`. */
export function cleanText(text: string, lengthMax: number): string {
  const cut = text.length > lengthMax ? text.slice(0, lengthMax) : text;
  const wellFormed = (cut as string & { toWellFormed(): string }).toWellFormed();
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '\ufffd') : wellFormed;
}

function fail(message: string): never {
  throw new InvalidLogBatchError(`LogBatch: ${message}`);
}

/** A value within a message: whatever it is, and however long. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 40);
}

/** Numbers of a batch before they are checked. */
type NumberList = readonly number[] | Int32Array | Float64Array;

function numbers(value: unknown, name: string, count: number): NumberList {
  if (!Array.isArray(value) && !(value instanceof Int32Array) && !(value instanceof Float64Array))
    fail(`${name} must be a list`);
  if (value.length !== count) fail(`${name} has ${value.length} places, count says ${count}`);
  return value;
}

const EMPTY_COLUMN = { dict: [], index: [] };

function decodeColumn(value: unknown, name: TextColumnName, count: number): TypedTextColumn {
  if (value === undefined || value === null) {
    if (name === 'host' && count > 0) fail('columns.host is required');
    return { ...EMPTY_COLUMN, index: new Int32Array(count) };
  }
  const { dict, index } = value as Partial<TextColumn>;
  if (!Array.isArray(dict)) fail(`columns.${name}.dict must be a list`);
  const lengthMax = name === 'target' ? TARGET_LENGTH_MAX : TEXT_LENGTH_MAX;
  const texts = dict.map((text, at) =>
    typeof text === 'string' ? cleanText(text, lengthMax) : fail(`columns.${name}.dict[${at}] is not a string`),
  );
  const raw = numbers(index, `columns.${name}.index`, count);
  const places = raw instanceof Int32Array ? raw : new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const place = raw[i];
    if (!Number.isInteger(place) || place < 0 || place > texts.length) {
      fail(`columns.${name}.index[${i}] is ${shown(place)}, not within 0 to ${texts.length}`);
    }
    places[i] = place;
  }
  return { dict: texts, index: places };
}

/**
 * Reads and checks a batch in one pass.
 *
 * What is wrong with a single entry's numbers marks that entry `invalid`; what is wrong with the batch's form refuses it.
 *
 * @param value of JSON; or a TypedBatch, whose arrays are the result's from then on
 * @throws InvalidLogBatchError naming the place.
 */
export function decodeLogBatch(value: unknown): DecodedBatch {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail('must be an object');
  const batch = value as Partial<LogBatch>;
  if (batch.version !== 1) fail(`version ${shown(batch.version)} is not known; this server reads 1`);
  const count = batch.count as number;
  if (!Number.isInteger(count) || count < 0) fail('count must be a whole number from 0');
  if (count > BATCH_ENTRIES_MAX) fail(`${count} entries are more than ${BATCH_ENTRIES_MAX}`);
  if (!Number.isFinite(batch.base)) fail('base must be a number');
  if (typeof batch.columns !== 'object' || batch.columns === null) fail('columns must be an object');
  const deltas = numbers(batch.time, 'time', count);
  const statuses = numbers(batch.status, 'status', count);
  const sizes = numbers(batch.bytes, 'bytes', count);
  const durations = batch.duration === undefined ? null : numbers(batch.duration, 'duration', count);
  const columns = {} as DecodedBatch['columns'];
  for (const name of TEXT_COLUMNS) columns[name] = decodeColumn(batch.columns[name], name, count);

  const timeMs = deltas instanceof Float64Array ? deltas : new Float64Array(count);
  const status = statuses instanceof Int32Array ? statuses : new Int32Array(count);
  const bytes = sizes instanceof Float64Array ? sizes : new Float64Array(count);
  const durationMs = durations && new Float64Array(count).fill(Number.NaN);
  const invalid = new Uint8Array(count);
  let invalidCount = 0;
  let at = batch.base as number;
  for (let i = 0; i < count; i++) {
    if (!Number.isFinite(deltas[i])) fail(`time[${i}] must be a number`);
    at += deltas[i];
    timeMs[i] = Math.floor(at);
    const code = statuses[i];
    const size = sizes[i];
    const given = durations?.[i] ?? null;
    const duration = Number.isNaN(given) ? null : given;
    const valid =
      Number.isInteger(code) &&
      code >= 0 &&
      code <= 999 &&
      Number.isInteger(size) &&
      size >= 0 &&
      size <= ENTRY_BYTES_MAX &&
      (duration === null || (Number.isFinite(duration) && duration >= 0 && duration <= ENTRY_DURATION_MS_MAX)) &&
      columns.host.index[i] !== 0;
    if (!valid) {
      invalid[i] = 1;
      invalidCount++;
      status[i] = bytes[i] = 0;
      continue;
    }
    status[i] = code;
    bytes[i] = size;
    if (durationMs && duration !== null) durationMs[i] = duration;
  }
  return { count, timeMs, status, bytes, durationMs, columns, invalid, invalidCount };
}

/** Entry `i` of a decoded batch. */
export function entryAt(batch: DecodedBatch, i: number): Entry {
  const text = (name: TextColumnName): string | null => {
    const { dict, index } = batch.columns[name];
    return index[i] === 0 ? null : dict[index[i] - 1];
  };
  const durationMs = batch.durationMs?.[i] ?? Number.NaN;
  return {
    timeMs: batch.timeMs[i],
    host: text('host') ?? NO_HOST,
    user: text('user'),
    method: text('method'),
    target: text('target'),
    protocol: text('protocol'),
    status: batch.status[i],
    bytes: batch.bytes[i],
    durationMs: Number.isNaN(durationMs) ? null : durationMs,
    referrer: text('referrer'),
    userAgent: text('userAgent'),
  };
}

const NO_HOST = '-';
