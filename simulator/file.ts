import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { combinedLine, logTime } from './combined.js';
import { requestsAt } from './rate.js';
import { type TrafficSpec, trafficAt } from './traffic.js';

/** Characters gathered before a write: large enough to be fast, small enough to need no memory. */
const WRITE_LENGTH = 1 << 20;

/** Seconds that `lines` lines take. */
export function secondsOf(lines: number, { seed, rateScale }: TrafficSpec): number {
  let second = 0;
  for (let count = 0; count < lines; second++) count += requestsAt(second, seed, rateScale);
  return second;
}

/** The lines of a run that begins at `startMs`, one second's after the other's, without end. */
export function* linesFrom(startMs: number, spec: TrafficSpec): Generator<string, never> {
  for (let second = 0; ; second++) {
    const time = logTime(startMs + second * 1_000);
    for (const request of trafficAt(second, spec)) yield combinedLine(request, time);
  }
}

/** Writes the first `lines` lines of a run to a file of their own, as fast as they can be made. */
export async function writeLines(path: string, lines: number, startMs: number, spec: TrafficSpec): Promise<void> {
  const out = createWriteStream(path);
  await once(out, 'open');
  const all = linesFrom(startMs, spec);
  let text = '';
  for (let written = 0; written < lines; written++) {
    text += `${all.next().value}\n`;
    if (text.length < WRITE_LENGTH) continue;
    if (!out.write(text)) await once(out, 'drain');
    text = '';
  }
  out.end(text);
  await finished(out);
}
