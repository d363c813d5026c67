import { combinedLine, logTime } from '../simulator/combined.js';
import { writeTexts } from '../simulator/file.js';
import { trafficAt } from '../simulator/traffic.js';
import { trafficOf } from './traffic.js';

/** Traffic that is made once, and then comes again and again. */
const BLOCK_S = 3_600;
/** Stands where a line has its time. */
const TIME = '\0'.repeat(logTime(0).length);

/**
 * Writes a Combined log of at least so many bytes that ends now: an hour's traffic over and over, each time at its own
 * times. Gigabytes are made in about the time that it takes to write them. Returns its lines.
 */
export async function writeLongLog(path: string, bytes: number, linesPerSecond: number): Promise<number> {
  const spec = trafficOf(linesPerSecond);
  const block = Array.from({ length: BLOCK_S }, (_, second) =>
    trafficAt(second, spec).map((request) => combinedLine(request, TIME)),
  );
  const lines = block.flat();
  const times = Math.ceil(bytes / (lines.join('\n').length + 1));
  const startMs = (Math.floor(Date.now() / 1_000) - times * BLOCK_S) * 1_000;
  const texts = block.map((linesOfSecond) => linesOfSecond.join('\n'));
  await writeTexts(path, timed(texts, times, startMs));
  return times * lines.length;
}

/** The texts of seconds, so many times over. */
function* timed(texts: readonly string[], times: number, startMs: number): Generator<string> {
  for (let i = 0; i < times * texts.length; i++) {
    const text = texts[i % texts.length];
    if (text !== '') yield text.replaceAll(TIME, logTime(startMs + i * 1_000));
  }
}
