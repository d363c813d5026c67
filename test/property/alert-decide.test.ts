// Goal: skipping is invisible; however the seconds are cut into calls, the decisions are those of looking at each.
// Method: random rules and counts against a brute force that sums every window anew, second by second.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AlertState,
  countsNeeded,
  type Decision,
  decideAlert,
  decideOver,
  mayRest,
  type RuleSpec,
  type SecondCounts,
} from '../../server/core/alerts/decide.js';
import { SecondSeries } from '../../server/core/alerts/second-series.js';
import { SlidingWindow } from '../../server/core/alerts/sliding-window.js';
import { valueOfPlace } from '../../server/core/sketches/dd-sketch.js';
import { binCountsOf } from '../../server/core/sketches/value-bins.js';
import { binsOf, nearestRank } from '../support/percentiles.js';

const NEW: AlertState = { firing: false, decidedUntil: null, value: null };
const RUNS = { numRuns: 2000 };

const compare = {
  GREATER_THAN: (a: number, b: number) => a > b,
  GREATER_THAN_OR_EQUAL: (a: number, b: number) => a >= b,
  LESS_THAN: (a: number, b: number) => a < b,
  LESS_THAN_OR_EQUAL: (a: number, b: number) => a <= b,
};

const COMPARISONS = ['GREATER_THAN', 'GREATER_THAN_OR_EQUAL', 'LESS_THAN', 'LESS_THAN_OR_EQUAL'] as const;

/** Thresholds that the quotients often equal. */
const rules: fc.Arbitrary<RuleSpec> = fc
  .record({
    metric: fc.constantFrom(
      'HITS_PER_SECOND' as const,
      'BYTES_PER_SECOND' as const,
      'ERROR_RATE' as const,
      'DURATION_P95' as const,
    ),
    windowSeconds: fc.integer({ min: 1, max: 12 }),
    comparison: fc.constantFrom(...COMPARISONS),
    steps: fc.integer({ min: -1, max: 12 }),
    calm: fc.option(fc.integer({ min: 0, max: 6 }), { nil: null }),
    minHits: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 })),
  })
  .map(({ metric, windowSeconds, comparison, steps, calm, minHits }) => {
    const step = { HITS_PER_SECOND: 1 / windowSeconds, BYTES_PER_SECOND: 100, ERROR_RATE: 0.25, DURATION_P95: 100 }[
      metric
    ];
    const sign = comparison.startsWith('LESS') ? 1 : -1;
    const recoveryThreshold = calm === null ? null : (steps + sign * calm) * step;
    return { metric, windowSeconds, comparison, threshold: steps * step, recoveryThreshold, minHits };
  });

const countsOf: fc.Arbitrary<SecondCounts[]> = fc
  .uniqueArray(
    fc.record({
      second: fc.integer({ min: 1000, max: 1080 }),
      hits: fc.integer({ min: 1, max: 8 }),
      bytes: fc.oneof(
        fc.integer({ min: 0, max: 12 }).map((n) => n * 100),
        fc.integer({ min: 0, max: 12 }).map((n) => n * 100),
        fc.constant(2 ** 52 + 100),
      ),
      clientShare: fc.constantFrom(0, 0.25, 0.5, 1),
      durationsMs: fc.array(fc.constantFrom(0, 0.5, 99, 100, 101, 300, 800, 1_200, 1e9), { maxLength: 8 }),
    }),
    { selector: ({ second }) => second, maxLength: 40, size: 'max' },
  )
  .map((counts) =>
    counts
      .map(({ second, hits, bytes, clientShare, durationsMs }) => {
        const clientErrors = Math.floor(hits * clientShare);
        const serverErrors = Math.floor((hits - clientErrors) / 3);
        // Of some of the hits.
        const durations = binCountsOf(binsOf(durationsMs.slice(0, hits)));
        return { second, hits, bytes, clientErrors, serverErrors, ...(bytes > 0 ? { durations } : {}) };
      })
      .sort((a, b) => a.second - b.second),
  );

