import type { Readable } from 'node:stream';
import { UserError } from '../../schema/user-error.js';
import { type Line, type LineBytes, LineSplitter } from './lines.js';
import { type Digest, digestOf, STDIN_NAME } from './proof.js';
import type { ReadState, Source } from './source.js';

/** Standard input: read once, from the start to its end. While nobody reads, its pipe holds the writer back. */
export class StdinSource implements Source {
  readonly name = STDIN_NAME;
  readonly label = STDIN_NAME;
  readonly old = false;
  readonly seekable = false;
  private readonly splitter = new LineSplitter(0);
  private ended = false;
  private error: Error | null = null;
  private wake: (() => void) | null = null;

  constructor(private readonly stream: Readable) {
    stream.on('readable', () => this.wake?.());
    stream.on('end', () => this.finish(null));
    stream.on('close', () => this.finish(null));
    stream.on('error', (error) => this.finish(error));
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
    const chunk: Buffer | null = this.stream.read();
    if (chunk !== null) {
      this.splitter.push(chunk);
      return 'data';
    }
    if (this.error) throw new UserError(`${STDIN_NAME}: cannot be read: ${this.error.message}`);
    if (!this.ended) return 'idle';
    return this.splitter.end() ? 'data' : 'end';
  }

  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.ended || this.stream.readableLength > 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        this.wake = null;
        resolve();
      };
      // The longest that setTimeout can: a pipe may be silent for days.
      const timer = setTimeout(finish, Math.min(timeoutMs, 2 ** 31 - 1));
      signal.addEventListener('abort', finish);
      this.wake = finish;
    });
  }

  tail(): Digest {
    return digestOf(this.splitter.tail);
  }

  async backlogBytes(acknowledged: number): Promise<number> {
    return this.splitter.position - acknowledged + this.stream.readableLength;
  }

  async seek(position: number): Promise<void> {
    throw new UserError(`${STDIN_NAME}: byte ${position} is wanted again, and standard input cannot be read twice`);
  }

  async close(): Promise<void> {
    this.stream.destroy();
  }

  private finish(error: Error | null): void {
    this.error ??= error;
    this.ended = true;
    this.wake?.();
  }
}
