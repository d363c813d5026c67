import { BATCH_ENTRIES_MAX } from '../../schema/log-batch.js';
import { LogBatchBuilder } from '../../schema/log-batch-builder.js';
import { BatchTextWriter } from '../../schema/log-batch-text.js';
import { WrittenJson } from '../../schema/operations/written-json.js';
import type { ParsedLine, PlainClfReader } from '../parse/index.js';
import { type Digest, LINE_BYTES_MAX, type Line, type LineBytes } from '../source/index.js';

/** Rejections that a batch may carry, and characters of each one's sample: the API's limits. */
export const REJECTIONS_MAX = 20;
export const SAMPLE_LENGTH_MAX = 500;

/** Lines longer than this are looked at for what JSON writes in six characters. */
const SUSPECT_LENGTH = 256;
const PLAIN = /^[\x20-\x7e]*$/;
const JSON_ESCAPE_LENGTH = 6;

export interface BatchLimits {
  lines: number;
  bytes: number;
}

export interface Rejection {
  position: number;
  reason: string;
  sample: string;
}

/** What one call of ingestLogs carries: the lines of the source's bytes [from, to). */
export interface Batch {
  from: number;
  to: number;
  /** Of the last bytes before `to`. */
  tail: Digest;
  /** Entries of it. */
  count: number;
  /** The LogBatch: until it is released. */
  json: WrittenJson;
  /** Nobody reads its JSON any more. */
  release: () => void;
  malformed: number;
  skipped: number;
  rejections: Rejection[];
}

/** The server's limits, within the format's own. */
export function batchLimits(server: { batchEntries: number; batchBytes: number }): BatchLimits {
  return {
    lines: Math.max(1, Math.min(server.batchEntries, BATCH_ENTRIES_MAX)),
    bytes: Math.max(1, server.batchBytes),
  };
}

/** Cut without leaving half a surrogate pair. */
function sampleOf(text: string): string {
  return (text.slice(0, SAMPLE_LENGTH_MAX) as string & { toWellFormed(): string }).toWellFormed();
}

/** Bytes that a line may take up in the batch. */
function weightOf({ text, from, to }: Line): number {
  const length = Math.min(to - from, LINE_BYTES_MAX);
  return text.length <= SUSPECT_LENGTH || PLAIN.test(text) ? length : length * JSON_ESCAPE_LENGTH;
}

/** Texts that memory is kept for: as many as are under way at a time, and the next. */
const KEPT_MAX = 3;

/**
 * The memory that one batch after the other is made in: hundreds of kilobytes asked for anew for each took a twenty-fifth of the
 * agent's CPU.
 */
export class BatchRoom {
  /** Of the one batch that is being filled. */
  readonly builder = new LogBatchBuilder();
  private readonly kept: BatchTextWriter[] = [];

  /** Writes down what the builder has collected. */
  write(): Pick<Batch, 'count' | 'json' | 'release'> {
    const writer = this.kept.pop() ?? new BatchTextWriter();
    let isReleased = false;
    const release = () => {
      if (!isReleased && this.kept.length < KEPT_MAX) this.kept.push(writer);
      isReleased = true;
    };
    return { count: this.builder.count, json: new WrittenJson(writer.write(this.builder.built())), release };
  }
}

/** A batch being filled with lines that follow each other; one at a time in a room. */
export class BatchDraft {
  private readonly builder: LogBatchBuilder;
  private readonly rejections: Rejection[] = [];
  private malformed = 0;
  private skipped = 0;
  private weight = 0;
  private from = -1;
  private to = -1;

  constructor(
    private readonly limits: BatchLimits,
    private readonly room = new BatchRoom(),
  ) {
    this.builder = room.builder;
    this.builder.clear();
  }

  /** Every line counts, parsed or not. */
  get lines(): number {
    return this.builder.count + this.malformed + this.skipped;
  }

  get full(): boolean {
    return this.lines >= this.limits.lines || this.weight >= this.limits.bytes;
  }

  add(line: Line, parsed: ParsedLine): void {
    if (this.from < 0) this.from = line.from;
    this.to = line.to;
    this.weight += weightOf(line);
    if (parsed === null) this.skipped++;
    else if (typeof parsed !== 'string') this.builder.add(parsed);
    else {
      this.malformed++;
      if (this.rejections.length >= REJECTIONS_MAX) return;
      this.rejections.push({ position: line.from, reason: parsed, sample: sampleOf(line.text) });
    }
  }

  /**
   * Adds a line by its bytes, where it is a plain one.
   *
   * @param from its position in the source
   */
  addPlain(line: LineBytes, from: number, reader: PlainClfReader): boolean {
    if (!reader.read(line.bytes, line.from, line.to, this.builder)) return false;
    const length = line.to - line.from + 1;
    if (this.from < 0) this.from = from;
    this.to = from + length;
    this.weight += length;
    return true;
  }

  /** @param tail of the bytes before the last line's end. */
  build(tail: Digest): Batch {
    const { from, to, malformed, skipped, rejections } = this;
    return { from, to, tail, ...this.room.write(), malformed, skipped, rejections };
  }
}