const states: fc.Arbitrary<AlertState> = fc.oneof(
  fc.constant(NEW),
  fc.record({ firing: fc.boolean(), decidedUntil: fc.integer({ min: 980, max: 1100 }), value: fc.constant(0) }),
);

/** Each response time, as the sketch tells it. */
function unpacked(bins: readonly number[]): number[] {
  const values: number[] = [];
  for (let i = 0; i < bins.length; i += 2) values.push(...new Array(bins[i + 1]).fill(valueOfPlace(bins[i])));
  return values;
}

/** The law, word by word: every second, its whole window summed anew. */
function bruteForce(rule: RuleSpec, state: AlertState, counts: SecondCounts[], span: Span): Decision {
  const { firstEventSecond: first, knownFrom = first, until } = span;
  const decision: Decision = { state, transitions: [] };
  const less = rule.comparison.startsWith('LESS');
  const start = state.decidedUntil === null ? first : Math.max(first, state.decidedUntil + 1);
  for (let t = start; t <= until; t++) {
    const window = counts.filter(({ second }) => second > t - rule.windowSeconds && second <= t);
    const sum = (of: (count: SecondCounts) => number) => window.reduce((total, count) => total + of(count), 0);
    const hits = sum((count) => count.hits);
    const errors = sum((count) => count.clientErrors + count.serverErrors);
    const durations = window.flatMap((count) => unpacked(count.durations ?? []));
    const value: number | null = {
      HITS_PER_SECOND: hits / rule.windowSeconds,
      BYTES_PER_SECOND: sum((count) => count.bytes) / rule.windowSeconds,
      ERROR_RATE: hits === 0 ? 0 : errors / hits,
      DURATION_P95: nearestRank(durations, 0.95),
    }[rule.metric];
    let { firing } = decision.state;
    if (hits < rule.minHits || value === null) firing = false;
    else if (firing) firing = compare[rule.comparison](value, rule.recoveryThreshold ?? rule.threshold);
    else if (!less || t >= Math.max(first, knownFrom) + rule.windowSeconds)
      firing = compare[rule.comparison](value, rule.threshold);
    if (firing !== decision.state.firing) {
      decision.transitions.push({ type: firing ? 'TRIGGERED' : 'RECOVERED', at: t, value });
    }
    decision.state = { firing, decidedUntil: t, value };
  }
  return decision;
}

const spans = fc.record({
  firstEventSecond: fc.integer({ min: 990, max: 1030 }),
  knownFrom: fc.option(fc.integer({ min: 980, max: 1060 }), { nil: undefined }),
  until: fc.integer({ min: 980, max: 1120 }),
});
type Span = typeof spans extends fc.Arbitrary<infer S> ? S : never;

test('decides as if every second had been looked at', () => {
  fc.assert(
    fc.property(rules, states, countsOf, spans, (rule, state, counts, span) => {
      const expected = bruteForce(rule, state, counts, span);
      expect(decideAlert(rule, state, counts, span)).toEqual(expected);
    }),
    RUNS,
  );
});

test('in several calls as at once, with no more counts than needed each time', () => {
  const cuts = fc.array(fc.integer({ min: 980, max: 1120 }), { maxLength: 8 });
  fc.assert(
    fc.property(rules, states, countsOf, spans, cuts, (rule, state, counts, span, untils) => {
      const first = span.firstEventSecond;
      const parts: Decision = { state, transitions: [] };
      for (const until of [...untils.filter((cut) => cut < span.until), span.until]) {
        const { fromSecond } = countsNeeded(rule, parts.state, first);
        const known = counts.filter(({ second }) => second >= fromSecond && second <= until);
        const decision = decideAlert(rule, parts.state, known, { ...span, until });
        parts.state = decision.state;
        parts.transitions.push(...decision.transitions);
      }
      expect(parts).toEqual(decideAlert(rule, state, counts, span));
    }),
    RUNS,
  );
});

