import type { SecondCounts } from '../core/alerts/decide.js';
import { decodeDurations, type RuleWindow } from '../core/alerts/rule-counts.js';
import { type BinCounts, binCountsOf } from '../core/sketches/value-bins.js';
import { decodeSeconds } from '../core/windows/encoding.js';
import { SECONDS_PER_WINDOW } from '../core/windows/tumbling.js';
import { hitsBySecond, type SecondColumns } from '../core/windows/window.js';

const CLIENT_ERROR = 3;
const SERVER_ERROR = 4;

/**
 * Counts of a window's seconds that are not zero, ascending.
 *
 * @param durations what a rule counted of response times; none where it counts none
 */
export function secondCountsOf(startMs: number, column: Buffer, durations?: Buffer): SecondCounts[] {
  return countsOf(startMs, decodeSeconds(column), durations?.length ? decodeDurations(durations) : null);
}

/** The same of a window that is decoded already. */
export function secondCountsOfWindow(startMs: number, window: RuleWindow): SecondCounts[] {
  return countsOf(startMs, window, window.durations?.map(binCountsOf) ?? null);
}

function countsOf(startMs: number, seconds: SecondColumns, durations: readonly BinCounts[] | null): SecondCounts[] {
  const hits = hitsBySecond(seconds);
  const { bytes, status } = seconds;
  const counts: SecondCounts[] = [];
  for (let i = 0; i < SECONDS_PER_WINDOW; i++) {
    if (hits[i] === 0) continue;
    const [clientErrors, serverErrors] = [status[CLIENT_ERROR][i], status[SERVER_ERROR][i]];
    const counted = { second: startMs / 1_000 + i, hits: hits[i], bytes: bytes[i], clientErrors, serverErrors };
    counts.push(durations === null ? counted : { ...counted, durations: durations[i] });
  }
  return counts;
}
