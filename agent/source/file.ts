import { type FSWatcher, watch } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { type Line, type LineBytes, LineSplitter } from './lines.js';
import { type Digest, digestOf, type ProvableFile } from './proof.js';
import type { ReadState, Source } from './source.js';
import { PROOF_BYTES } from './tail.js';

/** Bytes read at once: each read goes by another thread and back, which takes as long as parsing dozens of lines. */
const CHUNK_BYTES = 262_144;
/** The file system tells of changes, but not on every mount, nor for files written through another machine. */
const POLL_ACTIVE_MS = 100;
const POLL_QUIET_MS = 1_000;
/** So long after its last bytes a file counts as quiet. */
const ACTIVE_MS = 5_000;
const LINE_FEED = 10;

export interface FileSourceOptions {
  handle: FileHandle;
  name: string;
  label: string;
  old: boolean;
  /** Read to the end, not further. */
  once: boolean;
  monotonicMs: () => number;
}

/** Follows one open file from a position on. */
export class FileSource implements Source, ProvableFile {
  readonly name: string;
  readonly label: string;
  readonly old: boolean;
  readonly seekable = true;
  sizeBytes = 0;
  private splitter = new LineSplitter(0);
  private modifiedMs = 0;
  /** The time of change at which the bytes last proved to be those that were read. */
  private provenMs = 0;
  private atEnd = false;
  private activeUntilMs = 0;
  private watcher: FSWatcher | null = null;
  private watchTried = false;
  private changed = false;
  private wake: (() => void) | null = null;
  /** What the chunk at hand lies in, and what the next one is read into: they change places once it is at hand. */
  private held: Buffer | null = null;
  private spare: Buffer | null = null;

  constructor(private readonly options: FileSourceOptions) {
    this.name = options.name;
    this.label = options.label;
    this.old = options.old;
  }

  get position(): number {
    return this.splitter.position;
  }

  next(): Line | null {
    return this.splitter.next();
  }

  peek(): LineBytes | null {
    return this.splitter.peek();
  }

  take(): void {
    this.splitter.take();
  }

  async read(): Promise<ReadState> {
    this.changed = false;
    const { readTo, readTail } = this.splitter;
    if (this.sizeBytes - readTo < CHUNK_BYTES) await this.look();
    if (this.sizeBytes < readTo) return 'replaced';
    const to = Math.min(readTo + CHUNK_BYTES, this.sizeBytes);
    if (to > readTo || this.modifiedMs !== this.provenMs) {
      // Truncated and grown again since the last look: only the bytes themselves tell.
      const from = readTo - readTail.length;
      const buffer = (this.spare ??= Buffer.allocUnsafeSlow(PROOF_BYTES + CHUNK_BYTES));
      const bytes = await this.readInto(buffer, from, to);
      if (!readTail.equals(bytes.subarray(0, readTail.length))) return 'replaced';
      // Where there are fewer than were seen: looks again.
      if (bytes.length < to - from) this.sizeBytes = from + bytes.length;
      this.provenMs = this.modifiedMs;
      if (to > readTo) {
        this.splitter.push(bytes.subarray(readTail.length));
        [this.held, this.spare] = [buffer, this.held];
      }
    }
    this.atEnd = to === readTo;
    if (this.atEnd) {
      if (!this.options.once) return 'idle';
      return this.splitter.end() ? 'data' : 'end';
    }
    this.activeUntilMs = this.options.monotonicMs() + ACTIVE_MS;
    return 'data';
  }

  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    this.watch();
    if (this.changed || signal.aborted) return;
    const pollMs = this.options.monotonicMs() < this.activeUntilMs ? POLL_ACTIVE_MS : POLL_QUIET_MS;
    await new Promise<void>((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        this.wake = null;
        resolve();
      };
      const timer = setTimeout(finish, Math.min(timeoutMs, pollMs));
      signal.addEventListener('abort', finish);
      this.wake = finish;
    });
  }

  tail(): Digest {
    return digestOf(this.splitter.tail);
  }

  async backlogBytes(acknowledged: number): Promise<number> {
    await this.look();
    const end = this.atEnd && this.sizeBytes === this.splitter.readTo ? this.splitter.position : this.sizeBytes;
    return Math.max(0, end - acknowledged);
  }

  async seek(position: number): Promise<void> {
    const before = await this.bytes(Math.max(0, position - PROOF_BYTES), position);
    this.splitter = new LineSplitter(position, before);
    this.atEnd = false;
  }

  async close(): Promise<void> {
    this.watcher?.close();
    await this.options.handle.close();
  }

  /** Where the last complete line ends. */
  async lastLineEnd(): Promise<number> {
    await this.look();
    for (let to = this.sizeBytes; to > 0; to -= CHUNK_BYTES) {
      const from = Math.max(0, to - CHUNK_BYTES);
      const feed = (await this.bytes(from, to)).lastIndexOf(LINE_FEED);
      if (feed >= 0) return from + feed + 1;
    }
    return 0;
  }

  /** Of the first bytes. */
  async head(): Promise<Digest> {
    return digestOf(await this.bytes(0, PROOF_BYTES));
  }

  /** Fewer bytes where the file is shorter. */
  async bytes(from: number, to: number): Promise<Buffer> {
    return this.readInto(Buffer.allocUnsafe(to - from), from, to);
  }

  private async readInto(buffer: Buffer, from: number, to: number): Promise<Buffer> {
    let length = 0;
    while (length < to - from) {
      const { bytesRead } = await this.options.handle.read(buffer, length, to - from - length, from + length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  }

  /** Looks at the file's size and time of change. */
  async look(): Promise<void> {
    const stat = await this.options.handle.stat();
    this.sizeBytes = stat.size;
    this.modifiedMs = stat.mtimeMs;
  }

  private watch(): void {
    if (this.watchTried) return;
    this.watchTried = true;
    try {
      this.watcher = watch(this.name, { persistent: false }, () => {
        this.changed = true;
        this.wake?.();
      });
      this.watcher.on('error', () => this.watcher?.close());
    } catch {
      // No watches left, or a file system without them: polling does.
    }
  }
}
