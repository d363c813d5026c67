// Goal: whatever the seed, a run is the same each time, is made of Combined lines, and drives the default alert.
// Method: properties over seeds and over the spans in which the lines are asked for.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { linesFrom } from '../../simulator/file.js';
import { DueLines } from '../../simulator/live.js';
import { requestsAt } from '../../simulator/rate.js';

const START_MS = Date.UTC(2026, 5, 1, 12);
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const COMBINED =
  /^(\S+) - (\S+) \[(\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\] "([^"]*)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"$/;

function firstLines(count: number, seed: number): string[] {
  const lines = linesFrom(START_MS, { seed });
  return Array.from({ length: count }, () => lines.next().value);
}

test('the same seed makes the same lines, another makes others; all are Combined lines', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const lines = firstLines(2_000, seed);
      expect(firstLines(2_000, seed)).toEqual(lines);
      expect(firstLines(2_000, (seed + 1) % 2 ** 32)).not.toEqual(lines);
      for (const line of lines) expect(line).toMatch(COMBINED);
    }),
    { numRuns: 20 },
  );
});

test('the 2-minute average crosses 10 within 90 s, falls below within 4 min, and again with every burst', () => {
  const windowSum = (counts: number[], t: number): number =>
    counts.slice(Math.max(0, t - 119), t + 1).reduce((sum, count) => sum + count, 0);
  fc.assert(
    fc.property(seeds, (seed) => {
      const counts = Array.from({ length: 2_000 }, (_, second) => requestsAt(second, seed));
      const isAbove = counts.map((_, t) => windowSum(counts, t) / 120 > 10);
      const changes = isAbove.flatMap((above, t) => (above !== (isAbove[t - 1] ?? false) ? [t] : []));
      expect(changes[0]).toBeGreaterThan(20);
      expect(changes[0]).toBeLessThan(90);
      expect(changes[1]).toBeLessThan(240);
      expect(changes).toHaveLength(10);
      // Above and below by turns, each long enough to be seen.
      for (let at = 2; at < changes.length; at += 2) {
        expect(changes[at] - changes[at - 1]).toBeGreaterThan(180);
        expect(changes[at] - changes[at - 2]).toBeGreaterThan(350);
        expect(changes[at] - changes[at - 2]).toBeLessThan(450);
      }
    }),
    { numRuns: 100 },
  );
});

test('lines that fall due bit by bit are those of the run, none twice, none ahead of the clock', () => {
  const gapsMs = fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(seeds, gapsMs, (seed, gaps) => {
      const due = new DueLines(START_MS, { seed });
      let nowMs = START_MS;
      let text = '';
      for (const gapMs of gaps) {
        nowMs += gapMs;
        text += due.upTo(nowMs);
      }
      const lines = text === '' ? [] : text.trimEnd().split('\n');
      expect(lines).toEqual(firstLines(lines.length, seed));
      // Asked once, the same lines fall due.
      let atOnce = 0;
      const whole = new DueLines(START_MS, { seed });
      for (let ms = START_MS; ms < nowMs; ms += 50_000) atOnce += whole.upTo(ms).split('\n').length - 1;
      atOnce += whole.upTo(nowMs).split('\n').length - 1;
      expect(lines).toHaveLength(atOnce);
    }),
    { numRuns: 100 },
  );
});
