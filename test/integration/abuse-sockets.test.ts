// Goal: hostile sockets are closed with the code that says why, cost nobody else an answer, and leave nothing behind.
// Method: a real server; bare WebSockets that break the protocol while a well-behaved subscriber hears on; thousands in
// waves, then counts go back to nothing.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import WebSocket from 'ws';
import {
  besideSubscriber,
  codeOf,
  heardOf,
  knownStrangers,
  LIMITS,
  LIVE,
  newToken,
  type Opened,
  open,
  openSockets,
  ready,
  server,
  serveSockets,
  signedIn,
  subscribe,
} from '../support/bare-sockets.js';
import { sendRaw } from '../support/hostile.js';
import { until } from '../support/server.js';

serveSockets();

describe('sockets that break the rules', () => {
  const message = (text: string | Buffer) => async (opened: Opened) => {
    await ready(opened);
    opened.socket.send(text);
  };

  test.each<[string, { protocols?: string[]; origin?: string }, (opened: Opened) => Promise<void>, number]>([
    ['says nothing', {}, ready as never, 4408],
    ['begins with no message of the protocol', {}, message('{"type":"hello"}'), 4400],
    ['begins with no JSON', {}, message('GET / HTTP/1.1'), 4400],
    ['sends binary', {}, message(Buffer.from([0, 1, 2])), 4400],
    [
      'subscribes before it signs in',
      {},
      message(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: LIVE } })),
      4401,
    ],
    ['signs in without a token', {}, message('{"type":"connection_init"}'), 4401],
    [
      'signs in with a wrong token',
      {},
      message('{"type":"connection_init","payload":{"authorization":"Bearer x"}}'),
      4401,
    ],
    ['sends a message that is too large', {}, message('x'.repeat(300_000)), 1009],
    ['speaks no protocol', { protocols: [] }, ready as never, 4406],
    ['comes from a foreign page', { origin: 'https://evil.example' }, async () => undefined, 403],
    ['comes from a page of no origin', { origin: 'null' }, async () => undefined, 403],
  ])('one that %s', async (_what, options, act, code) => {
    await besideSubscriber(async () => {
      const opened = Array.from({ length: 4 }, () => open(options));
      await Promise.all(opened.map(act));
      expect(await Promise.all(opened.map(({ ended }) => ended))).toEqual(Array(4).fill(code));
    });
  });

  test('one that guesses tokens is told that it is too many, and a valid token is still taken', async () => {
    const guess = async () => {
      const opened = open();
      await message('{"type":"connection_init","payload":{"authorization":"Bearer guess"}}')(opened);
      return opened.ended;
    };
    const codes = await Promise.all(Array.from({ length: 60 }, guess));
    expect(new Set(codes)).toEqual(new Set([4401, 4429]));
    expect(codes.filter((code) => code === 4401).length).toBeLessThanOrEqual(20);
    const good = await signedIn(server.operatorToken);
    expect(good.heard[0].type).toBe('connection_ack');
    good.socket.close();
  });

  test('one that sends message upon message', async () => {
    const good = await signedIn(server.operatorToken);
    for (let i = 0; i < 1_000; i++) good.socket.send('{"type":"ping"}');
    expect(await good.ended).toBe(4429);
  });

  test('one that pings and never reads', async () => {
    const good = await signedIn(server.operatorToken);
    good.socket.pause();
    for (let i = 0; i < 1_000; i++) good.socket.ping();
    await until(() => openSockets() === 0, 5_000, 'it to be cut off');
  });

  test.each<[string, string]>([
    ['a query', '{ viewer { role } }'],
    ['a mutation', 'mutation { deleteAgent(id: "a") }'],
    ['too deep', `subscription { alertEvents ${'{ startedBy '.repeat(20)} { id } ${'}'.repeat(20)} }`],
    [
      'many aliases',
      `subscription { liveWindows { ${Array.from({ length: 60 }, (_, i) => `a${i}: stale { from }`).join(' ')} } }`,
    ],
    ['no GraphQL', '}{'],
    [
      'a cost above all',
      `subscription { liveWindows { windows { stats { ${Array.from({ length: 9 }, (_, i) => `a${i}: top(dimension: PATH, first: 1000) { key hits bytes }`).join(' ')} } } } }`,
    ],
  ])('%s over a socket is refused, and the socket goes on', async (what, query) => {
    const opened = await signedIn(server.operatorToken);
    subscribe(opened, '1', query);
    await until(() => heardOf(opened, '1') !== undefined);
    const isTooComplex = ['too deep', 'many aliases', 'a cost above all'].includes(what);
    expect(heardOf(opened, '1')!.type).toBe('error');
    expect(codeOf(opened, '1')).toBe(isTooComplex ? 'QUERY_TOO_COMPLEX' : 'BAD_USER_INPUT');
    subscribe(opened, '2');
    await until(() => heardOf(opened, '2')?.type === 'next');
    opened.socket.close();
  });
});

