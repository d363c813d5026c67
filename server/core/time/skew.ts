/**
 * How far a sender's clock is ahead of ours, and how long what it sent was on its way. A message tells only the sum of both:
 * whatever was on its way the least says the most of the clock. Pure; milliseconds.
 */

/** So much a clock may fall behind from one message to the next, and it is taken for its own doing. */
const DRIFT_MS = 50;
/** Longer than any message is on its way: what is said to be older has another clock. */
const DELAY_MS_MAX = 60_000;

export interface Transit {
  /** What is now known of the sender's clock: its time less ours. */
  skewMs: number;
  /** How long the message was on its way, beyond the least that was seen. */
  delayMs: number;
}

/**
 * @param observedMs the sender's time of sending less ours of receipt
 * @param knownMs what is known of its clock; null: nothing yet
 */
export function transitOf(observedMs: number, knownMs: number | null): Transit {
  const skewMs = Math.max(observedMs, (knownMs ?? observedMs) - DRIFT_MS);
  const delayMs = skewMs - observedMs;
  if (delayMs > DELAY_MS_MAX) return { skewMs: observedMs, delayMs: 0 };
  // Within the drift it is the clock that is told of, not the way.
  return { skewMs, delayMs: delayMs <= DRIFT_MS ? 0 : delayMs };
}
