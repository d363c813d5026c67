// Goal: a rule flaps exactly from the sixth transition within a quarter of an hour on, until a quarter of an hour has none.
// Method: random transitions against a definition that looks at all of them; what is kept stays small.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  afterTransition,
  CALM,
  FLAPPING_SECONDS,
  FLAPPING_TRANSITIONS,
  type Flapping,
} from '../../server/core/alerts/flapping.js';

/** Gaps around those that matter, most of them so short that rules begin to flap. */
const gaps = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: FLAPPING_SECONDS - 2, max: FLAPPING_SECONDS + 2 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4_000 }) },
);
const transitions = fc.array(gaps, { minLength: 10, maxLength: 60 }).map((all) => {
  let second = 1_000;
  return all.map((gap) => (second += gap));
});

/** By all transitions up to one: some earlier one was the sixth of its quarter, and no gap since was as long. */
function flapsAt(seconds: readonly number[], i: number): boolean {
  for (let j = i; j >= 0; j--) {
    const quarter = seconds.filter((second) => second <= seconds[j] && second > seconds[j] - FLAPPING_SECONDS);
    if (quarter.length >= FLAPPING_TRANSITIONS) return true;
    if (j > 0 && seconds[j] - seconds[j - 1] >= FLAPPING_SECONDS) return false;
  }
  return false;
}

test('what is kept of the latest transitions decides as all of them would', () => {
  let flapping = 0;
  fc.assert(
    fc.property(transitions, (seconds) => {
      let kept: Flapping = CALM;
      for (const [i, at] of seconds.entries()) {
        kept = afterTransition(kept, at);
        const flaps = flapsAt(seconds, i);
        if (flaps) flapping++;
        expect(kept.until).toBe(flaps ? at + FLAPPING_SECONDS : null);
        expect(kept.recent.length).toBeLessThan(FLAPPING_TRANSITIONS);
      }
    }),
    { numRuns: 1_000 },
  );
  expect(flapping).toBeGreaterThan(1_000);
});
