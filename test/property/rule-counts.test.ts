// Goal: whatever the order of arrival and the batches, a rule that counts entries itself decides what counting them one by one tells.
// Method: random entries, filters and rules; entries cut into batches and shifted within the evaluation delay, counted,
// merged and decided as ingest and the evaluator do, after each batch.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeLogBatch, type Entry } from '../../schema/log-batch.js';
import { batchOf } from '../../schema/log-batch-builder.js';
import { secondCountsOf, secondCountsOfWindow } from '../../server/alerts/second-counts.js';
import { type AlertState, decideAlert, type RuleSpec, type Transition } from '../../server/core/alerts/decide.js';
import {
  addStoredWindow,
  admittedClasses,
  countAdmitted,
  countingOf,
  type EncodedRuleWindow,
  encodeRuleWindow,
  type RuleWindows,
  takeGreaterWindow,
  wholeFrom,
} from '../../server/core/alerts/rule-counts.js';
import type { LogFilter } from '../../server/core/retention/filter.js';
import { decidableUntil, EVALUATION_DELAY_MS } from '../../server/core/time/clock.js';
import { STATUS_CLASSES, statusClass } from '../../server/core/windows/window.js';
import { admits, expectedTransitions, secondOf } from '../support/alert-reference.js';
import { entry } from '../support/entries.js';

const BASE_MS = Date.UTC(2024, 0, 1);
const RUNS = { numRuns: 500 };
const EVERYTHING = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };

const entries: fc.Arbitrary<(Entry & { lateMs: number })[]> = fc.array(
  fc
    .record({
      offsetMs: fc.integer({ min: 0, max: 60_000 }),
      lateMs: fc.integer({ min: 0, max: EVALUATION_DELAY_MS }),
      status: fc.constantFrom(200, 204, 301, 404, 403, 500, 503, 0),
      bytes: fc.integer({ min: 0, max: 1_000 }),
      method: fc.constantFrom('GET', 'POST', null),
      target: fc.constantFrom('/a/x', '/a/Y?q=1', '/b', '/', null),
      host: fc.constantFrom('10.0.0.1', '10.0.0.2'),
      durationMs: fc.oneof(
        fc.constantFrom(null, 0, 100, 99.9),
        fc.integer({ min: 0, max: 600 }),
        fc.double({ min: 1e-7, max: 3e10, noNaN: true }),
      ),
    })
    .map(({ offsetMs, lateMs, ...rest }) => ({ ...entry({ timeMs: BASE_MS + offsetMs, ...rest }), lateMs })),
  { minLength: 1, maxLength: 120, size: 'max' },
);

const conditions = fc.record({
  statusMin: fc.constantFrom(200, 400, 404),
  statusMax: fc.constantFrom(299, 404, 599),
  method: fc.constantFrom('GET', '(none)'),
  path: fc.constantFrom('/a/x', '/a/Y', '/nowhere'),
  section: fc.constantFrom('/a', '/', '(none)'),
  host: fc.constantFrom('10.0.0.1', '10.0.0.9'),
  search: fc.constantFrom('Y', 'a/', 'b'),
});
const KEYS = ['statusMin', 'statusMax', 'method', 'path', 'section', 'host', 'search'] as const;

/** Of one condition or two, mostly: what has more admits next to nothing. */
const filters: fc.Arbitrary<LogFilter> = fc
  .tuple(conditions, fc.oneof(fc.subarray([...KEYS], { maxLength: 2 }), fc.subarray([...KEYS])))
  .map(([all, keys]) => Object.fromEntries(keys.map((key) => [key, all[key]])));

