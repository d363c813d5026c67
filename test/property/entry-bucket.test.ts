// Goal: a bucket holds its rate over any span, lets whatever comes pass in the end, and says truly when.
// Method: random batches, waits, returns and changes of the rate, against the law.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BURST_SECONDS, EntryBucket } from '../../server/core/plans/entry-bucket.js';

const rates = fc.integer({ min: 1, max: 50_000 });
const batches = fc.integer({ min: 1, max: 8_192 });
const arrivals = fc.array(fc.record({ afterMs: fc.nat(3_000), entries: batches }), { minLength: 1, maxLength: 60 });

test('in any span no more than the rate, the burst and one batch', () => {
  fc.assert(
    fc.property(rates, arrivals, (rate, steps) => {
      const bucket = new EntryBucket(rate, 0);
      const taken: { atMs: number; entries: number }[] = [];
      let nowMs = 0;
      for (const { afterMs, entries } of steps) {
        nowMs += afterMs;
        if (bucket.take(entries, nowMs) === 0) taken.push({ atMs: nowMs, entries });
      }
      taken.forEach((first, i) => {
        let sum = 0;
        for (const { atMs, entries } of taken.slice(i)) {
          // The one that takes the bucket into debt is let in whole.
          const seconds = (atMs - first.atMs) / 1_000;
          expect(sum).toBeLessThan(rate * (BURST_SECONDS + seconds) + 1e-6);
          sum += entries;
        }
      });
    }),
  );
});

test('who comes again when it was told is let in, and a millisecond before is not', () => {
  fc.assert(
    fc.property(rates, fc.array(batches, { minLength: 1, maxLength: 20 }), (rate, sizes) => {
      const bucket = new EntryBucket(rate, 0);
      let nowMs = 0;
      for (const entries of sizes) {
        const waitMs = bucket.take(entries, nowMs);
        if (waitMs === 0) continue;
        if (waitMs > 2) expect(bucket.take(entries, nowMs + waitMs - 2)).toBeGreaterThan(0);
        nowMs += waitMs + 1;
        expect(bucket.take(entries, nowMs)).toBe(0);
      }
    }),
  );
});

test('what is given back was never taken, and what has no entries is never held up', () => {
  fc.assert(
    fc.property(rates, arrivals, (rate, steps) => {
      const [plain, returning] = [new EntryBucket(rate, 0), new EntryBucket(rate, 0)];
      let nowMs = 0;
      for (const { afterMs, entries } of steps) {
        nowMs += afterMs;
        if (returning.take(entries, nowMs) === 0) returning.giveBack(entries);
        const [a, b] = [plain.take(entries, nowMs), returning.take(entries, nowMs)];
        expect(b).toBe(a);
        expect(plain.take(0, nowMs)).toBe(0);
        expect(returning.take(0, nowMs)).toBe(0);
      }
    }),
  );
});

test('a raised rate pays a debt sooner, a lowered one leaves no more than its own burst', () => {
  fc.assert(
    fc.property(rates, rates, batches, (rate, other, entries) => {
      const bucket = new EntryBucket(rate, 0);
      bucket.take(rate * BURST_SECONDS + entries, 0);
      bucket.changeRate(other, 0);
      expect(bucket.take(1, 0)).toBe(Math.max(1, Math.ceil((entries / other) * 1_000)));
      const full = new EntryBucket(rate, 0);
      full.changeRate(other, 0);
      const burst = Math.min(rate, other) * BURST_SECONDS;
      expect(full.take(burst, 0)).toBe(0);
      expect(full.take(1, 0)).toBeGreaterThan(0);
    }),
  );
});
