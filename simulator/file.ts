import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { combinedLine, logTime } from './combined.js';
import { requestsAt } from './rate.js';
import { first, requestsFrom, type TrafficSpec } from './traffic.js';

/** Characters gathered before a write: large enough to be fast, small enough to need no memory. */
const WRITE_LENGTH = 1 << 20;

/** Seconds that `lines` lines take. */
export function secondsOf(lines: number, { seed, rateScale }: TrafficSpec): number {
  let second = 0;
  for (let count = 0; count < lines; second++) count += requestsAt(second, seed, rateScale);
  return second;
}

/** The lines of a run that begins at `startMs`, without end. */
export function* linesFrom(startMs: number, spec: TrafficSpec): Generator<string, never> {
  const requests = requestsFrom(startMs, spec);
  for (;;) {
    const { timeMs, request } = requests.next().value;
    yield combinedLine(request, logTime(timeMs));
  }
}

/** Writes the first `lines` lines of a run to a file of their own, as fast as they can be made. */
export async function writeLines(path: string, lines: number, startMs: number, spec: TrafficSpec): Promise<void> {
  await writeTexts(path, first(lines, linesFrom(startMs, spec)));
}

/** Writes texts to a file of their own, each as a line. */
export async function writeTexts(path: string, texts: Iterable<string>): Promise<void> {
  await pipeline(Readable.from(blocks(texts), { highWaterMark: 1 }), createWriteStream(path));
}

function* blocks(texts: Iterable<string>): Generator<string> {
  let block = '';
  for (const text of texts) {
    block += `${text}\n`;
    if (block.length < WRITE_LENGTH) continue;
    yield block;
    block = '';
  }
  yield block;
}