const rules: fc.Arbitrary<RuleSpec> = fc
  .record({
    metric: fc.constantFrom(
      'HITS_PER_SECOND' as const,
      'BYTES_PER_SECOND' as const,
      'ERROR_RATE' as const,
      'DURATION_P95' as const,
    ),
    windowSeconds: fc.integer({ min: 1, max: 15 }),
    comparison: fc.constantFrom('GREATER_THAN' as const, 'LESS_THAN_OR_EQUAL' as const),
    steps: fc.integer({ min: 0, max: 10 }),
    calm: fc.constantFrom(null, 0, 1, 3),
    minHits: fc.constantFrom(0, 0, 1, 4),
  })
  .map(({ steps, calm, ...rule }) => {
    const { windowSeconds, metric } = rule;
    const step = { HITS_PER_SECOND: 1 / windowSeconds, BYTES_PER_SECOND: 100, ERROR_RATE: 0.25, DURATION_P95: 50 }[
      metric
    ];
    const sign = rule.comparison === 'GREATER_THAN' ? -1 : 1;
    return { ...rule, threshold: steps * step, recoveryThreshold: calm === null ? null : (steps + sign * calm) * step };
  });

const decoded = (some: readonly Entry[]) => decodeLogBatch(batchOf(some));

/** As ingest does it: counted by batch, merged into what is stored. */
function take(stored: Stored, batch: readonly Entry[], counts: Counts): void {
  for (const [startMs, window] of countedOf(batch, counts)) {
    const known = stored.get(startMs);
    if (known) addStoredWindow(window, known);
    stored.set(startMs, encodeRuleWindow(window));
  }
}

type Stored = Map<number, EncodedRuleWindow>;
/** What a rule counts: of these entries, by these metric and filter. */
type Counts = Parameters<typeof countingOf>[0] & { filter: LogFilter };

function countedOf(batch: readonly Entry[], counts: Counts): RuleWindows {
  const windows: RuleWindows = new Map();
  countAdmitted(windows, { batch: decoded(batch), left: null }, countingOf(counts)!, EVERYTHING);
  return windows;
}

function countsOf(stored: Stored) {
  return [...stored]
    .sort(([a], [b]) => a - b)
    .flatMap(([startMs, { seconds, durations }]) => secondCountsOf(startMs, seconds, durations));
}

test('in any batches, in any order within the delay: the transitions of counting one by one', () => {
  fc.assert(
    fc.property(entries, filters, rules, fc.integer({ min: 1, max: 40 }), (all, filter, rule, size) => {
      const arriving = [...all].sort((a, b) => a.timeMs + a.lateMs - b.timeMs - b.lateMs);
      const stored: Stored = new Map();
      const transitions: Transition[] = [];
      let state: AlertState = { firing: false, decidedUntil: null, value: null };
      let [newestMs, first] = [0, Number.POSITIVE_INFINITY];
      for (let i = 0; i < arriving.length; i += size) {
        const batch = arriving.slice(i, i + size);
        take(stored, batch, { ...rule, filter });
        newestMs = Math.max(newestMs, ...batch.map(({ timeMs }) => timeMs));
        first = Math.min(first, ...batch.map(secondOf));
        const until = decidableUntil(newestMs - EVALUATION_DELAY_MS);
        const decision = decideAlert(rule, state, countsOf(stored), { firstEventSecond: first, until });
        state = decision.state;
        transitions.push(...decision.transitions);
      }
      const until = Math.floor(newestMs / 1_000) + 30;
      transitions.push(...decideAlert(rule, state, countsOf(stored), { firstEventSecond: first, until }).transitions);
      expect(transitions).toEqual(expectedTransitions(all, filter, rule, { until }));
    }),
    RUNS,
  );
});

