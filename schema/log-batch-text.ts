/**
 * The JSON of a LogBatch as `JSON.stringify` writes it and `hlm agent` sends it, from typed arrays and into them: most of it are
 * numbers, and neither a value nor a text is made of them.
 */

import { BATCH_ENTRIES_MAX, type DecodedBatch, decodeLogBatch, TEXT_COLUMNS, type TypedBatch } from './log-batch.js';
import type { BuiltBatch } from './log-batch-builder.js';

const ROOM_MIN = 4_096;
/** Characters of a number at most, with its comma: `-2.2250738585072014e-308,`. */
const NUMBER_LENGTH_MAX = 25;
/** Digits that are a whole number in a double, whatever they are. */
const DIGITS_MAX = 15;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Keys and what is around them, in the order in which they come. */
const BEFORE_COUNT = '{"version":1,"count":';
const BEFORE_BASE = ',"base":';
const BEFORE_TIME = ',"time":';
const BEFORE_STATUS = ',"status":';
const BEFORE_BYTES = ',"bytes":';
const BEFORE_DURATION = ',"duration":';
const BEFORE_COLUMNS = ',"columns":{';
const BEFORE_INDEX = ',"index":';
const END = '}}';

/** Writes the JSON of batches, one after the other into the same memory. */
export class BatchTextWriter {
  private bytes = new Uint8Array(ROOM_MIN);
  private at = 0;

  /** The JSON of a batch, until the next one is written. */
  write({ count, base, time, status, bytes, duration, columns }: BuiltBatch): Uint8Array {
    this.at = 0;
    this.text(BEFORE_COUNT + count + BEFORE_BASE + JSON.stringify(base));
    this.list(BEFORE_TIME, time);
    this.list(BEFORE_STATUS, status);
    this.list(BEFORE_BYTES, bytes);
    if (duration) this.list(BEFORE_DURATION, duration);
    this.text(BEFORE_COLUMNS);
    let comma = '';
    for (const name of TEXT_COLUMNS) {
      const column = columns[name];
      if (column === undefined) continue;
      this.text(`${comma}"${name}":{"dict":`);
      this.reserve(column.dict.length);
      this.bytes.set(column.dict, this.at);
      this.at += column.dict.length;
      this.list(BEFORE_INDEX, column.index);
      this.text('}');
      comma = ',';
    }
    this.text(END);
    return this.bytes.subarray(0, this.at);
  }

  private reserve(size: number): void {
    if (this.at + size <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.at + size));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }

  private text(text: string): void {
    // Three bytes a UTF-16 unit at most.
    this.reserve(text.length * 3);
    this.at += encoder.encodeInto(text, this.bytes.subarray(this.at)).written;
  }

  private list(key: string, numbers: Float64Array | Int32Array): void {
    this.text(key);
    this.reserve(2 + numbers.length * NUMBER_LENGTH_MAX);
    const { bytes } = this;
    let at = this.at;
    bytes[at++] = OPEN_BRACKET;
    for (let i = 0; i < numbers.length; i++) {
      if (i > 0) bytes[at++] = COMMA;
      const number = numbers[i];
      if ((number | 0) === number) at = writeInteger(bytes, at, number);
      else for (const character of JSON.stringify(number)) bytes[at++] = character.charCodeAt(0);
    }
    bytes[at++] = CLOSE_BRACKET;
    this.at = at;
  }
}

