import type { SecondCounts } from '../core/alerts/decide.js';
import { decodeSeconds } from '../core/windows/encoding.js';
import { SECONDS_PER_WINDOW } from '../core/windows/tumbling.js';
import { hitsBySecond, type SecondColumns } from '../core/windows/window.js';

const CLIENT_ERROR = 3;
const SERVER_ERROR = 4;

/** Counts of a window's seconds that are not zero, ascending. */
export function secondCountsOf(startMs: number, column: Buffer): SecondCounts[] {
  return secondCountsOfWindow(startMs, decodeSeconds(column));
}

/** The same of a window that is decoded already. */
export function secondCountsOfWindow(startMs: number, seconds: SecondColumns): SecondCounts[] {
  const hits = hitsBySecond(seconds);
  const { bytes, status } = seconds;
  const counts: SecondCounts[] = [];
  for (let i = 0; i < SECONDS_PER_WINDOW; i++) {
    if (hits[i] === 0) continue;
    const [clientErrors, serverErrors] = [status[CLIENT_ERROR][i], status[SERVER_ERROR][i]];
    counts.push({ second: startMs / 1_000 + i, hits: hits[i], bytes: bytes[i], clientErrors, serverErrors });
  }
  return counts;
}
