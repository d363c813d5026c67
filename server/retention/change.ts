import { filterProblem, type LogFilter } from '../core/retention/filter.js';
import type { WindowKeep, WindowKeeps } from '../core/rollup/floors.js';
import { badInput } from '../errors.js';

const DAY_SECONDS = 86_400;
const KEEP_SECONDS_MIN = 60;
/** So that the partitions of raw entries stay few. */
const KEEP_SECONDS_MAX = 400 * DAY_SECONDS;
/** Alert rules look back a day over the finest windows. */
const WINDOW_KEEP_SECONDS_MIN = 2 * DAY_SECONDS;
const POLICIES_MAX = 50;
const NAME_LENGTH_MAX = 200;
const RESOLUTIONS = ['10', '60', '3600', '86400'];
const FOR_EVER: WindowKeep = { keep: null, keepBreakdowns: null };

/** Of one resolution, seconds: undefined leaves as it is, null is for ever. */
export interface WindowKeepChange {
  resolution: number;
  keep?: number | null;
  keepBreakdowns?: number | null;
}

/** What a change says; absent leaves as it is. */
export interface RetentionChange {
  policies?: readonly { name: string; filter: LogFilter; agentIds: readonly string[]; keepSeconds: number }[];
  defaultSeconds?: number;
  windows?: readonly WindowKeepChange[];
}

/** @throws ApiError BAD_USER_INPUT where what it says of raw entries is out of range. */
export function checkLogs({ policies = [], defaultSeconds }: RetentionChange): void {
  if (defaultSeconds !== undefined) checkKeep('defaultLogs', defaultSeconds);
  if (policies.length > POLICIES_MAX) throw badInput(`There are ${policies.length} policies; at most ${POLICIES_MAX}.`);
  for (const { name, filter, keepSeconds } of policies) {
    if (name.trim() === '' || name.length > NAME_LENGTH_MAX || name.includes('\0'))
      throw badInput(`A policy's name must have 1 to ${NAME_LENGTH_MAX} characters.`);
    checkKeep(`keepLogs of ${name}`, keepSeconds);
    const problem = filterProblem(filter);
    if (problem !== null) throw badInput(`The filter of ${name}: ${problem}.`);
  }
}

function checkKeep(what: string, seconds: number): void {
  if (seconds < KEEP_SECONDS_MIN || seconds > KEEP_SECONDS_MAX)
    throw badInput(`${what} must be a minute to 400 days (PT1M to P400D).`);
}

/**
 * How long windows are kept after a change.
 *
 * @throws ApiError BAD_USER_INPUT where that is too short, or shorter than what is made of them.
 */
export function changedWindows(before: WindowKeeps, changes: readonly WindowKeepChange[]): WindowKeeps {
  const windows = { ...before };
  for (const { resolution, keep, keepBreakdowns } of changes) {
    const known = windows[resolution] ?? FOR_EVER;
    windows[resolution] = {
      keep: keep === undefined ? known.keep : keep,
      keepBreakdowns: keepBreakdowns === undefined ? known.keepBreakdowns : keepBreakdowns,
    };
  }
  checkWindows(windows);
  return windows;
}

/** Coarser windows are made of finer ones: they are kept as long, or longer. */
function checkWindows(windows: WindowKeeps): void {
  let [keepBefore, breakdownsBefore] = [0, 0];
  for (const resolution of RESOLUTIONS) {
    const keep = windows[resolution]?.keep ?? Number.POSITIVE_INFINITY;
    const keepBreakdowns = windows[resolution]?.keepBreakdowns ?? keep;
    const where = `windows of ${resolution} seconds`;
    if (keep < WINDOW_KEEP_SECONDS_MIN) throw badInput(`keep of ${where} must be two days (P2D) or more.`);
    if (keepBreakdowns < KEEP_SECONDS_MIN * 60)
      throw badInput(`keepBreakdowns of ${where} must be an hour (PT1H) or more.`);
    if (keepBreakdowns > keep) throw badInput(`keepBreakdowns of ${where} must not be longer than keep.`);
    if (keep < keepBefore || keepBreakdowns < breakdownsBefore)
      throw badInput(`${where} must be kept as long as finer ones, or longer: they are made of them.`);
    [keepBefore, breakdownsBefore] = [keep, keepBreakdowns];
  }
}
