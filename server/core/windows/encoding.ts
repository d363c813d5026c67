import { ByteReader, ByteWriter } from './bytes.js';
import { SECONDS_PER_WINDOW } from './tumbling.js';
import { type SecondColumns, STATUS_CLASSES } from './window.js';

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
  const read = () => {
    const column = new Array<number>(SECONDS_PER_WINDOW);
    for (let i = 0; i < SECONDS_PER_WINDOW; i++) column[i] = reader.number();
    return column;
  };
  const bytes = read();
  const bits = reader.number();
  const zeros = () => new Array<number>(SECONDS_PER_WINDOW).fill(0);
  return { bytes, status: STATUS_CLASSES.map((_, i) => (Math.floor(bits / 2 ** i) % 2 === 1 ? read() : zeros())) };
}
