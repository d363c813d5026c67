import type { Entry } from '../../schema/log-batch.js';
import type { RuleSpec, Transition } from '../../server/core/alerts/decide.js';
import type { LogFilter } from '../../server/core/retention/filter.js';
import { asSketched, nearestRank } from './percentiles.js';

const COMPARE = {
  GREATER_THAN: (value: number, bound: number) => value > bound,
  GREATER_THAN_OR_EQUAL: (value: number, bound: number) => value >= bound,
  LESS_THAN: (value: number, bound: number) => value < bound,
  LESS_THAN_OR_EQUAL: (value: number, bound: number) => value <= bound,
};

/** Event seconds that are decided, both inclusive. */
export interface DecidedSeconds {
  /** The first entry's, unless given. */
  from?: number;
  until: number;
  /** From when on nothing is missing; the first entry's, unless given. */
  knownFrom?: number;
}

/** What a rule does over entries: each second in turn, its window's entries looked at one by one. */
export function expectedTransitions(
  all: readonly Entry[],
  filter: LogFilter | null,
  rule: RuleSpec,
  { from, until, knownFrom }: DecidedSeconds,
): Transition[] {
  const first = Math.min(...all.map(secondOf));
  const upward = rule.comparison.startsWith('GREATER');
  const holds = COMPARE[rule.comparison];
  const transitions: Transition[] = [];
  let firing: boolean = false;
  for (let t = Math.max(first, from ?? first); t <= until; t++) {
    const within = all.filter(
      (one) => secondOf(one) > t - rule.windowSeconds && secondOf(one) <= t && admits(filter ?? {}, one),
    );
    const value = metricOf(within, rule);
    const bound: number = firing ? (rule.recoveryThreshold ?? rule.threshold) : rule.threshold;
    const may: boolean = firing || upward || t >= Math.max(first, knownFrom ?? first) + rule.windowSeconds;
    const next: boolean = may && value !== null && within.length >= rule.minHits && holds(value, bound);
    if (next !== firing) transitions.push({ type: next ? 'TRIGGERED' : 'RECOVERED', at: t, value });
    firing = next;
  }
  return transitions;
}

/** A response time is taken as the sketch tells it: the middle of its bin. */
function metricOf(within: readonly Entry[], { metric, windowSeconds }: RuleSpec): number | null {
  switch (metric) {
    case 'HITS_PER_SECOND':
      return within.length / windowSeconds;
    case 'BYTES_PER_SECOND':
      return within.reduce((sum, { bytes }) => sum + bytes, 0) / windowSeconds;
    case 'ERROR_RATE':
      return within.length === 0
        ? 0
        : within.filter(({ status }) => status >= 400 && status <= 599).length / within.length;
    case 'DURATION_P95':
      return nearestRank(
        within.flatMap(({ durationMs }) => (durationMs === null ? [] : [asSketched(durationMs)])),
        0.95,
      );
  }
}

/** Said in other words than the filter is. */
export function admits(filter: LogFilter, { status, method, target, host }: Entry): boolean {
  const path = target === null ? '(none)' : target.replace(/\?.*/, '');
  const section = path.startsWith('/') ? `/${path.split('/')[1]}` : path;
  const conditions: Record<keyof LogFilter, boolean> = {
    statusMin: status >= filter.statusMin!,
    statusMax: status <= filter.statusMax!,
    method: (method ?? '(none)') === filter.method,
    path: path === filter.path,
    section: section === filter.section,
    host: host === filter.host,
    search: path.toLowerCase().includes((filter.search ?? '').toLowerCase()),
  };
  return (Object.keys(filter) as (keyof LogFilter)[]).every((name) => conditions[name]);
}

export const secondOf = ({ timeMs }: Pick<Entry, 'timeMs'>): number => Math.floor(timeMs / 1_000);