test('windows that slide on over what is amended decide as those that begin anew', () => {
  const steps = fc.array(
    fc.record({
      // The seconds of a window, which come again whenever one of them changes.
      from: fc.integer({ min: 100, max: 107 }).map((tens) => tens * 10),
      counts: countsOf,
      until: fc.integer({ min: 980, max: 1120 }),
      onlyRecover: fc.constantFrom(false, false, false, true),
    }),
    { minLength: 1, maxLength: 25, size: 'max' },
  );
  fc.assert(
    fc.property(fc.array(rules, { minLength: 1, maxLength: 3 }), steps, spans, (some, all, { firstEventSecond }) => {
      const series = new SecondSeries();
      const kept = some.map((rule) => ({
        rule,
        state: NEW,
        window: new SlidingWindow(series, rule.windowSeconds, rule.metric),
      }));
      let stored: SecondCounts[] = [];
      for (const { from, counts, until, onlyRecover } of all) {
        const isOf = ({ second }: SecondCounts) => second >= from && second < from + 10;
        const changed = counts.filter(isOf);
        series.replace(from, from + 10, changed);
        stored = [...stored.filter((count) => !isOf(count)), ...changed].sort((a, b) => a.second - b.second);
        for (const own of kept) {
          const span = { firstEventSecond, until, onlyRecover };
          const anew = decideAlert(own.rule, own.state, stored, span);
          expect(decideOver(own.rule, own.state, own.window, span)).toEqual(anew);
          own.state = anew.state;
        }
        series.trim();
      }
    }),
    RUNS,
  );
});

test('forward only: transitions alternate, at growing seconds after those decided', () => {
  fc.assert(
    fc.property(rules, states, countsOf, spans, (rule, state, counts, span) => {
      const decision = decideAlert(rule, state, counts, span);
      let { firing } = state;
      let at = state.decidedUntil ?? Number.NEGATIVE_INFINITY;
      for (const transition of decision.transitions) {
        firing = !firing;
        expect(transition.type).toBe(firing ? 'TRIGGERED' : 'RECOVERED');
        expect(transition.at).toBeGreaterThan(at);
        at = transition.at;
      }
      expect(decision.state.firing).toBe(firing);
      expect(decideAlert(rule, decision.state, counts, span)).toEqual({ state: decision.state, transitions: [] });
    }),
    RUNS,
  );
});

test('onlyRecover: the first recovery of what fires, or nothing', () => {
  fc.assert(
    fc.property(rules, states, countsOf, spans, (rule, state, counts, span) => {
      const all = decideAlert(rule, state, counts, span);
      const only = decideAlert(rule, state, counts, { ...span, onlyRecover: true });
      const recovery = state.firing ? all.transitions[0] : undefined;
      if (recovery === undefined) expect(only).toEqual({ state, transitions: [] });
      else {
        expect(only.transitions).toEqual([recovery]);
        expect(only.state).toEqual({ firing: false, decidedUntil: recovery.at, value: recovery.value });
      }
    }),
    RUNS,
  );
});

test('while it may rest, no second without new counts changes anything', () => {
  fc.assert(
    fc.property(rules, states, countsOf, spans, (rule, state, counts, span) => {
      const now = decideAlert(rule, state, counts, span).state;
      if (!mayRest(rule, now, counts.at(-1)?.second ?? null)) return;
      const later = { ...span, until: span.until + 1_000_000 };
      expect(decideAlert(rule, now, counts, later).transitions).toEqual([]);
    }),
    RUNS,
  );
});

test('rests at last: a window after the newest count, where the first full window has passed', () => {
  fc.assert(
    fc.property(rules, countsOf, spans, (rule, counts, span) => {
      const { state } = decideAlert(rule, NEW, counts, { ...span, until: 1200 });
      expect(mayRest(rule, state, counts.at(-1)?.second ?? null)).toBe(true);
    }),
    RUNS,
  );
});
