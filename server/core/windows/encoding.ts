import { ByteReader, ByteWriter } from './bytes.js';
import { SECONDS_PER_WINDOW } from './tumbling.js';
import { addKey, type SecondColumns, STATUS_CLASSES, type Tops } from './window.js';

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

/** The seconds' column: ten numbers of bytes, a bit for each status class that has hits, ten numbers for each of these. */
export function encodeSeconds(seconds: SecondColumns): Buffer {
  const writer = new ByteWriter(64);
  for (const bytes of seconds.bytes) writer.number(bytes);
  const present = seconds.status.map((column) => column.some((hits) => hits > 0));
  writer.number(present.reduce((bits, is, i) => bits + (is ? 2 ** i : 0), 0));
  seconds.status.forEach((column, i) => {
    if (present[i]) for (const hits of column) writer.number(hits);
  });
  return writer.finish();
}

export function decodeSeconds(column: Buffer): SecondColumns {
  const reader = new ByteReader(column);
  const read = () => Array.from({ length: SECONDS_PER_WINDOW }, () => reader.number());
  const bytes = read();
  const bits = reader.number();
  const zeros = () => new Array<number>(SECONDS_PER_WINDOW).fill(0);
  return { bytes, status: STATUS_CLASSES.map((_, i) => (Math.floor(bits / 2 ** i) % 2 === 1 ? read() : zeros())) };
}
