// Goal: a rule fires and recovers at exactly the seconds that its definition names.
// Method: the borders by example; the law, against a brute force, is in test/property/alert-decide.test.ts.
import { describe, expect, test } from '@jest/globals';
import {
  type AlertState,
  type Comparison,
  countsNeeded,
  decideAlert,
  mayRest,
  type RuleSpec,
  recoveryProblem,
  type SecondCounts,
} from '../../server/core/alerts/decide.js';

const NEW: AlertState = { firing: false, decidedUntil: null, value: null };
const TEN_YEARS_S = 10 * 365 * 86_400;

function rule(change: Partial<RuleSpec> = {}): RuleSpec {
  return {
    metric: 'HITS_PER_SECOND',
    windowSeconds: 120,
    comparison: 'GREATER_THAN',
    threshold: 10,
    recoveryThreshold: null,
    minHits: 0,
    ...change,
  };
}

function count(second: number, hits: number, change: Partial<SecondCounts> = {}): SecondCounts {
  return { second, hits, bytes: 0, clientErrors: 0, serverErrors: 0, ...change };
}

/** The transitions up to `until`, as `type@second`. */
function story(spec: RuleSpec, counts: SecondCounts[], until: number, firstEventSecond = counts[0]!.second): string[] {
  const { transitions } = decideAlert(spec, NEW, counts, { firstEventSecond, until });
  return transitions.map(({ type, at }) => `${type}@${at}`);
}

describe('the sliding window', () => {
  test('covers (t − window, t]: a count is in for exactly window seconds', () => {
    const spec = rule({ windowSeconds: 3, threshold: 1 });
    expect(story(spec, [count(100, 4)], 200)).toEqual(['TRIGGERED@100', 'RECOVERED@103']);
  });

  test('divides by the whole window from the first second on', () => {
    expect(story(rule(), [count(100, 1200)], 100)).toEqual([]);
    expect(story(rule(), [count(100, 1201)], 100)).toEqual(['TRIGGERED@100']);
  });

  test.each([2.05, 4.1, 8.2, 8.45, 10])('at %d on average neither > nor < holds, but >= and <= do', (threshold) => {
    const counts = [count(0, Math.round(threshold * 120))];
    const fires = (comparison: Comparison) => {
      const span = { firstEventSecond: -1000, until: 0 };
      const decided = { firing: false, decidedUntil: -1, value: 0 };
      return decideAlert(rule({ threshold, comparison }), decided, counts, span).state.firing;
    };
    expect(fires('GREATER_THAN')).toBe(false);
    expect(fires('LESS_THAN')).toBe(false);
    expect(fires('GREATER_THAN_OR_EQUAL')).toBe(true);
    expect(fires('LESS_THAN_OR_EQUAL')).toBe(true);
  });

  test('bytes near 2^53 leave nothing behind when they go out', () => {
    const spec = rule({ metric: 'BYTES_PER_SECOND', windowSeconds: 2, threshold: 0 });
    const counts = [count(0, 1, { bytes: 2 ** 52 }), count(1, 1, { bytes: 2 ** 52 - 1 }), count(2, 1, { bytes: 1 })];
    expect(story(spec, counts, 10)).toEqual(['TRIGGERED@0', 'RECOVERED@4']);
  });

  test('the error rate is of 4xx and 5xx among the hits, and 0 without hits', () => {
    const spec = rule({ metric: 'ERROR_RATE', windowSeconds: 2, threshold: 0.5 });
    const counts = [count(0, 4, { clientErrors: 1, serverErrors: 1 }), count(1, 1, { serverErrors: 1 })];
    const { transitions, state } = decideAlert(spec, NEW, counts, { firstEventSecond: 0, until: 9 });
    expect(transitions).toEqual([
      { type: 'TRIGGERED', at: 1, value: 3 / 5 },
      { type: 'RECOVERED', at: 3, value: 0 },
    ]);
    expect(state).toEqual({ firing: false, decidedUntil: 9, value: 0 });
  });
});

