import {
  cleanText,
  type Entry,
  type LogBatch,
  TARGET_LENGTH_MAX,
  TEXT_COLUMNS,
  TEXT_LENGTH_MAX,
  type TextColumnName,
} from './log-batch.js';
import { TextDictionary } from './text-dictionary.js';

/** A string column whose dictionary is written down, as JSON in UTF-8. */
interface WrittenColumn {
  dict: Uint8Array;
  index: Int32Array;
}

/** What a builder has collected, as it stands there. */
export interface BuiltBatch {
  count: number;
  /** As in LogBatch. */
  base: number;
  time: Float64Array;
  status: Int32Array;
  bytes: Float64Array;
  /** NaN where an entry has none; null: none has one. */
  duration: Float64Array | null;
  columns: Partial<Record<TextColumnName, WrittenColumn>>;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Entries that there is room for at first; doubled as it takes. */
const ROOM_MIN = 64;

/** Collects the texts of one column: of each entry none, until it is given one. */
class ColumnBuilder {
  private readonly dictionary = new TextDictionary();
  private index = new Int32Array(ROOM_MIN);
  private last = -1;

  constructor(private readonly lengthMax: number) {}

  /** Entry `i`, which is the next one, has none so far. There must be room. */
  addNone(i: number): void {
    this.index[i] = 0;
    this.last = i;
  }

  /** The last entry's text, instead of none. */
  setLast(text: string): void {
    this.index[this.last] = this.dictionary.placeOf(cleanText(text, this.lengthMax));
  }

  /**
   * The same of the text that is `bytes[from, to)`, no longer than the column keeps.
   *
   * @param bytes ASCII there that can be seen, but no quote and no backslash
   * @param hash of its characters, by `hashNext`
   */
  setLastBytes(bytes: Uint8Array, from: number, to: number, hash: number): void {
    this.index[this.last] = this.dictionary.placeOfBytes(bytes, from, to, hash);
  }

  makeRoom(size: number): void {
    this.index = copied(this.index, new Int32Array(size));
  }

  /** Undefined: no entry has a text. */
  built(): WrittenColumn | undefined {
    const { dictionary, index, last } = this;
    return dictionary.size === 0 ? undefined : { dict: dictionary.json(), index: index.subarray(0, last + 1) };
  }

  clear(): void {
    this.dictionary.clear();
    this.last = -1;
  }
}

/** Collects entries into one batch after the other, in memory that serves all of them. */
export class LogBatchBuilder {
  /** What the last entry's texts are given to. */
  readonly columns = Object.fromEntries(
    TEXT_COLUMNS.map((name) => [name, new ColumnBuilder(name === 'target' ? TARGET_LENGTH_MAX : TEXT_LENGTH_MAX)]),
  ) as Record<TextColumnName, ColumnBuilder>;
  /** The same, to go through: by name that takes several times as long. */
  private readonly all = Object.values(this.columns);
  private size = 0;
  private base = 0;
  private previousMs = 0;
  private time = new Float64Array(ROOM_MIN);
  private status = new Int32Array(ROOM_MIN);
  private bytes = new Float64Array(ROOM_MIN);
  private duration = new Float64Array(ROOM_MIN);
  private hasDuration = false;

  /** Entries so far. */
  get count(): number {
    return this.size;
  }

  add(entry: Entry): void {
    this.addRow(entry.timeMs, entry.status, entry.bytes, entry.durationMs);
    for (const name of TEXT_COLUMNS) {
      const text = entry[name];
      if (text !== null) this.columns[name].setLast(text);
    }
  }

  /** An entry without texts, which `columns` take. Units as in `Entry`. */
  addRow(timeMs: number, status: number, bytes: number, durationMs: number | null): void {
    const i = this.size;
    if (i === this.time.length) this.makeRoom(i * 2);
    if (i === 0) this.base = this.previousMs = timeMs;
    this.time[i] = timeMs - this.previousMs;
    this.previousMs = timeMs;
    this.status[i] = status;
    this.bytes[i] = bytes;
    this.duration[i] = durationMs ?? Number.NaN;
    if (durationMs !== null) this.hasDuration = true;
    for (let k = 0; k < this.all.length; k++) this.all[k].addNone(i);
    this.size++;
  }

  private makeRoom(size: number): void {
    this.time = copied(this.time, new Float64Array(size));
    this.status = copied(this.status, new Int32Array(size));
    this.bytes = copied(this.bytes, new Float64Array(size));
    this.duration = copied(this.duration, new Float64Array(size));
    for (const column of this.all) column.makeRoom(size);
  }

  /** What was collected, until the builder is cleared, or given more. */
  built(): BuiltBatch {
    const { size, base } = this;
    const columns: BuiltBatch['columns'] = {};
    for (const name of TEXT_COLUMNS) {
      const column = this.columns[name].built();
      if (column) columns[name] = column;
    }
    return {
      count: size,
      base,
      time: this.time.subarray(0, size),
      status: this.status.subarray(0, size),
      bytes: this.bytes.subarray(0, size),
      duration: this.hasDuration ? this.duration.subarray(0, size) : null,
      columns,
    };
  }

  /** What was collected, by itself. */
  build(): LogBatch {
    const { count, base, time, status, bytes, duration, columns } = this.built();
    const column = ({ dict, index }: WrittenColumn) => ({ dict: JSON.parse(decoder.decode(dict)), index: [...index] });
    return {
      version: 1,
      count,
      base,
      time: [...time],
      status: [...status],
      bytes: [...bytes],
      ...(duration ? { duration: Array.from(duration, (ms) => (Number.isNaN(ms) ? null : ms)) } : {}),
      columns: Object.fromEntries(Object.entries(columns).map(([name, built]) => [name, column(built)])),
    };
  }

  /** For the next batch. */
  clear(): void {
    this.size = 0;
    this.base = 0;
    this.hasDuration = false;
    for (const column of this.all) column.clear();
  }
}

function copied<Numbers extends Int32Array | Float64Array>(from: Numbers, into: Numbers): Numbers {
  into.set(from);
  return into;
}

/** A batch of these entries. */
export function batchOf(entries: Iterable<Entry>): LogBatch {
  const builder = new LogBatchBuilder();
  for (const entry of entries) builder.add(entry);
  return builder.build();
}
