import { ByteReader, ByteWriter } from '../windows/bytes.js';

/** Places of entries in the batch as it came, ascending: each as its distance to the one before. */
export function encodeOrdinals(ordinals: readonly number[]): Buffer {
  const writer = new ByteWriter(ordinals.length + 8);
  let before = 0;
  for (const ordinal of ordinals) {
    writer.number(ordinal - before);
    before = ordinal;
  }
  return writer.finish();
}

export function decodeOrdinals(column: Buffer): number[] {
  const reader = new ByteReader(column);
  const ordinals: number[] = [];
  for (let ordinal = 0; !reader.done; ) {
    ordinal += reader.number();
    ordinals.push(ordinal);
  }
  return ordinals;
}
