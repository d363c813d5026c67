// Goal: what waits for a subscriber is bounded, loses no change, and is freed when the subscriber goes.
// Method: the slot by example and against a model under random puts and takes; the hub over a store that is empty.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AlertScope, Live, type WindowScope } from '../../server/live/index.js';
import { Slot, WINDOWS_OF_A_MESSAGE_MAX } from '../../server/live/slot.js';
import type { Database } from '../../server/store/database.js';

const WINDOW_MS = 10_000;
const starts = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i * WINDOW_MS);

test('keeps what changed, by agent, each window once, until it is taken', () => {
  const slot = new Slot(WINDOW_MS);
  slot.put('a', [0, 10_000]);
  slot.put('b', [20_000]);
  slot.put('a', [10_000, 30_000]);
  const taken = slot.take();
  expect([...taken.keys()]).toEqual(['a', 'b']);
  expect([...taken.get('a')!.starts].sort((x, y) => x - y)).toEqual([0, 10_000, 30_000]);
  expect(taken.get('a')!.stale).toBeNull();
  expect(slot.take().size).toBe(0);
});

test('of 100 windows the newest 60 stay, and the others are one stale span', () => {
  const slot = new Slot(WINDOW_MS);
  slot.put('a', starts(100));
  const { starts: kept, stale } = slot.take().get('a')!;
  expect([...kept].sort((x, y) => x - y)).toEqual(starts(60, 400_000));
  expect(stale).toEqual({ fromMs: 0, toMs: 400_000 });
});

test('exactly 60 windows are all told, and the 61st makes a stale span of one window', () => {
  const slot = new Slot(WINDOW_MS);
  slot.put('a', starts(WINDOWS_OF_A_MESSAGE_MAX));
  slot.put('b', starts(WINDOWS_OF_A_MESSAGE_MAX));
  slot.put('b', [WINDOWS_OF_A_MESSAGE_MAX * WINDOW_MS]);
  const taken = slot.take();
  expect(taken.get('a')!.stale).toBeNull();
  expect(taken.get('b')!.stale).toEqual({ fromMs: 0, toMs: WINDOW_MS });
});

test('whatever is put, in whatever order: at most 60 windows an agent, and every change is told or in the stale span', () => {
  const put = fc.record({
    agent: fc.constantFrom('a', 'b', 'c'),
    windows: fc.array(fc.integer({ min: -50, max: 400 }), { maxLength: 120 }),
  });
  fc.assert(
    fc.property(fc.array(put, { maxLength: 20 }), (puts) => {
      const slot = new Slot(WINDOW_MS);
      for (const { agent, windows } of puts) {
        slot.put(
          agent,
          windows.map((window) => window * WINDOW_MS),
        );
        expect(slot.size).toBeLessThanOrEqual(3 * (WINDOWS_OF_A_MESSAGE_MAX + 1));
      }
      const taken = slot.take();
      for (const { agent, windows } of puts) {
        const { starts: kept, stale } = taken.get(agent)!;
        expect(kept.size).toBeLessThanOrEqual(WINDOWS_OF_A_MESSAGE_MAX);
        const newest = Math.max(...kept);
        for (const start of windows.map((window) => window * WINDOW_MS)) {
          const isStale = stale !== null && stale.fromMs <= start && start + WINDOW_MS <= stale.toMs;
          expect(kept.has(start) || isStale).toBe(true);
          expect(start).toBeLessThanOrEqual(newest);
        }
      }
    }),
  );
});

test('a hundred thousand changes that nobody takes cost no more than the first few', () => {
  const slot = new Slot(WINDOW_MS);
  for (let i = 0; i < 100_000; i++) slot.put(`agent ${i % 3}`, starts(5, i * 1_000));
  expect(slot.size).toBeLessThanOrEqual(3 * (WINDOWS_OF_A_MESSAGE_MAX + 1));
});

test('waits for news, tells at once what is there already, and ends when it is closed', async () => {
  const slot = new Slot(WINDOW_MS);
  const waiting = slot.filled();
  slot.put('a', [0]);
  expect(await waiting).toBe(true);
  expect(await slot.filled()).toBe(true);
  slot.take();
  const ended = slot.filled();
  slot.close();
  expect(await ended).toBe(false);
  slot.put('a', [0]);
  expect(await slot.filled()).toBe(false);
});

const emptyStore = {
  inTenants: async (_tenants: string[], work: (tx: object) => unknown) => work({ sql: async () => [] }),
} as unknown as Database;
const windowScope: WindowScope = { tenantId: 't', agentIds: null, windowParts: [], slidingParts: [] };
const alertScope: AlertScope = { tenantId: 't', agentIds: null, ruleIds: null, after: null };

const subscribing: [string, (live: Live) => AsyncIterableIterator<unknown>][] = [
  ['windows', (live) => live.windows(windowScope)],
  ['windows of one agent', (live) => live.windows({ ...windowScope, agentIds: ['x'] })],
  ['alert events', (live) => live.alertEvents(alertScope)],
];

async function readAll(subscription: AsyncIterableIterator<unknown>): Promise<void> {
  for await (const _ of subscription);
}

test.each(subscribing)('%s: those who leave while nothing changes are forgotten at once', async (_what, subscribe) => {
  const live = new Live(emptyStore);
  const subscriptions = Array.from({ length: 50 }, () => subscribe(live));
  const reading = subscriptions.map(readAll);
  expect(live.subscribers).toBe(50);
  await Promise.all(subscriptions.map((subscription) => subscription.return?.()));
  expect(live.subscribers).toBe(0);
  await Promise.all(reading);
});

test('one who leaves within the second after a message is forgotten, though news waits', async () => {
  const live = new Live(emptyStore);
  const subscription = live.windows(windowScope);
  await subscription.next();
  const next = subscription.next();
  live.changedWindows('t', 'x', [0]);
  await subscription.return?.();
  expect(live.subscribers).toBe(0);
  await next;
  expect((await subscription.next()).done).toBe(true);
});

test('a store that fails ends the subscription, and the subscriber is forgotten', async () => {
  const failing = { inTenants: () => Promise.reject(new Error('away')) } as unknown as Database;
  for (const [, subscribe] of subscribing) {
    const live = new Live(failing);
    await expect(subscribe(live).next()).rejects.toThrow('away');
    expect(live.subscribers).toBe(0);
  }
});

test('the server stops: every subscription ends', async () => {
  const live = new Live(emptyStore);
  const ended = subscribing.map(([, subscribe]) => readAll(subscribe(live)));
  expect(live.subscribers).toBe(3);
  live.close();
  await Promise.all(ended);
  expect(live.subscribers).toBe(0);
});
