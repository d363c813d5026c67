const BITS_28 = 2 ** 28;

/**
 * Puts a whole number from 0 to 2^53 − 1 at a place of a buffer, as LEB128: eight bytes at most.
 *
 * @returns the place behind it
 */
export function putNumber(into: Buffer, from: number, value: number): number {
  let [at, rest] = [from, value];
  if (rest >= BITS_28) {
    // Shifts take 32 bits: the lowest 28 first, 25 at most are left.
    const high = Math.floor(rest / BITS_28);
    const low = rest - high * BITS_28;
    for (let shift = 0; shift < 28; shift += 7) into[at++] = ((low >>> shift) & 0x7f) | 0x80;
    rest = high;
  }
  while (rest >= 0x80) {
    into[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[at++] = rest;
  return at;
}

/** Writes whole numbers as LEB128 variable-length integers (DWARF 5 §7.6) and texts as UTF-8 behind their length. */
export class ByteWriter {
  private buffer: Buffer;
  private at = 0;

  constructor(sizeHint = 256) {
    this.buffer = Buffer.allocUnsafe(sizeHint);
  }

  private reserve(size: number): void {
    if (this.at + size <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.at + size));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }

  /** A whole number from 0 to 2^53 − 1. */
  number(value: number): void {
    this.reserve(8);
    this.at = putNumber(this.buffer, this.at, value);
  }

  /** Any number, as a double (IEEE 754 binary64, little-endian). */
  float(value: number): void {
    this.reserve(8);
    this.at = this.buffer.writeDoubleLE(value, this.at);
  }

  text(value: string): void {
    // Three bytes a UTF-16 unit at most.
    const sizeMax = value.length * 3;
    if (sizeMax < 0x80) {
      this.reserve(sizeMax + 1);
      const size = this.buffer.write(value, this.at + 1, 'utf8');
      this.buffer[this.at] = size;
      this.at += size + 1;
      return;
    }
    const size = Buffer.byteLength(value);
    this.number(size);
    this.reserve(size);
    this.at += this.buffer.write(value, this.at, 'utf8');
  }

  finish(): Buffer {
    return this.buffer.subarray(0, this.at);
  }
}

/** Reads what ByteWriter wrote. */
export class ByteReader {
  private at = 0;

  constructor(private readonly buffer: Buffer) {}

  get done(): boolean {
    return this.at >= this.buffer.length;
  }

  number(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.buffer[this.at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    for (let scale = BITS_28; ; scale *= 0x80) {
      const byte = this.buffer[this.at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  byte(): number {
    return this.buffer[this.at++];
  }

  /** So many bytes as they are. */
  bytes(size: number): Buffer {
    this.at += size;
    return this.buffer.subarray(this.at - size, this.at);
  }

  /** All bytes that are left. */
  rest(): Buffer {
    return this.bytes(this.buffer.length - this.at);
  }

  float(): number {
    this.at += 8;
    return this.buffer.readDoubleLE(this.at - 8);
  }

  text(): string {
    const size = this.number();
    const value = this.buffer.toString('utf8', this.at, this.at + size);
    this.at += size;
    return value;
  }
}
