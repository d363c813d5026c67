/**
 * Alert decisions: what one rule does over one agent's seconds. Pure: counts and times come in, transitions go out.
 *
 * Seconds are Unix seconds of event time; an entry belongs to the second that its time is floored to.
 */

import type { BinCounts } from '../sketches/value-bins.js';
import { SecondSeries } from './second-series.js';
import { SlidingWindow } from './sliding-window.js';

/** Counts of one agent in one event second. Seconds that are not present are zero. */
export interface SecondCounts {
  second: number;
  hits: number;
  bytes: number;
  /** Entries of status 4xx. */
  clientErrors: number;
  /** Entries of status 5xx. */
  serverErrors: number;
  /** Response times, of those entries that have one; absent: none is counted. */
  durations?: BinCounts;
}

export type AlertMetric = 'HITS_PER_SECOND' | 'BYTES_PER_SECOND' | 'ERROR_RATE' | 'DURATION_P95';
export type Comparison = 'GREATER_THAN' | 'GREATER_THAN_OR_EQUAL' | 'LESS_THAN' | 'LESS_THAN_OR_EQUAL';

/** What of a rule decides; its name, severity and channels do not. */
export interface RuleSpec {
  metric: AlertMetric;
  /** Whole seconds, at least 1. */
  windowSeconds: number;
  comparison: Comparison;
  /** In the metric's unit: hits per second, bytes per second, share of errors (0 to 1), milliseconds. */
  threshold: number;
  /** On the quiet side of the threshold; null: the threshold itself. */
  recoveryThreshold: number | null;
  /** Fires only over windows of at least so many hits, and recovers where there are fewer; 0: whatever there is. */
  minHits: number;
}

/** What is kept of a rule and an agent between two evaluations. */
export interface AlertState {
  firing: boolean;
  /** The last decided event second; null: nothing decided yet. */
  decidedUntil: number | null;
  /** The metric at the last decided second; null where there is none. */
  value: number | null;
}

export interface Transition {
  type: 'TRIGGERED' | 'RECOVERED';
  /** Event second. */
  at: number;
  /** Null: recovered because no entry of the window has a response time. */
  value: number | null;
}

export interface DecisionSpan {
  /** Of the agent's first entry, whatever the rule's filter: nothing before it is decided. */
  firstEventSecond: number;
  /** The first second from which on the counts lack nothing (default: that of the first entry, or before). */
  knownFrom?: number;
  /** The last second to decide, inclusive. */
  until: number;
  /** The sources have ended: only let recover what fires (default: false). */
  onlyRecover?: boolean;
}

export interface Decision {
  state: AlertState;
  transitions: Transition[];
}

/**
 * Decides every second after `state.decidedUntil` (the first entry's second where that is null) up to `span.until`.
 *
 * Second `t` looks at the entries of `(t − window, t]`. OK → TRIGGERED when the comparison with the threshold holds;
 * FIRING → RECOVERED when the same comparison with the recovery threshold no longer does. Neither holds over a window of
 * fewer hits than `minHits`, nor, of response times, over one that has none. The result is that of looking at each second in turn, and that of any split of the span
 * into several calls. Forward only: where `until` is decided
 * already, nothing happens, and counts that came too late change sums, not decided seconds.
 *
 * LESS_THAN rules may trigger from one full window after the first entry on, or the first known second: before, a window
 * is empty because there was nobody, or what was is not known, not because there is little traffic. Those seconds are decided all the same, as OK.
 *
 * `onlyRecover`: goes on to the recovery of what fires and no further, and leaves the state as it was where there is
 * none up to `until`, so that a later run of the source finds its own seconds undecided.
 *
 * `counts` are ascending by second and reach back to `countsNeeded`; what is older or newer is left aside. Costs
 * O(counts), however long the span: between two changes of the sums nothing can happen. Sums are exact below 2^53.
 */
export function decideAlert(
  rule: RuleSpec,
  state: AlertState,
  counts: readonly SecondCounts[],
  span: DecisionSpan,
): Decision {
  const series = new SecondSeries();
  series.replace(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, counts);
  return decideOver(rule, state, new SlidingWindow(series, rule.windowSeconds, rule.metric), span);
}

/**
 * The same over a window that was left where the last call ended, and whose series has been amended since: costs what is new.
 *
 * @param window of the rule's length and metric
 */
