// Goal: groups keep each owner's order, never hold two of one, stay within their limits, and lose nothing.
// Method: random arrivals, takes, releases and returns, against lists.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GroupQueue, type Waiting } from '../../server/core/ingest/grouping.js';

type One = Waiting<number>;
const LIMITS = { items: 4, weight: 10 };

const arrival = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  weight: fc.integer({ min: 0, max: 15 }),
});
const step = fc.oneof(
  { weight: 3, arbitrary: arrival.map((one) => ({ do: 'add' as const, one })) },
  { weight: 2, arbitrary: fc.constant({ do: 'take' as const }) },
  { weight: 2, arbitrary: fc.nat(20).map((which) => ({ do: 'release' as const, which })) },
  { weight: 1, arbitrary: fc.nat(20).map((which) => ({ do: 'return' as const, which })) },
);

function check(group: readonly One[], taken: readonly One[], done: ReadonlyMap<string, number>): void {
  expect(group.length).toBeLessThanOrEqual(LIMITS.items);
  const weight = group.reduce((sum, one) => sum + one.weight, 0);
  if (group.length > 1) expect(weight).toBeLessThanOrEqual(LIMITS.weight);
  const owners = [...taken, ...group].map(({ key }) => key);
  expect(new Set(owners).size).toBe(owners.length);
  for (const { key, item } of group) expect(item).toBeGreaterThan(done.get(key) ?? -1);
}

test('whatever comes, is taken, done and put back', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const queue = new GroupQueue<number>(LIMITS);
      const waiting: One[] = [];
      const taken: One[] = [];
      /** The last of each owner that was done. */
      const done = new Map<string, number>();
      let count = 0;
      const release = (one: One) => {
        queue.release(one);
        done.set(one.key, one.item);
      };
      const take = () => {
        const group = queue.take();
        check(group, taken, done);
        const isFree = waiting.some(({ key }) => !taken.some((one) => one.key === key));
        expect(group.length > 0).toBe(isFree);
        for (const one of group) {
          // The first that waits of its owner.
          expect(waiting.find(({ key }) => key === one.key)).toBe(one);
          waiting.splice(waiting.indexOf(one), 1);
        }
        taken.push(...group);
      };
      for (const one of steps) {
        if (one.do === 'add') {
          const added = { ...one.one, item: count++ };
          queue.add(added);
          waiting.push(added);
        } else if (one.do === 'take') take();
        else if (taken.length > 0) {
          const [some] = taken.splice(one.which % taken.length, 1);
          if (one.do === 'release') release(some);
          else {
            queue.putBack([some]);
            waiting.unshift(some);
          }
        }
        expect(queue.weight).toBe(waiting.reduce((sum, { weight }) => sum + weight, 0));
      }
      while (waiting.length > 0) {
        for (const one of taken.splice(0)) release(one);
        take();
      }
      for (const one of taken) release(one);
      expect(queue.take()).toEqual([]);
    }),
  );
});
