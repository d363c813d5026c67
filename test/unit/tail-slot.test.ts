// Goal: what waits for one who follows entries is bounded and counted exactly; servers tell each other what is followed, and
// only that.
// Method: the slot against a sum under random puts and takes; two hubs over stores that hold nothing, on a bus in memory.
import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeLogBatch } from '../../schema/log-batch.js';
import { batchOf } from '../../schema/log-batch-builder.js';
import { Tails } from '../../server/live/index.js';
import { ENTRIES_OF_A_MESSAGE_MAX, type TailBatch, TailSlot } from '../../server/live/tail-slot.js';
import type { TakenIn } from '../../server/live/tails.js';
import type { Bus, BusMember } from '../../server/store/bus.js';
import type { Database } from '../../server/store/database.js';
import { entry } from '../support/entries.js';

const batch = (from: number, admitted: number): TailBatch => ({
  agentId: 'a',
  streamId: 's',
  from,
  lines: admitted,
  admitted,
});

test('whatever is put: as many batches as a message tells of, the newest, and each entry is held or left out', () => {
  const steps = fc.array(
    fc.oneof(fc.integer({ min: 1, max: 250 }), fc.constant('take' as const), fc.constant('leave out' as const)),
  );
  fc.assert(
    fc.property(steps, (all) => {
      const slot = new TailSlot();
      let admitted = 0;
      all.forEach((step, from) => {
        if (step === 'leave out') slot.leaveOut(7);
        else if (step !== 'take') slot.put(batch(from, step));
        if (step !== 'take') admitted += step === 'leave out' ? 7 : step;
        expect(slot.size).toBeLessThanOrEqual(ENTRIES_OF_A_MESSAGE_MAX);
        if (step !== 'take' && from < all.length - 1) return;
        const { batches, missed } = slot.take();
        const held = batches.reduce((sum, one) => sum + one.admitted, 0);
        expect(held + missed).toBe(admitted);
        expect(batches.map((one) => one.from)).toEqual(batches.map((one) => one.from).toSorted((a, b) => a - b));
        // Without the oldest it could not fill a message; nothing is left out while it can.
        expect(held - (batches[0]?.admitted ?? 0)).toBeLessThan(ENTRIES_OF_A_MESSAGE_MAX);
        if (missed > 0 && !all.includes('leave out')) expect(held).toBeGreaterThanOrEqual(ENTRIES_OF_A_MESSAGE_MAX);
        expect(slot.isEmpty).toBe(true);
        admitted = 0;
      });
    }),
  );
});

/** A store without a single chunk: all that was taken in has been deleted. */
const emptyStore = {
  inTenants: async (_tenants: string[], work: (tx: object) => unknown) => work({ sql: async () => [] }),
} as unknown as Database;

/** Servers that hear each other at once. */
class Together {
  readonly said: unknown[] = [];
  private readonly members: BusMember[] = [];

  bus(): Bus {
    let own: BusMember;
    const join = (_name: string, member: BusMember) => {
      own = member;
      this.members.push(member);
    };
    const wake = () => {
      for (const message of own.collect()) {
        this.said.push(message);
        for (const member of this.members) if (member !== own) member.take(JSON.parse(JSON.stringify(message)));
      }
    };
    return { join, wake } as unknown as Bus;
  }
}

const takenIn = (about: Partial<TakenIn> & { statuses?: number[] } = {}): TakenIn => {
  const { statuses = [200, 404, 500], ...more } = about;
  const decoded = decodeLogBatch(batchOf(statuses.map((status) => entry({ timeMs: 0, status }))));
  const rest = { left: new Uint8Array(statuses.length), accepted: statuses.length };
  return { tenantId: 't', agentId: 'a', streamId: 's', from: 0, batch: decoded, ...rest, ...more };
};
const everything = { tenantId: 't', agentIds: null, filter: {} };

async function missedOf(tail: AsyncIterableIterator<{ missed: number }>): Promise<number> {
  return (await tail.next()).value.missed;
}