/** Writes a whole number of 32 bits; returns where it ends. */
function writeInteger(bytes: Uint8Array, from: number, value: number): number {
  let at = from;
  let rest = value;
  if (rest < 0) {
    bytes[at++] = MINUS;
    rest = -rest;
  }
  const end = at + digitsOf(rest);
  for (let place = end - 1; place >= at; place--) {
    const tenth = Math.floor(rest / 10);
    bytes[place] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return end;
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  return digits;
}

/** A batch that came as JSON of this form. */
export class BatchText {
  private read: DecodedBatch | null = null;

  private constructor(private readonly typed: TypedBatch) {}

  /**
   * Null: no JSON, no LogBatch, or one of another form.
   *
   * @param text UTF-8
   */
  static read(text: Uint8Array): BatchText | null {
    const typed = new Reader(text).batch();
    return typed && new BatchText(typed);
  }

  /** Within messages: it may have hundreds of thousands of numbers. */
  toJSON(): object {
    return { version: this.typed.version, count: this.typed.count };
  }

  /** @throws InvalidLogBatchError as `decodeLogBatch` does. */
  get decoded(): DecodedBatch {
    return (this.read ??= decodeLogBatch(this.typed));
  }
}

/** Reads from the front; once something is other than expected, `isOther`, and what is read is worth nothing. */
class Reader {
  private at = 0;
  private isOther = false;

  constructor(private readonly bytes: Uint8Array) {}

  batch(): TypedBatch | null {
    this.expect(BEFORE_COUNT);
    const count = this.integer();
    this.expect(BEFORE_BASE);
    const base = this.integer();
    if (this.isOther || count < 0 || count > BATCH_ENTRIES_MAX) return null;
    const list = <Numbers extends Int32Array | Float64Array>(key: string, into: Numbers) => {
      this.expect(key);
      return this.list(into);
    };
    const time = list(BEFORE_TIME, new Float64Array(count));
    const status = list(BEFORE_STATUS, new Int32Array(count));
    const bytes = list(BEFORE_BYTES, new Float64Array(count));
    const duration = this.stands(BEFORE_DURATION) ? list(BEFORE_DURATION, new Float64Array(count)) : undefined;
    const columns = this.columns(count);
    if (this.isOther || this.at !== this.bytes.length) return null;
    return { version: 1, count, base, time, status, bytes, ...(duration ? { duration } : {}), columns };
  }

  private columns(count: number): TypedBatch['columns'] {
    const columns: TypedBatch['columns'] = {};
    this.expect(BEFORE_COLUMNS);
    let comma = '';
    for (const name of TEXT_COLUMNS) {
      const key = `${comma}"${name}":{"dict":`;
      if (this.isOther || !this.stands(key)) continue;
      this.expect(key);
      const dict = this.texts();
      this.expect(BEFORE_INDEX);
      columns[name] = { dict, index: this.list(new Int32Array(count)) };
      this.expect('}');
      comma = ',';
    }
    this.expect(END);
    return columns;
  }

  /** Whether this comes next. */
  private stands(text: string, from = this.at): boolean {
    for (let i = 0; i < text.length; i++) if (this.bytes[from + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  private expect(text: string): void {
    if (!this.stands(text)) this.isOther = true;
    this.at += text.length;
  }

  /** A whole number as JSON has it. */
  private integer(): number {
    const { bytes } = this;
    const isNegative = bytes[this.at] === MINUS;
    const from = isNegative ? this.at + 1 : this.at;
    let value = 0;
    let at = from;
    for (let byte = bytes[at]; byte >= ZERO && byte <= NINE; byte = bytes[++at]) value = value * 10 + byte - ZERO;
    if (at === from || at - from > DIGITS_MAX || (bytes[from] === ZERO && at > from + 1)) this.isOther = true;
    this.at = at;
    return isNegative ? -value : value;
  }

  /** A list of as many whole numbers as there is room for; of others it is read as any JSON. */
  private list<Numbers extends Int32Array | Float64Array>(into: Numbers): Numbers {
    if (this.isOther) return into;
    const from = this.at;
    this.expect('[');
    for (let i = 0; i < into.length && !this.isOther; i++) {
      if (i > 0) this.expect(',');
      const value = this.integer();
      into[i] = value;
      // More than 32 bits hold.
      if (into[i] !== value) this.isOther = true;
    }
    if (!this.isOther && this.stands(']')) this.at++;
    else this.anyNumbers(from, into);
    return into;
  }

  private anyNumbers(from: number, into: Int32Array | Float64Array): void {
    const end = this.bytes.indexOf(CLOSE_BRACKET, from);
    const numbers = this.value(from, end);
    this.isOther = !(into instanceof Float64Array && areNumbers(numbers, into.length));
    if (!this.isOther)
      (numbers as (number | null)[]).forEach((number, i) => {
        into[i] = number ?? Number.NaN;
      });
    this.at = end + 1;
  }

  /** A list up to where an index follows: what is within is none, or it would not be JSON so far. */
  private texts(): string[] {
    if (this.isOther) return [];
    const from = this.at;
    let end = this.bytes.indexOf(CLOSE_BRACKET, from);
    while (end >= 0 && !this.stands(BEFORE_INDEX, end + 1)) end = this.bytes.indexOf(CLOSE_BRACKET, end + 1);
    const texts = this.value(from, end);
    if (!Array.isArray(texts)) this.isOther = true;
    this.at = end + 1;
    return texts as string[];
  }

  /** The JSON value that is `bytes[from, end]`; undefined: none. */
  private value(from: number, end: number): unknown {
    try {
      return end < 0 ? undefined : JSON.parse(decoder.decode(this.bytes.subarray(from, end + 1)));
    } catch {
      return undefined;
    }
  }
}

function areNumbers(value: unknown, count: number): boolean {
  return (
    Array.isArray(value) && value.length === count && value.every((each) => each === null || typeof each === 'number')
  );
}
