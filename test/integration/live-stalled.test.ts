// Goal: a subscriber that stops reading costs the server a bounded place, delays nobody, and is closed after ten seconds.
// Method: raw TCP clients that subscribe to large messages and stall at different moments, so that the pings of the
// protocol fall before, within and after their ten seconds; appends go on all the while, and a healthy one counts.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Live } from '../../server/live/index.js';
import { subscribeRaw } from '../support/raw-socket.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { sendDirect } from '../support/sources.js';

const NOON = Date.parse('2024-05-01T12:00:00Z') / 1_000;
/** Sixty windows with a hundred long paths each: about a megabyte a message. */
const LARGE = `subscription { liveWindows { agent { name } windows { start stats { hits top(dimension: PATH, first: 100) { key hits } } } } }`;
const SMALL = 'subscription { liveWindows { agent { name } windows { start stats { hits } } } }';
const LONG = 'x'.repeat(150);
const AGENTS = ['a', 'b', 'c'];

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
function heapMegabytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

let server: TestServer;
let live: Live;
const { windows } = Live.prototype;

beforeAll(async () => {
  Live.prototype.windows = function (scope) {
    live = this;
    return windows.call(this, scope);
  };
  server = await startTestServer();
  for (const agent of AGENTS) {
    const bursts = Array.from({ length: 60 }, (_, i) => ({ at: NOON + i * 10, hits: 100, path: `/${LONG}/${i}/*` }));
    await sendDirect(server, agent, ...bursts);
  }
}, 60_000);
afterAll(async () => {
  Live.prototype.windows = windows;
  await server.close();
});

/** Appends to all windows of all agents, over and over, until told to stop; returns how many. */
function appendOnAndOn(): { stop: () => Promise<number> } {
  let stopped = false;
  const bursts = Array.from({ length: 60 }, (_, i) => ({ at: NOON + i * 10, hits: 1, path: '/again' }));
  const loops = [...AGENTS.map((agent) => ({ agent, sent: bursts })), { agent: 'd', sent: bursts.slice(0, 1) }].map(
    async ({ agent, sent }) => {
      let count = 0;
      for (; !stopped; count++) await sendDirect(server, agent, ...sent);
      return count;
    },
  );
  return {
    stop: async () => {
      stopped = true;
      return (await Promise.all(loops)).reduce((sum, count) => sum + count, 0);
    },
  };
}

test('stalled subscribers: bounded, closed after ten seconds, and a healthy one hears every second', async () => {
  const complaints = jest.spyOn(console, 'error').mockImplementation(() => undefined);
  const healthy = server.subscribe(SMALL);
  await healthy.next();
  const heardMs: number[] = [];
  let listening = true;
  const hearing = (async () => {
    while (listening) {
      await healthy.next(10_000);
      heardMs.push(performance.now());
    }
  })();

  const appending = appendOnAndOn();
  const before = heapMegabytes();
  const stalledMs: number[] = [];
  const closedMs: number[] = [];
  let peak = before;
  let weighedMs = performance.now();
  const watch = async (more: number) => {
    const since = performance.now();
    await until(
      () => {
        if (performance.now() - weighedMs > 2_000) {
          peak = Math.max(peak, heapMegabytes());
          weighedMs = performance.now();
        }
        // They are closed in the order in which they stalled.
        while (closedMs.length < stalledMs.length + 1 - live.subscribers) closedMs.push(performance.now());
        return more > 0 ? performance.now() - since > more : closedMs.length === stalledMs.length;
      },
      40_000,
      'the stalled subscribers to be closed',
    );
  };
  const sockets = [];
  for (let i = 0; i < 4; i++) {
    const raw = await subscribeRaw(server.url, server.operatorToken, LARGE);
    sockets.push(raw);
    raw.stall();
    stalledMs.push(performance.now());
    await watch(2_500);
  }
  await watch(0);
  const appends = await appending.stop();
  listening = false;
  await hearing;

  // The kernel's buffers fill within some messages, then nothing is taken for 10 s, which is looked at every 2 s.
  for (const [i, at] of closedMs.entries()) {
    expect(at - stalledMs[i]).toBeGreaterThan(10_000);
    expect(at - stalledMs[i]).toBeLessThan(30_000);
  }
  expect(appends).toBeGreaterThan(50);
  // Each holds at most the message that it does not take, and what of it is being written.
  expect(peak - before).toBeLessThan(100);
  const gaps = heardMs.slice(1).map((at, i) => at - heardMs[i]);
  expect(Math.max(...gaps)).toBeLessThan(8_000);
  expect(complaints).not.toHaveBeenCalled();
  complaints.mockRestore();
  for (const { socket } of sockets) socket.destroy();
  await healthy.close();
  await until(() => live.subscribers === 0, 5_000, 'nobody listens any more');
}, 90_000);

test('one who reads slowly, but reads, is not closed', async () => {
  const raw = await subscribeRaw(server.url, server.operatorToken, LARGE);
  const appending = appendOnAndOn();
  const since = performance.now();
  raw.stall();
  // Two seconds of nothing, then a sip, over and over: for longer than a stalled one would last.
  while (performance.now() - since < 16_000) {
    const pause = performance.now();
    await until(() => performance.now() - pause > 2_000, 10_000, 'a pause');
    await raw.sip(1_000_000);
  }
  expect(live.subscribers).toBe(1);
  await appending.stop();
  raw.socket.destroy();
  await until(() => live.subscribers === 0, 5_000, 'the subscriber is forgotten');
}, 60_000);
