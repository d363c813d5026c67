/** Bytes of a file's head, and of those before a position, that prove which file it is. */
export const PROOF_BYTES = 1_024;

function last(bytes: Buffer): Buffer {
  return bytes.length <= PROOF_BYTES ? bytes : bytes.subarray(bytes.length - PROOF_BYTES);
}

/** Keeps the last PROOF_BYTES bytes before the end of the last line given, and before the end of what was read. */
export class TailBytes {
  /** Before the chunk at hand. */
  private beforeChunk: Buffer;
  /** Before the last line's end, where that does not lie in the chunk at hand. */
  private beforeLineEnd: Buffer;

  constructor(before: Buffer) {
    this.beforeChunk = this.beforeLineEnd = last(before);
  }

  /** The tail at `offset` of the chunk at hand; a negative offset is the last line's end in an earlier chunk. */
  endingAt(chunk: Buffer, offset: number): Buffer {
    return offset >= 0 ? this.joined(chunk.subarray(0, offset)) : this.beforeLineEnd;
  }

  beforeNext(chunk: Buffer): Buffer {
    return this.joined(chunk);
  }

  /** The chunk at hand has been read, with the last line's end at `offset`. */
  pass(chunk: Buffer, offset: number): void {
    // Copies, so that 1 KiB does not hold on to a whole chunk.
    this.beforeLineEnd = Buffer.from(this.endingAt(chunk, offset));
    this.beforeChunk = Buffer.from(this.joined(chunk));
  }

  private joined(bytes: Buffer): Buffer {
    return bytes.length >= PROOF_BYTES ? last(bytes) : last(Buffer.concat([this.beforeChunk, bytes]));
  }
}