describe('recovery', () => {
  const counts = [count(0, 12), count(1, 8), count(2, 6), count(3, 5), count(4, 4)];
  test.each([
    ['GREATER_THAN', null, 'RECOVERED@1'],
    ['GREATER_THAN', 8, 'RECOVERED@1'],
    ['GREATER_THAN', 5, 'RECOVERED@3'],
    ['GREATER_THAN_OR_EQUAL', 5, 'RECOVERED@4'], // at 5 it is still >= 5
  ] as const)('%s 10, recovery threshold %s → %s', (comparison, recoveryThreshold, recovered) => {
    const spec = rule({ windowSeconds: 1, comparison, recoveryThreshold });
    expect(story(spec, counts, 4)).toEqual(['TRIGGERED@0', recovered]);
  });

  test('of LESS_THAN is mirrored', () => {
    const spec = rule({ windowSeconds: 1, comparison: 'LESS_THAN', threshold: 5, recoveryThreshold: 8 });
    const rising = [count(0, 9), count(1, 4), count(2, 6), count(3, 7), count(4, 8)];
    expect(story(spec, rising, 4)).toEqual(['TRIGGERED@1', 'RECOVERED@4']);
  });

  test('a threshold on the wrong side counts as the threshold: no firing and recovering every second', () => {
    const spec = rule({ windowSeconds: 1, threshold: 3, recoveryThreshold: 20 });
    expect(story(spec, counts, 9)).toEqual(['TRIGGERED@0', 'RECOVERED@5']);
  });

  test.each([
    [{ threshold: 10, recoveryThreshold: null }, null],
    [{ threshold: 10, recoveryThreshold: 10 }, null],
    [{ threshold: 10, recoveryThreshold: 0 }, null],
    [{ threshold: 10, recoveryThreshold: 12 }, /must be at most the threshold 10/],
    [{ comparison: 'LESS_THAN', threshold: 10, recoveryThreshold: 9 }, /must be at least the threshold 10/],
    [{ comparison: 'GREATER_THAN_OR_EQUAL', threshold: 10, recoveryThreshold: 0 }, /never be crossed/],
    [
      { comparison: 'LESS_THAN_OR_EQUAL', metric: 'ERROR_RATE', threshold: 0.5, recoveryThreshold: 1 },
      /never be crossed/,
    ],
  ] as const)('%j: problem %s', (change, problem) => {
    const said = recoveryProblem(rule(change));
    if (problem === null) expect(said).toBeNull();
    else expect(said).toMatch(problem);
  });
});

