import { isAscii } from 'node:buffer';
import { TailBytes } from './tail.js';

/** Bytes of a line that are decoded; what lies beyond is left out, so that a line without end costs no memory. */
export const LINE_BYTES_MAX = 65_536;

/** Lines of a chunk that are decoded one by one before many are together. */
const TEXTS_BEFORE_PIECES = 8;
/**
 * Bytes that are decoded together. More cost more: V8 asks the system for memory anew for each text above 128 KiB, which takes
 * longer than reading and parsing it.
 */
const PIECE_BYTES = 65_536;
const LINE_FEED = 10;
const EMPTY = Buffer.alloc(0);

/** One line without its line feed, which is at `to - 1` unless the source ended without one. */
export interface Line {
  text: string;
  /** Positions in the raw source: the line's bytes are [from, to). */
  from: number;
  to: number;
  /** It was longer than LINE_BYTES_MAX. */
  cut: boolean;
}

/** The bytes [from, to) of a line without its line feed, not taken yet; valid until the next call. */
export interface LineBytes {
  bytes: Buffer;
  from: number;
  to: number;
}

/** As UTF-8, bytes that are none becoming U+FFFD; NUL too, which PostgreSQL's text refuses. */
function decode(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;
}

/**
 * Splits bytes into lines, whatever chunks they come in; lines are split on 0x0A before decoding.
 *
 * `next` gives the complete lines of what was pushed; push again once it gives null.
 */
export class LineSplitter {
  private chunk: Buffer = EMPTY;
  private chunkFrom: number;
  /** Lines of the chunk that were decoded by themselves: most may be read by their bytes. */
  private texts = 0;
  /**
   * The chunk's bytes [pieceFrom, pieceTo) decoded together, where one character is one byte: the common case, and several
   * times as fast. Null where it is not so.
   */
  private piece: string | null = null;
  private pieceFrom = 0;
  private pieceTo = 0;
  /** In the chunk: where the next line, or its part in this chunk, begins. */
  private at = 0;
  /** The beginning of a line whose end is not read yet, up to LINE_BYTES_MAX of it. */
  private carried: Buffer[] = [];
  private carriedBytes = 0;
  private lineFrom: number;
  private ended = false;
  private readonly ahead: LineBytes = { bytes: EMPTY, from: 0, to: 0 };
  private readonly tailBytes: TailBytes;

  /** @param before the bytes that end at `position`, as many as a tail has. */
  constructor(position: number, before: Buffer = EMPTY) {
    this.chunkFrom = position;
    this.lineFrom = position;
    this.tailBytes = new TailBytes(before);
  }

  /** Where the last line given ends. */
  get position(): number {
    return this.lineFrom;
  }

  /** Where the next chunk begins. */
  get readTo(): number {
    return this.chunkFrom + this.chunk.length;
  }

  /** The last bytes of the lines given, before `position`. */
  get tail(): Buffer {
    return this.tailBytes.endingAt(this.chunk, this.lineFrom - this.chunkFrom);
  }

  /** The last bytes pushed, before `readTo`. */
  get readTail(): Buffer {
    return this.tailBytes.beforeNext(this.chunk);
  }

  push(chunk: Buffer): void {
    this.tailBytes.pass(this.chunk, this.lineFrom - this.chunkFrom);
    const rest = this.chunk.length - this.at;
    const wanted = Math.min(rest, LINE_BYTES_MAX - Math.min(this.carriedBytes, LINE_BYTES_MAX));
    if (wanted > 0) this.carried.push(Buffer.from(this.chunk.subarray(this.at, this.at + wanted)));
    this.carriedBytes += rest;
    this.chunkFrom += this.chunk.length;
    this.chunk = chunk;
    this.at = 0;
    this.texts = this.pieceFrom = this.pieceTo = 0;
  }

  /** Nothing will be pushed any more: the bytes after the last line feed are a line as well. True where there are any. */
  end(): boolean {
    this.ended = true;
    return this.lineFrom < this.readTo;
  }

  /** The next line's bytes, where they lie in one piece and are not too many; `take` takes it. */
  peek(): LineBytes | null {
    const { chunk, at, ahead } = this;
    if (this.carriedBytes > 0) return null;
    const feed = chunk.indexOf(LINE_FEED, at);
    if (feed < 0 || feed - at > LINE_BYTES_MAX) return null;
    ahead.bytes = chunk;
    ahead.from = at;
    ahead.to = feed;
    return ahead;
  }

  /** Takes the line that `peek` has shown. */
  take(): void {
    this.at = this.ahead.to + 1;
    this.lineFrom = this.chunkFrom + this.at;
  }

  next(): Line | null {
    const { chunk, at } = this;
    let feed = this.nextFeed();
    let after = feed + 1;
    if (feed < 0) {
      if (!this.ended || this.carriedBytes + chunk.length - at === 0) return null;
      feed = after = chunk.length;
    }
    const from = this.lineFrom;
    const to = this.chunkFrom + after;
    const cut = this.carriedBytes + feed - at > LINE_BYTES_MAX;
    const text = this.textTo(feed);
    this.at = after;
    this.lineFrom = to;
    return { text, from, to, cut };
  }

  private nextFeed(): number {
    const { chunk, at, piece, pieceFrom, pieceTo } = this;
    const feed = piece !== null && at < pieceTo ? piece.indexOf('\n', at - pieceFrom) : -1;
    return feed < 0 ? chunk.indexOf(LINE_FEED, at) : feed + pieceFrom;
  }

  private textTo(feed: number): string {
    const { chunk, at } = this;
    if (this.carriedBytes > 0) {
      const room = LINE_BYTES_MAX - Math.min(this.carriedBytes, LINE_BYTES_MAX);
      const bytes = Buffer.concat([...this.carried, chunk.subarray(at, Math.min(feed, at + room))]);
      this.carried = [];
      this.carriedBytes = 0;
      return decode(bytes);
    }
    const end = Math.min(feed, at + LINE_BYTES_MAX);
    if (end > this.pieceTo && ++this.texts > TEXTS_BEFORE_PIECES) this.decodePiece();
    const { piece, pieceFrom, pieceTo } = this;
    return piece === null || end > pieceTo
      ? decode(chunk.subarray(at, end))
      : piece.slice(at - pieceFrom, end - pieceFrom);
  }

  private decodePiece(): void {
    this.pieceFrom = this.at;
    this.pieceTo = Math.min(this.at + PIECE_BYTES, this.chunk.length);
    const bytes = this.chunk.subarray(this.pieceFrom, this.pieceTo);
    this.piece = isAscii(bytes) ? bytes.toString('latin1').replaceAll('\0', '\ufffd') : null;
  }
}
