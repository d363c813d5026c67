// Goal: floods leave the server as it was: its memory and descriptors come back, and who does nothing wrong is answered
// all the while.
// Method: a real server process; floods from many addresses of the loopback network, as many sockets as descriptors allow;
// the first flood warms up, those after it must not add to what the process holds.
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bomb, headOf, sendRaw } from '../support/hostile.js';
import { until } from '../support/server.js';
import { removeFolder, type ServerProcess, startServerProcess } from '../support/server-process.js';

const FLOODS = 3;
/** Sockets of an address that have not signed in, as the server has it. */
const SOCKETS_PER_ADDRESS = 200;
const descriptors = Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1_024);
const SOCKETS = Math.min(9_000, Math.max(100, descriptors - 1_000));
const MEBIBYTE = 2 ** 20;

const folder = mkdtempSync(join(tmpdir(), 'hlm-abuse-'));
let server: ServerProcess;
let token: string;

beforeAll(async () => {
  server = await startServerProcess(folder);
  token = readFileSync(join(folder, 'operator-token'), 'utf8').trim();
}, 120_000);
afterAll(async () => {
  await server.stop();
  removeFolder(folder);
});

const memory = () => 1_024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))![1]);
const openDescriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;

/** Opens a socket from an address of its own, upgrades it, and leaves it. Answers with the status. */
function openSocket(i: number): Promise<{ socket: Socket; status: string }> {
  const { hostname, port } = new URL(server.url);
  const localAddress = `127.0.${1 + Math.floor(i / SOCKETS_PER_ADDRESS / 200)}.${1 + (Math.floor(i / SOCKETS_PER_ADDRESS) % 200)}`;
  return new Promise((resolve) => {
    const socket = connect({ port: Number(port), host: hostname, localAddress }, () => {
      socket.write(
        `GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`,
      );
    });
    socket.on('error', () => resolve({ socket, status: 'error' }));
    socket.once('data', (chunk: Buffer) => resolve({ socket, status: chunk.toString().slice(9, 12) }));
    socket.once('close', () => resolve({ socket, status: 'closed' }));
  });
}

async function floodOfSockets(): Promise<number> {
  const opened = await Promise.all(Array.from({ length: SOCKETS }, (_, i) => openSocket(i)));
  const upgraded = opened.filter(({ status }) => status === '101').length;
  // Those that never say who they are are closed by the server.
  await Promise.all(
    opened.map(
      ({ socket }) =>
        new Promise<void>((resolve) => (socket.closed ? resolve() : socket.resume().once('close', () => resolve()))),
    ),
  );
  return upgraded;
}

async function floodOfRequests(): Promise<void> {
  const json = { 'content-type': 'application/json' };
  const zipped = bomb(256 * MEBIBYTE);
  const bombs = Buffer.concat([
    Buffer.from(headOf(token, { ...json, 'content-encoding': 'gzip', 'content-length': zipped.length })),
    zipped,
  ]);
  const large = Buffer.concat([
    Buffer.from(headOf(token, { ...json, 'content-length': 17 * MEBIBYTE })),
    Buffer.alloc(17 * MEBIBYTE, '{'),
  ]);
  const guess = (i: number) => headOf(`guess-${i}-${Math.random()}`, { ...json, 'content-length': 2 });
  for (let round = 0; round < 5; round++) {
    await Promise.all([
      ...Array.from({ length: 10 }, () => sendRaw(server.url, bombs)),
      ...Array.from({ length: 5 }, () => sendRaw(server.url, large)),
      ...Array.from({ length: 300 }, (_, i) => sendRaw(server.url, `${guess(i)}{}`)),
      ...Array.from({ length: 100 }, () => sendRaw(server.url, 'garbage\r\n\r\n')),
    ]);
  }
}

test('floods of sockets, bombs, guesses and garbage', async () => {
  let flooding = true;
  let answered = 0;
  const asking = (async () => {
    while (flooding) {
      expect((await server.gql('{ viewer { role } }')).data).toEqual({ viewer: { role: 'OPERATOR' } });
      answered++;
    }
  })();
  const before = openDescriptors();
  let warm = 0;
  try {
    for (let flood = 0; flood < FLOODS; flood++) {
      // Of so many at once a busy machine's backlog may drop some.
      expect(await floodOfSockets()).toBeGreaterThan(0.8 * SOCKETS);
      await floodOfRequests();
      await until(() => openDescriptors() <= before + 20, 20_000, 'descriptors to come back');
      if (flood === 0) warm = memory();
    }
  } finally {
    flooding = false;
    await asking;
  }
  expect(answered).toBeGreaterThan(50);
  await until(() => memory() < warm * 1.3 + 64 * MEBIBYTE, 30_000, `memory to come back to ${warm}, not ${memory()}`);
}, 240_000);