describe('where deciding begins and ends', () => {
  test('LESS_THAN waits one full window after the first entry', () => {
    const spec = rule({ windowSeconds: 60, comparison: 'LESS_THAN', threshold: 1 });
    expect(story(spec, [count(100, 1)], 159)).toEqual([]);
    expect(story(spec, [count(100, 1)], 160)).toEqual(['TRIGGERED@160']);
  });

  test('the first entry is the agent’s, not the first that the rule counts', () => {
    const spec = rule({ windowSeconds: 60, comparison: 'LESS_THAN', threshold: 1 });
    expect(story(spec, [], 160, 100)).toEqual(['TRIGGERED@160']);
  });

  test('a rule that is new to an agent looks back over its window, and triggers at its next second', () => {
    const begun: AlertState = { firing: false, decidedUntil: 150, value: null };
    expect(countsNeeded(rule(), begun, 100)).toEqual({ fromSecond: 151 - 119 });
    const { transitions } = decideAlert(rule(), begun, [count(100, 5000)], { firstEventSecond: 100, until: 160 });
    expect(transitions).toEqual([{ type: 'TRIGGERED', at: 151, value: 5000 / 120 }]);
  });

  test('nothing is decided before the first entry', () => {
    const spec = rule({ comparison: 'GREATER_THAN_OR_EQUAL', threshold: 0 });
    expect(decideAlert(spec, NEW, [], { firstEventSecond: 100, until: 99 })).toEqual({ state: NEW, transitions: [] });
    expect(story(spec, [count(100, 1)], 100)).toEqual(['TRIGGERED@100']);
    expect(countsNeeded(spec, { ...NEW, decidedUntil: 3 }, 100)).toEqual({ fromSecond: 100 - 119 });
  });

  test('is forward only', () => {
    const decided: AlertState = { firing: false, decidedUntil: 500, value: 1 };
    for (const until of [500, 499, 0]) {
      const { state, transitions } = decideAlert(rule(), decided, [count(400, 1e6)], { firstEventSecond: 0, until });
      expect(state).toEqual(decided);
      expect(transitions).toEqual([]);
    }
  });

  test('ten years of silence cost nothing', () => {
    let looks = 0;
    const watched = [0, 1, TEN_YEARS_S, TEN_YEARS_S + 1].map((second) => ({
      ...count(second, 1500),
      get second() {
        looks++;
        return second;
      },
    }));
    const { transitions, state } = decideAlert(rule(), NEW, watched, { firstEventSecond: 0, until: 2 * TEN_YEARS_S });
    expect(transitions.map(({ at }) => at)).toEqual([0, 121, TEN_YEARS_S, TEN_YEARS_S + 121]);
    expect(state.decidedUntil).toBe(2 * TEN_YEARS_S);
    expect(looks).toBeLessThan(100);
  });
});

describe('onlyRecover', () => {
  const span = (until: number) => ({ firstEventSecond: 0, until, onlyRecover: true });

  test('goes to the recovery and no further', () => {
    const { state } = decideAlert(rule(), NEW, [count(0, 2000)], { firstEventSecond: 0, until: 0 });
    expect(decideAlert(rule(), state, [count(0, 2000)], span(120))).toEqual({
      state: { firing: false, decidedUntil: 120, value: 0 },
      transitions: [{ type: 'RECOVERED', at: 120, value: 0 }],
    });
  });

  test('triggers nothing, and leaves undecided what it need not decide', () => {
    const less = rule({ comparison: 'LESS_THAN' });
    const quiet: AlertState = { firing: false, decidedUntil: 1000, value: 11 };
    expect(decideAlert(less, quiet, [], span(1120))).toEqual({ state: quiet, transitions: [] });
    const firing: AlertState = { firing: true, decidedUntil: 1000, value: 1 };
    expect(decideAlert(less, firing, [], span(1120))).toEqual({ state: firing, transitions: [] });
  });
});

describe('mayRest', () => {
  const less = rule({ comparison: 'LESS_THAN' });
  test.each([
    ['no entry yet', rule(), NEW, null, true],
    ['entries, nothing decided', rule(), NEW, 5, false],
    ['a count in the last window', rule(), { firing: false, decidedUntil: 1000, value: 1 }, 881, false],
    ['an empty window', rule(), { firing: false, decidedUntil: 1000, value: 0 }, 880, true],
    ['a count not decided yet', rule(), { firing: false, decidedUntil: 1000, value: 0 }, 1001, false],
    ['firing, about to recover', rule(), { firing: true, decidedUntil: 1000, value: 11 }, 881, false],
    ['LESS_THAN before its first full window', less, { firing: false, decidedUntil: 1000, value: 0 }, null, false],
    ['LESS_THAN firing over silence', less, { firing: true, decidedUntil: 1000, value: 0 }, 880, true],
    [
      'LESS_THAN 0, which nothing is',
      rule({ comparison: 'LESS_THAN', threshold: 0 }),
      { ...NEW, decidedUntil: 9 },
      null,
      true,
    ],
  ] as const)('%s', (_what, spec, state, newestCountSecond, rests) => {
    expect(mayRest(spec, state, newestCountSecond)).toBe(rests);
  });
});
