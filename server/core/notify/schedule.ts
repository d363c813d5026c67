/** When what could not be sent is tried again. Pure. Milliseconds. */

const FIRST_MS = 5_000;
const LONGEST_MS = 30 * 60_000;
/** So long it is tried; then it has failed, and says so. */
export const GIVE_UP_MS = 24 * 3_600_000;
/** A channel that failed so often in a row is left alone for a while. */
const BREAKS_AFTER = 5;
const BROKEN_FIRST_MS = 30_000;
const BROKEN_LONGEST_MS = 10 * 60_000;

/**
 * How long to wait after an attempt that failed: twice as long each time, up to half an hour, less up to half of it, so
 * that many do not come again together.
 *
 * @param attempt 1: the first
 * @param random from 0 up to 1
 * @param askedMs what the receiver asked for (Retry-After); null: nothing
 */
export function retryAfterMs(attempt: number, random: number, askedMs: number | null): number {
  const backOff = Math.min(FIRST_MS * 2 ** (attempt - 1), LONGEST_MS);
  return Math.max(backOff * (1 - random / 2), Math.min(askedMs ?? 0, GIVE_UP_MS));
}

/** How long a channel is left alone that failed so often in a row; 0: not at all. */
export function brokenForMs(failures: number): number {
  if (failures < BREAKS_AFTER) return 0;
  return Math.min(BROKEN_FIRST_MS * 2 ** (failures - BREAKS_AFTER), BROKEN_LONGEST_MS);
}

/** Whether to stop trying what is this old. */
export function isGivenUp(ageMs: number): boolean {
  return ageMs > GIVE_UP_MS;
}
