const FIRST_MS = 200;
/** Soon enough after a restart of the server; seldom enough for a thousand agents at a server that is down. */
const LONGEST_MS = 5_000;

/**
 * How long to rest before an attempt: exponential, with full jitter, so that agents do not come back all at once.
 *
 * @param attempt failures so far, from 1.
 * @param random in [0, 1).
 * @param retryAfterMs the least that the server asked for, to which up to a quarter is added.
 */
export function backOffMs(attempt: number, random: number, retryAfterMs: number | null = null): number {
  const jittered = random * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return retryAfterMs === null ? jittered : Math.max(jittered, retryAfterMs * (1 + random / 4));
}