export function decideOver(rule: RuleSpec, state: AlertState, window: SlidingWindow, span: DecisionSpan): Decision {
  const from = firstUndecided(state, span.firstEventSecond);
  if (from > span.until || (span.onlyRecover && !state.firing)) return { state, transitions: [] };

  const knownFrom = Math.max(span.firstEventSecond, span.knownFrom ?? span.firstEventSecond);
  const mayTriggerFrom = isLessThan(rule.comparison) ? knownFrom + rule.windowSeconds : from;
  const transitions: Transition[] = [];
  let { firing, value } = state;
  let t = from;
  while (t <= span.until) {
    window.moveTo(t);
    value = window.value(rule.metric);
    if (firing && !staysFiring(rule, value, window.hits)) {
      firing = false;
      transitions.push({ type: 'RECOVERED', at: t, value });
      if (span.onlyRecover) return { state: { firing, decidedUntil: t, value }, transitions };
    } else if (!firing && t >= mayTriggerFrom && triggers(rule, value, window.hits)) {
      firing = true;
      transitions.push({ type: 'TRIGGERED', at: t, value });
    }
    // Until the sums change the value stays, and with it the state: what just triggered does not recover at the same
    // value, nor the other way round, because the recovery threshold is on the quiet side.
    t = t < mayTriggerFrom ? Math.min(window.nextChange(), mayTriggerFrom) : window.nextChange();
  }
  // Back to where the next call begins, or on to there.
  window.moveTo(span.onlyRecover ? from - 1 : span.until);
  if (span.onlyRecover) return { state, transitions: [] };
  return { state: { firing, decidedUntil: span.until, value }, transitions };
}

/** The oldest second of the counts that the next call of `decideAlert` looks at; there is no need to read older ones. */
export function countsNeeded(rule: RuleSpec, state: AlertState, firstEventSecond: number): { fromSecond: number } {
  return { fromSecond: firstUndecided(state, firstEventSecond) - rule.windowSeconds + 1 };
}

/**
 * Whether the rule has nothing to decide until new counts come: no count is newer than its last window's start, and an
 * empty window neither triggers nor recovers it. So a LESS_THAN rule that fires over silence rests too; one that waits
 * for its first full window does not.
 *
 * While it rests its seconds pass undecided. Whoever wakes it for a batch first decides up to the clock as it stood
 * before the batch, with the old counts: else a late entry would be decided that came after its second had passed.
 *
 * @param newestCountSecond newest second of the agent that holds a count for this rule; null: none
 */
export function mayRest(rule: RuleSpec, state: AlertState, newestCountSecond: number | null): boolean {
  if (newestCountSecond !== null) {
    if (state.decidedUntil === null || newestCountSecond > state.decidedUntil - rule.windowSeconds) return false;
  }
  const value = rule.metric === 'DURATION_P95' ? null : 0;
  return state.firing ? staysFiring(rule, value, 0) : !triggers(rule, value, 0);
}

/**
 * Why the recovery threshold of a rule makes no sense, as a sentence for its maker; null: it does.
 *
 * On the wrong side the rule would recover at the very value that triggers it (decisions then take the threshold
 * instead), and beyond the metric's range it would fire for ever.
 */
export function recoveryProblem(rule: RuleSpec): string | null {
  const { metric, comparison, threshold, recoveryThreshold, minHits } = rule;
  if (recoveryThreshold === null) return null;
  const less = isLessThan(comparison);
  if (less ? recoveryThreshold < threshold : recoveryThreshold > threshold) {
    return `recoveryThreshold ${recoveryThreshold} must be ${less ? 'at least' : 'at most'} the threshold ${threshold}`;
  }
  // Whatever the metric is, it recovers once there are too few hits.
  if (minHits > 0) return null;
  const calmest = less ? (metric === 'ERROR_RATE' ? 1 : Number.POSITIVE_INFINITY) : 0;
  if (!holds(calmest, comparison, recoveryThreshold)) return null;
  return `recoveryThreshold ${recoveryThreshold} can never be crossed: the metric is at ${less ? 'most' : 'least'} ${calmest}`;
}

/** Seconds before the first entry are never decided, even if the rule began earlier: there was no agent to watch. */
function firstUndecided(state: AlertState, firstEventSecond: number): number {
  return state.decidedUntil === null ? firstEventSecond : Math.max(state.decidedUntil + 1, firstEventSecond);
}

function isLessThan(comparison: Comparison): boolean {
  return comparison === 'LESS_THAN' || comparison === 'LESS_THAN_OR_EQUAL';
}

/** The bound of recovery, never on the wrong side of the threshold: else a rule would fire and recover every second. */
function recoveryBound({ comparison, threshold, recoveryThreshold }: RuleSpec): number {
  if (recoveryThreshold === null) return threshold;
  return isLessThan(comparison) ? Math.max(recoveryThreshold, threshold) : Math.min(recoveryThreshold, threshold);
}

function triggers({ comparison, threshold, minHits }: RuleSpec, value: number | null, hits: number): boolean {
  return hits >= minHits && holds(value, comparison, threshold);
}

function staysFiring(rule: RuleSpec, value: number | null, hits: number): boolean {
  return hits >= rule.minHits && holds(value, rule.comparison, recoveryBound(rule));
}

/** What has no value holds no comparison: neither is it slow, nor fast. */
function holds(value: number | null, comparison: Comparison, bound: number): boolean {
  if (value === null) return false;
  switch (comparison) {
    case 'GREATER_THAN':
      return value > bound;
    case 'GREATER_THAN_OR_EQUAL':
      return value >= bound;
    case 'LESS_THAN':
      return value < bound;
    case 'LESS_THAN_OR_EQUAL':
      return value <= bound;
  }
}