describe('too many', () => {
  test('sockets of a token, subscriptions of a socket and of a token', async () => {
    const { secret } = await newToken();
    const opened = await Promise.all(Array.from({ length: 20 }, () => signedIn(secret)));
    expect(await (await signedIn(secret)).ended).toBe(4429);
    const [first, second, third, fourth] = opened;
    for (let i = 0; i < 11; i++) subscribe(first, `${i}`);
    await until(() => first.heard.filter(({ id }) => id !== undefined).length === 11);
    expect(first.heard.filter(({ type }) => type === 'next')).toHaveLength(10);
    expect(codeOf(first, '10')).toBe('RATE_LIMITED');
    for (const one of [second, third]) for (let i = 0; i < 10; i++) subscribe(one, `${i}`);
    await until(() => [second, third].every(({ heard }) => heard.filter(({ type }) => type === 'next').length === 10));
    subscribe(fourth, 'a');
    await until(() => heardOf(fourth, 'a') !== undefined);
    expect(codeOf(fourth, 'a')).toBe('RATE_LIMITED');
    // One that ends makes room.
    first.socket.close();
    await first.ended;
    await until(async () => {
      const id = `b${fourth.heard.length}`;
      subscribe(fourth, id);
      await until(() => heardOf(fourth, id) !== undefined);
      return heardOf(fourth, id)!.type === 'next';
    });
    for (const { socket } of opened) socket.close();
    await until(() => openSockets() === 0);
  });

  test('thousands in waves, and sign-ins that never come: refused beyond what an address may, and all forgotten', async () => {
    await besideSubscriber(async () => {
      for (let wave = 0; wave < 5; wave++) {
        const opened = Array.from({ length: 500 }, () => open());
        await Promise.all(opened.map(ready));
        expect(openSockets()).toBeLessThanOrEqual(LIMITS.strangersPerAddress + 1);
        const refused = (
          await Promise.all(opened.map(({ socket, ended }) => (socket.readyState === WebSocket.OPEN ? null : ended)))
        ).filter((code) => code !== null);
        expect(refused.length).toBeGreaterThanOrEqual(300 - wave);
        expect(new Set(refused)).toEqual(new Set([429]));
        for (const { socket } of opened) if (wave % 2 === 0) socket.terminate();
        await Promise.all(opened.map(({ ended }) => ended));
      }
    });
    await until(() => openSockets() === 0 && knownStrangers() === 0, 10_000, 'all to be forgotten');
  }, 60_000);

  test('connections that are reset in the middle of a handshake', async () => {
    const { hostname, port } = new URL(server.url);
    await besideSubscriber(async () => {
      for (let i = 0; i < 300; i++) {
        const socket = connect(Number(port), hostname, () => {
          socket.write('GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n');
          if (i % 2) socket.write('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n');
          socket.resetAndDestroy();
        }).on('error', () => undefined);
      }
      await sleep(100);
    });
    await until(() => openSockets() === 0 && knownStrangers() === 0, 10_000, 'all to be forgotten');
    const noKey = 'GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
    expect((await sendRaw(server.url, noKey)).status).toBe(400);
  });
});
