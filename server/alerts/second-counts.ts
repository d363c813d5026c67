import type { SecondCounts } from '../core/alerts/decide.js';
import { decodeSeconds } from '../core/windows/encoding.js';
import { SECONDS_PER_WINDOW } from '../core/windows/tumbling.js';
import { hitsBySecond } from '../core/windows/window.js';

const CLIENT_ERROR = 3;
const SERVER_ERROR = 4;

/** Counts of a window's seconds that are not zero, ascending. */
export function secondCountsOf(startMs: number, column: Buffer): SecondCounts[] {
  const seconds = decodeSeconds(column);
  const hits = hitsBySecond(seconds);
  const counts: SecondCounts[] = [];
  for (let i = 0; i < SECONDS_PER_WINDOW; i++) {
    if (hits[i] === 0) continue;
    const { bytes, status } = seconds;
    const [clientErrors, serverErrors] = [status[CLIENT_ERROR][i], status[SERVER_ERROR][i]];
    counts.push({ second: startMs / 1_000 + i, hits: hits[i], bytes: bytes[i], clientErrors, serverErrors });
  }
  return counts;
}
