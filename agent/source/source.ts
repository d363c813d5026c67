import type { Line, LineBytes } from './lines.js';
import type { Digest } from './proof.js';

/**
 * What became of an attempt to read further: `data`: there may be lines; `idle`: none for now; `end`: there will be no
 * more; `replaced`: this is no longer the content read so far (truncated, overwritten).
 */
export type ReadState = 'data' | 'idle' | 'end' | 'replaced';

/** One ordered source of lines: a file, standard input. */
export interface Source {
  /** The stream's name: a file's absolute path, or `stdin`. */
  readonly name: string;
  /** As the user named it. */
  readonly label: string;
  /** An old file: not modified for long when it was opened. */
  readonly old: boolean;
  /** It can be read again from an earlier position. */
  readonly seekable: boolean;
  /** Where the last line given ends. */
  readonly position: number;
  /** The next line already read. */
  next(): Line | null;
  /** Its bytes, where they lie in one piece; null too where there is none. `take` takes it. */
  peek(): LineBytes | null;
  /** Takes the line that `peek` has shown. */
  take(): void;
  /** Reads further; call it when `next` gives null. */
  read(): Promise<ReadState>;
  /** Resolves when there may be more to read, or after `timeoutMs`. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<void>;
  /** Of the bytes before `position`. */
  tail(): Digest;
  /** Bytes of complete lines from `acknowledged` on. */
  backlogBytes(acknowledged: number): Promise<number>;
  /** Goes on from there. */
  seek(position: number): Promise<void>;
  close(): Promise<void>;
}