test('of two that each lack some entries, the greater lacks those that both lack', () => {
  const counts: Counts = { metric: 'DURATION_P95', filter: {} };
  fc.assert(
    fc.property(entries, fc.nat(), fc.nat(), (all, from, to) => {
      const [first, second] = [all.slice(from % all.length), all.slice(0, (to % all.length) + 1)];
      const stored: Stored = new Map();
      take(stored, first, counts);
      const together = countedOf(second, counts);
      for (const [startMs, window] of together)
        if (stored.has(startMs)) takeGreaterWindow(window, stored.get(startMs)!);
      for (const [startMs, window] of together) stored.set(startMs, encodeRuleWindow(window));
      // Seconds of which each has some may be less than whole: of no bin more than there are, nor less than either has.
      const [whole, ...parts] = [all, first, second].map((some) => {
        const own: Stored = new Map();
        take(own, some, counts);
        return binsOfAll(own);
      });
      for (const [bin, count] of binsOfAll(stored)) {
        expect(count).toBeLessThanOrEqual(whole.get(bin)!);
        expect(count).toBe(Math.max(...parts.map((part) => part.get(bin) ?? 0)));
      }
    }),
    RUNS,
  );
});

/** Response times by second and bin. */
function binsOfAll(stored: Stored): Map<string, number> {
  const found = new Map<string, number>();
  for (const { second, durations = [] } of countsOf(stored))
    for (let i = 0; i < durations.length; i += 2) found.set(`${second} ${durations[i]}`, durations[i + 1]);
  return found;
}

test('what is left out, or lies outside of the span, does not count', () => {
  const left = fc.infiniteStream(fc.boolean());
  fc.assert(
    fc.property(entries, filters, left, fc.nat(60_000), fc.nat(30_000), (all, filter, out, fromMs, lengthMs) => {
      const isOut = all.map(() => out.next().value as boolean);
      const span = { fromMs: BASE_MS + fromMs, toMs: BASE_MS + fromMs + lengthMs };
      const counted: RuleWindows = new Map();
      countAdmitted(counted, { batch: decoded(all), left: isOut.map(Number) }, { filter, durations: false }, span);
      const hits = [...counted].flatMap(([startMs, seconds]) => secondCountsOfWindow(startMs, seconds));
      const expected = all.filter(
        (one, i) => !isOut[i] && one.timeMs >= span.fromMs && one.timeMs < span.toMs && admits(filter, one),
      );
      expect(hits.reduce((sum, count) => sum + count.hits, 0)).toBe(expected.length);
      expect(hits.reduce((sum, count) => sum + count.bytes, 0)).toBe(
        expected.reduce((sum, { bytes }) => sum + bytes, 0),
      );
    }),
    RUNS,
  );
});

test('a filter admits entries of just those classes that it is said to', () => {
  fc.assert(
    fc.property(filters, fc.constantFrom(0, 99, 100, 199, 299, 300, 404, 405, 599, 600, 999), (filter, status) => {
      const [min, max] = [filter.statusMin ?? 0, filter.statusMax ?? 999];
      if (status >= min && status <= max) expect(admittedClasses(filter)).toContain(statusClass(status));
      for (const klass of admittedClasses(filter)) {
        const some =
          klass === statusClass(0) ? [0, 99, 600, 999] : Array.from({ length: 100 }, (_, i) => klass * 100 + 100 + i);
        expect(some.some((one) => one >= min && one <= max)).toBe(true);
      }
    }),
    RUNS,
  );
});

test('counts are whole behind the last window of which an entry is missing that the filter may admit', () => {
  const hits = (klass: number, count: number) => STATUS_CLASSES.map((_, i) => (i === klass ? count : 0));
  const counted = new Map([
    [0, hits(1, 5)],
    [10_000, hits(4, 2)],
    [20_000, hits(1, 1)],
  ]);
  const kept = new Map([[10_000, hits(4, 2)]]);
  expect(wholeFrom(counted, kept, {})).toBe(30);
  expect(wholeFrom(counted, kept, { statusMin: 500 })).toBeNull();
  expect(wholeFrom(counted, new Map([...kept, [20_000, hits(1, 1)]]), { path: '/' })).toBe(10);
  expect(wholeFrom(counted, new Map([[0, hits(1, 9)]]), { statusMax: 299 })).toBe(30);
});
