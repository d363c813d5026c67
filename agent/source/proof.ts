import { createHash } from 'node:crypto';
import { PROOF_BYTES } from './tail.js';

/** A hash of some bytes, as the server keeps it. */
export interface Digest {
  length: number;
  /** Hexadecimal. */
  sha256: string;
}

/** Where a stream stands, as the server says, with proof of which file it is. */
export interface Checkpoint {
  id: string;
  name: string;
  position: number;
  /** Of the file's first bytes. */
  head: Digest | null;
  /** Of the bytes that end at the position. */
  tail: Digest | null;
}

/** The stream of standard input, which is never gone on with. */
export const STDIN_NAME = 'stdin';

/** A file that can be read at any place. `bytes` gives fewer where the file is shorter. */
export interface ProvableFile {
  name: string;
  sizeBytes: number;
  bytes(from: number, to: number): Promise<Buffer>;
}

/**
 * Bytes before the position that must agree for a file to be known under another name.
 *
 * Short files have much in common (a CSV header has 68 bytes); a stream taken for another's would skip or fence it.
 */
const OTHER_NAME_TAIL_BYTES_MIN = 128;

export function digestOf(bytes: Buffer): Digest {
  return { length: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

async function holds(file: ProvableFile, digest: Digest, from: number): Promise<boolean> {
  if (from < 0 || digest.length < 0 || digest.length > PROOF_BYTES || from + digest.length > file.sizeBytes)
    return false;
  const found = digestOf(await file.bytes(from, from + digest.length));
  return found.length === digest.length && found.sha256 === digest.sha256;
}

/**
 * Whether the file is the one that the checkpoint speaks of.
 *
 * Its head and the bytes before the position must be those that the server has the hashes of. A stream that has taken
 * in nothing yet has no tail, and one opened on an empty file no head; with neither, the name must do.
 */
export async function isProven(file: ProvableFile, checkpoint: Checkpoint): Promise<boolean> {
  const { head, tail, position } = checkpoint;
  if (position > file.sizeBytes) return false;
  const sameName = checkpoint.name === file.name;
  const hasHead = head !== null && head.length !== 0;
  const hasTail = tail !== null && tail.length !== 0;
  if (!sameName && (checkpoint.name === STDIN_NAME || !hasTail || tail.length < OTHER_NAME_TAIL_BYTES_MIN))
    return false;
  if (position > 0 && !hasHead && !hasTail) return false;
  if (hasHead && !(await holds(file, head, 0))) return false;
  return !hasTail || (await holds(file, tail, position - tail.length));
}

/**
 * Finds each file's checkpoint: by the file's index, or null where it is new to the server.
 *
 * Files with the same content each prove the same checkpoints: each checkpoint goes to one file, those of its own name
 * first, then those that are furthest on.
 */
export async function matchCheckpoints(
  files: readonly ProvableFile[],
  checkpoints: readonly Checkpoint[],
): Promise<(Checkpoint | null)[]> {
  const pairs: { file: number; checkpoint: Checkpoint; sameName: boolean }[] = [];
  for (const [index, file] of files.entries()) {
    for (const checkpoint of checkpoints) {
      if (!(await isProven(file, checkpoint))) continue;
      pairs.push({ file: index, checkpoint, sameName: checkpoint.name === file.name });
    }
  }
  pairs.sort((a, b) => Number(b.sameName) - Number(a.sameName) || b.checkpoint.position - a.checkpoint.position);
  const found: (Checkpoint | null)[] = files.map(() => null);
  const taken = new Set<string>();
  for (const { file, checkpoint } of pairs) {
    if (found[file] !== null || taken.has(checkpoint.id)) continue;
    found[file] = checkpoint;
    taken.add(checkpoint.id);
  }
  return found;
}
