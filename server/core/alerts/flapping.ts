/**
 * Flapping: a rule that fires and recovers over one agent again and again, of which people are told once instead of each
 * time. Pure; seconds are Unix seconds of event time, so that it is the same whenever the events are recorded.
 */

/** A rule flaps once it has fired or recovered so often ... */
export const FLAPPING_TRANSITIONS = 6;
/** ... within so long, and until it has done neither for as long. Seconds. */
export const FLAPPING_SECONDS = 900;

/** What is kept of a rule's transitions over an agent. */
export interface Flapping {
  /** Event seconds of the latest ones, ascending; no more than matter. */
  recent: readonly number[];
  /** It flaps, and will until this second, unless it fires or recovers before; null: it does not. */
  until: number | null;
}

export const CALM: Flapping = { recent: [], until: null };

/** @param at event second of a transition, not before those that are kept */
export function afterTransition({ recent, until }: Flapping, at: number): Flapping {
  const within = [...recent.filter((second) => second > at - FLAPPING_SECONDS), at];
  const flaps = within.length >= FLAPPING_TRANSITIONS || (until !== null && at < until);
  return { recent: within.slice(1 - FLAPPING_TRANSITIONS), until: flaps ? at + FLAPPING_SECONDS : null };
}
