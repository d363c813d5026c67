import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UserError } from '../../schema/user-error.js';
import { FileSource } from './file.js';
import { LineSplitter } from './lines.js';

/** An old file is one that was not modified for so long when it is opened (a rotated one, an archive). */
const OLD_AFTER_MS = 600_000;
/** Bytes of the head in which a file must show what it is. */
const HEAD_BYTES = 262_144;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

const TROUBLES: Record<string, string> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'no such file',
  ELOOP: 'too many symbolic links',
};

function trouble(label: string, error: unknown): UserError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new UserError(`${label}: ${TROUBLES[code ?? ''] ?? message}`);
}

export interface OpenFileOptions {
  once: boolean;
  wallMs: number;
  monotonicMs: () => number;
}

/**
 * Opens a file for reading and looks whether it can be a log at all.
 *
 * @throws UserError where it is missing, not readable, no regular file, compressed, or empty though read only once.
 */
export async function openFile(label: string, options: OpenFileOptions): Promise<FileSource> {
  const name = resolve(label);
  let handle: FileHandle | null = null;
  try {
    // Before opening, which would wait for a pipe's writer.
    const found = await stat(name);
    if (found.isDirectory()) throw new UserError(`${label}: is a directory`);
    if (!found.isFile()) throw new UserError(`${label}: is no regular file; pipe it to standard input and give -`);
    if (found.size === 0 && options.once) throw new UserError(`${label}: is empty`);
    handle = await open(name, 'r');
    const old = options.wallMs - found.mtimeMs > OLD_AFTER_MS;
    const { once, monotonicMs } = options;
    const source = new FileSource({ handle, name, label, old, once, monotonicMs });
    await source.look();
    return source;
  } catch (error) {
    await handle?.close();
    throw error instanceof UserError ? error : trouble(label, error);
  }
}

/** The first lines of a file. */
export interface Head {
  lines: string[];
  /** They are all that the file has. */
  whole: boolean;
  /** What it is instead of text, where it is not. */
  binary: string | null;
}

/** Reads the head of a file; a last line without its line feed counts where the file is read only once. */
export async function readHead(source: FileSource, once: boolean): Promise<Head> {
  const bytes = await source.bytes(0, Math.min(HEAD_BYTES, source.sizeBytes));
  const whole = bytes.length === source.sizeBytes;
  const splitter = new LineSplitter(0);
  splitter.push(bytes);
  if (whole && once) splitter.end();
  const lines: string[] = [];
  for (let line = splitter.next(); line !== null; line = splitter.next()) lines.push(line.text);
  let binary: string | null = null;
  if (bytes.subarray(0, 2).equals(GZIP_MAGIC))
    binary = 'is compressed with gzip; inflate it to standard input and give -';
  else if (bytes.includes(0)) binary = 'is no text';
  return { lines, whole, binary };
}
