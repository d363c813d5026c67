import { ByteReader, ByteWriter } from './bytes.js';
import { SECONDS_PER_WINDOW } from './tumbling.js';
import { addKey, type SecondColumns, type Tops } from './window.js';

/** A top's column: for each key its text, hits, bytes, 4xx, 5xx. */
export function encodeTops(tops: Tops): Buffer {
  const writer = new ByteWriter(64 + tops.size * 24);
  for (const [key, counts] of tops) {
    writer.text(key);
    writer.number(counts.hits);
    writer.number(counts.bytes);
    writer.number(counts.clientErrors);
    writer.number(counts.serverErrors);
  }
  return writer.finish();
}

/** Adds the keys of an encoded column to `tops`. */
export function decodeTopsInto(tops: Tops, column: Buffer): void {
  const reader = new ByteReader(column);
  while (!reader.done) {
    const key = reader.text();
    const [hits, bytes, clientErrors, serverErrors] = [
      reader.number(),
      reader.number(),
      reader.number(),
      reader.number(),
    ];
    addKey(tops, key, { hits, bytes, clientErrors, serverErrors });
  }
}

const SECOND_COLUMNS = ['hits', 'bytes', 'clientErrors', 'serverErrors'] as const;

/** The seconds' column: ten numbers each of hits, bytes, 4xx, 5xx. */
export function encodeSeconds(seconds: SecondColumns): Buffer {
  const writer = new ByteWriter(128);
  for (const name of SECOND_COLUMNS) for (const count of seconds[name]) writer.number(count);
  return writer.finish();
}

export function decodeSeconds(column: Buffer): SecondColumns {
  const reader = new ByteReader(column);
  const read = () => Array.from({ length: SECONDS_PER_WINDOW }, () => reader.number());
  return { hits: read(), bytes: read(), clientErrors: read(), serverErrors: read() };
}
