import { mix, Random } from './random.js';

/**
 * How many requests come in each second: a quiet base with bursts.
 *
 * Made for the rule that every tenant starts with, "over 10 hits a second on average of 2 minutes": the first burst
 * crosses it about 45 s after the start, its end brings the recovery about 3 minutes later, and so on at every burst.
 */

/** Requests a second between bursts: half of the default alert's threshold. */
export const BASE_PER_SECOND = 5;
/** In a burst: 120 s × 10/s are reached within 30 s of it. */
export const BURST_PER_SECOND = 45;
/** Time to see quiet traffic first. */
export const FIRST_BURST_S = 20;
export const BURST_LENGTH_S = 65;
/** From burst to burst; leaves over 5 minutes of quiet, in which the 2-minute average falls to the base. */
export const BURST_PERIOD_S = 400;
/** Each burst but the first comes up to this much earlier or later. */
export const BURST_JITTER_S = 15;
/** A swell of the base, so that the quiet is no flat line. */
const SWELL_PERIOD_S = 97;
const SWELL = 0.25;
/** Seconds until a burst has its full rate. */
const RAMP_S = 5;

const JITTER_LABEL = 1;
const COUNT_LABEL = 2;

/** Where the burst stands in second `second`: 0 outside, up to 1 in it; and how far it has come, 0 to 1. */
export function burstAt(second: number, seed: number): { strength: number; progress: number } {
  const nearest = Math.max(0, Math.round((second - FIRST_BURST_S - BURST_LENGTH_S / 2) / BURST_PERIOD_S));
  const jitter =
    nearest === 0 ? 0 : new Random(mix(seed, JITTER_LABEL, nearest)).below(2 * BURST_JITTER_S + 1) - BURST_JITTER_S;
  const since = second - (FIRST_BURST_S + nearest * BURST_PERIOD_S + jitter);
  if (since < 0 || since >= BURST_LENGTH_S) return { strength: 0, progress: 0 };
  return { strength: Math.min(1, (since + 1) / RAMP_S), progress: since / BURST_LENGTH_S };
}

/** Requests expected in second `second` after the start. */
export function expectedAt(second: number, seed: number): number {
  const base = BASE_PER_SECOND * (1 + SWELL * Math.sin((2 * Math.PI * second) / SWELL_PERIOD_S));
  return base + (BURST_PER_SECOND - BASE_PER_SECOND) * burstAt(second, seed).strength;
}

/** Requests that come in second `second`: those expected times `rateScale`, and chance. */
export function requestsAt(second: number, seed: number, rateScale = 1): number {
  return new Random(mix(seed, COUNT_LABEL, second)).poisson(expectedAt(second, seed) * rateScale);
}
