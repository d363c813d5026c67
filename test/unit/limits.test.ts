// Goal: limits let through just what they say, tell when to come again, and cost bounded memory whoever knocks.
// Method: buckets and keys by example with time as a number, the law by property; addresses by example.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addressKey } from '../../server/core/limits/address.js';
import { type Bucket, take } from '../../server/core/limits/bucket.js';
import { Limiter } from '../../server/core/limits/limiter.js';

const SPEC = { perSecond: 2, burst: 4 };

describe('a bucket', () => {
  test('gives its burst at once, then says how long to wait, and gives again just then', () => {
    let bucket: Bucket | null = null;
    for (let i = 0; i < 4; i++) {
      const taken = take(SPEC, bucket, 1, 1_000);
      expect(taken.waitMs).toBe(0);
      bucket = taken.bucket;
    }
    expect(take(SPEC, bucket, 1, 1_000).waitMs).toBe(500);
    expect(take(SPEC, bucket, 1, 1_250).waitMs).toBe(250);
    expect(take(SPEC, bucket, 1, 1_500).waitMs).toBe(0);
  });

  test('more than a full bucket is taken from a full one, and is owed', () => {
    const taken = take(SPEC, null, 10, 0);
    expect(taken.waitMs).toBe(0);
    expect(take(SPEC, taken.bucket, 1, 0).waitMs).toBe(3_500);
  });

  test('a clock that goes back gives nothing', () => {
    expect(take(SPEC, { held: 0, atMs: 1_000 }, 1, 0).waitMs).toBe(500);
  });

  test('never gives more than the burst and what came in meanwhile', () => {
    const calls = fc.array(fc.tuple(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 1, max: 4 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(calls, (list) => {
        let [bucket, nowMs, given]: [Bucket | null, number, number] = [null, 0, 0];
        for (const [afterMs, amount] of list) {
          nowMs += afterMs;
          const taken: ReturnType<typeof take> = take(SPEC, bucket, amount, nowMs);
          bucket = taken.bucket;
          if (taken.waitMs === 0) given += amount;
          expect(given).toBeLessThanOrEqual(SPEC.burst + (SPEC.perSecond * nowMs) / 1_000 + 1e-6);
        }
      }),
    );
  });
});

describe('a limiter', () => {
  test('each key has its own, and what is given back can be taken again, up to the burst', () => {
    const limiter = new Limiter(SPEC, 10);
    expect(limiter.take('a', 4, 0)).toBe(0);
    expect(limiter.take('a', 1, 0)).toBe(500);
    expect(limiter.take('b', 1, 0)).toBe(0);
    limiter.giveBack('a', 100);
    expect(limiter.take('a', 4, 0)).toBe(0);
    expect(limiter.take('a', 1, 0)).toBeGreaterThan(0);
  });

  test('a flood of keys keeps as many as it may, and those last used', () => {
    const limiter = new Limiter(SPEC, 100);
    limiter.take('known', 4, 0);
    for (let i = 0; i < 10_000; i++) {
      limiter.take(`stranger ${i}`, 1, 0);
      if (i % 50 === 0) expect(limiter.take('known', 4, 0)).toBeGreaterThan(0);
    }
    expect(limiter.size).toBe(100);
  });
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', ''],
])('the address %s counts as %s', (address, key) => expect(addressKey(address)).toBe(key));