test('what is gone once it is to be told counts as left out; what the filter, the agents or the checks refuse never does', async () => {
  const tails = new Tails(emptyStore, new Together().bus(), 10);
  const all = tails.follow(everything);
  const errors = tails.follow({ ...everything, filter: { statusMin: 400 } });
  const others = tails.follow({ ...everything, agentIds: ['b'] });
  for (const tail of [all, errors, others]) expect(await missedOf(tail)).toBe(0);
  tails.takenIn(takenIn());
  tails.takenIn(takenIn({ from: 3, left: Uint8Array.from([0, 0, 1]), accepted: 2 }));
  tails.takenIn(takenIn({ tenantId: 'another' }));
  tails.takenIn(takenIn({ agentId: 'b', from: 6, statuses: [200] }));
  expect(await missedOf(all)).toBe(6);
  expect(await missedOf(errors)).toBe(3);
  expect(await missedOf(others)).toBe(1);
  tails.close();
  expect(await all.next()).toEqual({ done: true, value: undefined });
});

test('another server tells what it took in of what is followed, whoever of them began first, and else nothing', async () => {
  const servers = new Together();
  const here = new Tails(emptyStore, servers.bus(), 10);
  const errors = here.follow({ ...everything, filter: { statusMin: 500, method: 'GET' } });
  const alike = here.follow({ ...everything, filter: { method: 'GET', statusMin: 500 } });
  const there = servers.bus();
  let member: BusMember | undefined;
  const joining = {
    join: (name: string, own: BusMember) => there.join(name, (member = own)),
    wake: () => there.wake(),
  };
  const elsewhere = new Tails(emptyStore, joining as unknown as Bus, 10);
  // As it has a connection it asks what is followed on the others.
  member?.connected?.();
  for (const tail of [errors, alike]) expect(await missedOf(tail)).toBe(0);
  elsewhere.takenIn(takenIn());
  elsewhere.takenIn(takenIn({ from: 3, statuses: [500, 503] }));
  expect(await missedOf(errors)).toBe(3);
  expect(await missedOf(alike)).toBe(3);
  const said = servers.said.length;
  elsewhere.takenIn(takenIn({ statuses: [200] }));
  elsewhere.takenIn(takenIn({ tenantId: 'another', statuses: [500] }));
  expect(servers.said.length).toBe(said);
  for (const tails of [here, elsewhere]) tails.close();
});

test('once nobody follows any more, other servers stop telling', async () => {
  const clock = jest.spyOn(performance, 'now').mockReturnValue(0);
  const servers = new Together();
  const [here, elsewhere] = [0, 1].map(() => new Tails(emptyStore, servers.bus(), 10));
  const tail = here.follow(everything);
  await tail.return?.();
  expect(here.subscribers).toBe(0);
  elsewhere.takenIn(takenIn());
  const said = servers.said.length;
  clock.mockReturnValue(60_000);
  for (let from = 3; from < 9; from += 3) elsewhere.takenIn(takenIn({ from }));
  expect(servers.said.length).toBe(said);
  clock.mockRestore();
  for (const tails of [here, elsewhere]) tails.close();
});

test('of different tails a tenant has so many, of one as many as come', () => {
  const tails = new Tails(emptyStore, new Together().bus(), 2);
  for (const statusMin of [400, 500, 400, 500]) tails.follow({ ...everything, filter: { statusMin } });
  expect(() => tails.follow(everything)).toThrow('2 different log tails');
  tails.follow({ ...everything, tenantId: 'another' });
  expect(tails.subscribers).toBe(5);
  tails.close();
});

test('one who leaves twice takes nobody along who came after', async () => {
  const tails = new Tails(emptyStore, new Together().bus(), 2);
  const first = tails.follow(everything);
  await first.return?.();
  const second = tails.follow(everything);
  await first.return?.();
  expect(await missedOf(second)).toBe(0);
  tails.takenIn(takenIn());
  expect(await missedOf(second)).toBe(3);
  tails.close();
});
