// Goal: groups keep each owner's order, never hold two of one, stay within their limits, lose nothing, and are shared out
// evenly between tenants.
// Method: random arrivals, takes, releases and returns, against lists; tenants that send as much as they can, beside others.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GroupQueue, type Waiting } from '../../server/core/ingest/grouping.js';

type One = Waiting<number>;
const LIMITS = { items: 4, weight: 10, light: 5 };
const TENANT_OF = { a: 'A', b: 'A', c: 'A', d: 'B', e: 'B', f: 'C' };

const arrival = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  weight: fc.integer({ min: 0, max: 15 }),
});
const step = fc.oneof(
  { weight: 3, arbitrary: arrival.map((one) => ({ do: 'add' as const, one })) },
  { weight: 2, arbitrary: fc.constant({ do: 'take' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'take light' as const }) },
  { weight: 2, arbitrary: fc.nat(20).map((which) => ({ do: 'release' as const, which })) },
  { weight: 1, arbitrary: fc.nat(20).map((which) => ({ do: 'return' as const, which })) },
);

function check(group: readonly One[], taken: readonly One[], done: ReadonlyMap<string, number>): void {
  expect(group.length).toBeLessThanOrEqual(LIMITS.items);
  const weight = group.reduce((sum, one) => sum + one.weight, 0);
  if (group.length > 1) expect(weight).toBeLessThanOrEqual(LIMITS.weight);
  if (new Set(group.map(({ tenant }) => tenant)).size > 1) expect(weight).toBeLessThanOrEqual(LIMITS.light);
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
      const take = (most: 'ANY' | 'LIGHT' = 'ANY') => {
        const group = queue.take(most);
        check(group, taken, done);
        const free = waiting.filter(({ key }) => !taken.some((one) => one.key === key));
        const nextOf = (tenant: string) => free.find((one) => one.tenant === tenant);
        const isAny = ['A', 'B', 'C'].map(nextOf).some((one) => one && (most === 'ANY' || one.weight <= LIMITS.light));
        expect(group.length > 0).toBe(isAny);
        expect(queue.isLight(group) || most === 'ANY').toBe(true);
        for (const one of group) {
          // The first that waits of its owner.
          expect(waiting.find(({ key }) => key === one.key)).toBe(one);
          waiting.splice(waiting.indexOf(one), 1);
        }
        taken.push(...group);
      };
      for (const one of steps) {
        if (one.do === 'add') {
          const added = { ...one.one, tenant: TENANT_OF[one.one.key], item: count++ };
          queue.add(added);
          waiting.push(added);
        } else if (one.do === 'take') take();
        else if (one.do === 'take light') take('LIGHT');
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

/** Takes groups one after the other, each done before the next; `more` may add in between. */
function* groupsOf(queue: GroupQueue<number>, more: () => void = () => undefined): Generator<One[]> {
  for (;;) {
    more();
    const group = queue.take();
    if (group.length === 0) return;
    for (const one of group) queue.release(one);
    yield group;
  }
}

const weightOf = (group: readonly One[], tenant: string) =>
  group.filter((one) => one.tenant === tenant).reduce((sum, { weight }) => sum + weight, 0);

/** Of a group. */
const ITEMS = 6;

/** A tenant that never lets anybody wait for it: so many agents, each with batches of this weight. */
const sender = fc.record({ agents: fc.integer({ min: 1, max: 14 }), weight: fc.integer({ min: 1, max: 10 }) });

test('of tenants that have always something waiting, each gets as much as any other', () => {
  fc.assert(
    fc.property(
      fc.array(sender, { minLength: 2, maxLength: 5 }),
      fc.integer({ min: 1, max: 30 }),
      (senders, rounds) => {
        const queue = new GroupQueue<number>({ items: ITEMS, weight: 20, light: 20 });
        let count = 0;
        // Each agent has always some waiting: whoever has enough of them can fill its share.
        const waiting = new Map<string, number>();
        const keepFull = () => {
          senders.forEach(({ agents, weight }, tenant) => {
            for (let agent = 0; agent < agents; agent++) {
              const key = `${tenant} ${agent}`;
              for (let k = waiting.get(key) ?? 0; k < 4; k++)
                queue.add({ tenant: String(tenant), key, weight, item: count++ });
              waiting.set(key, 4);
            }
          });
        };
        const had = senders.map(() => 0);
        let round = 0;
        for (const group of groupsOf(queue, keepFull)) {
          for (const { tenant, key, weight } of group) {
            waiting.set(key, waiting.get(key)! - 1);
            had[Number(tenant)] += weight;
          }
          if (++round === rounds) break;
        }
        // Who has as few agents as a group has places cannot always fill its share: nobody else is held to that.
        const able = had.filter((_, i) => senders[i].agents > ITEMS);
        const heaviest = Math.max(...senders.map(({ weight }) => weight));
        if (able.length > 0) expect(Math.max(...able) - Math.min(...able)).toBeLessThanOrEqual(2 * heaviest);
        for (const [i, weight] of had.entries())
          if (senders[i].agents <= ITEMS) expect(weight).toBeLessThanOrEqual(Math.max(...had));
      },
    ),
  );
});

test('whoever comes after a rest is first in the next group, however much others have waiting', () => {
  fc.assert(
    fc.property(fc.array(sender, { minLength: 1, maxLength: 4 }), fc.nat(10), fc.nat(10), (noisy, before, weight) => {
      const queue = new GroupQueue<number>(LIMITS);
      noisy.forEach((one, tenant) => {
        for (let i = 0; i < 200; i++)
          queue.add({ tenant: String(tenant), key: `${tenant} ${i % one.agents}`, weight: one.weight, item: i });
      });
      const groups = groupsOf(queue);
      for (let i = 0; i < before; i++) groups.next();
      queue.add({ tenant: 'quiet', key: 'quiet', weight, item: 0 });
      // Those that have had as little as it may come before it, each once.
      let ahead = 0;
      for (const group of groups) {
        const place = group.findIndex(({ tenant }) => tenant === 'quiet');
        const before = place < 0 ? group : group.slice(0, place);
        ahead += before.length;
        for (let i = 0; i < noisy.length; i++) {
          const own = before.filter(({ tenant }) => tenant === String(i));
          expect(own.length).toBeLessThanOrEqual(1);
        }
        if (place >= 0) break;
      }
      expect(ahead).toBeLessThanOrEqual(noisy.length);
    }),
  );
});

test('a rest gathers no claim: who was away is not made up for it', () => {
  const queue = new GroupQueue<number>({ items: 2, weight: 100, light: 100 });
  const add = (tenant: string, count: number) => {
    for (let i = 0; i < count; i++) queue.add({ tenant, key: `${tenant} ${i}`, weight: 1, item: i });
  };
  add('long', 1_000);
  const groups = groupsOf(queue);
  for (let i = 0; i < 300; i++) groups.next();
  add('late', 300);
  let [long, late] = [0, 0];
  for (let i = 0; i < 100; i++) {
    const group: One[] = groups.next().value;
    long += weightOf(group, 'long');
    late += weightOf(group, 'late');
  }
  expect(Math.abs(long - late)).toBeLessThanOrEqual(2);
});

test("room: a tenant's backlog is told to come again while another's first batch finds a place", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 300 }), (weights) => {
      const queue = new GroupQueue<number>(LIMITS);
      const [max, heaviest] = [400, 50];
      weights.forEach((weight, item) => {
        if (queue.hasRoom('noisy', max)) queue.add({ tenant: 'noisy', key: `noisy ${item}`, weight, item });
      });
      expect(queue.weight).toBeLessThanOrEqual(max / 2 + heaviest);
      if (weights.reduce((sum, weight) => sum + weight, 0) > max / 2) expect(queue.hasRoom('noisy', max)).toBe(false);
      expect(queue.hasRoom('quiet', max)).toBe(true);
    }),
  );
});
