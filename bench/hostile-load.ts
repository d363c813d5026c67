// A process of its own that does to a server what nobody should, at a steady pace, until told to stop; then it says how much.
import { request } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';

const TICK_MS = 50;
const MEBIBYTE = 2 ** 20;

const { hostname, port } = new URL(process.argv[2]);
/** Another address than that of who does nothing wrong. */
const localAddress = '127.0.0.2';
const token = process.env.HOSTILE_TOKEN ?? '';
let sent = 0;

const member = gzipSync(Buffer.alloc(MEBIBYTE));
const bomb = Buffer.concat(Array<Buffer>(64).fill(member));
const deep = `{ viewer ${'{ a '.repeat(40)}${'}'.repeat(40)} }`;
const wide = `{ viewer { ${'role '.repeat(1_500)} } }`;
const aliased = `{ ${Array.from({ length: 200 }, (_, i) => `a${i}: viewer { role }`).join(' ')} }`;
const costly = '{ agents(first: 500) { nodes { streams(first: 1000) { rejections { reason } } } } }';

function post(secret: string, body: string | Buffer, headers: Record<string, string> = {}): void {
  sent++;
  const all = { 'content-type': 'application/json', authorization: `Bearer ${secret}`, ...headers };
  request({ hostname, port, localAddress, path: '/graphql', method: 'POST', headers: all, agent: false }, (answer) =>
    answer.resume(),
  )
    .on('error', () => undefined)
    .end(body);
}

/** Sends some bytes, and leaves the connection to the server. */
function leave(bytes: string): void {
  sent++;
  const socket = connect({ port: Number(port), host: hostname, localAddress }, () => socket.write(bytes));
  socket.on('error', () => undefined).resume();
}

const UPGRADE = `GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`;

/** A twentieth of a second's. */
function tick(count: number): void {
  for (let i = 0; i < 10; i++) post(`guess-${Math.random()}`, '{}');
  for (let i = 0; i < 3; i++) leave(UPGRADE);
  for (let i = 0; i < 3; i++) leave('garbage\r\n\r\n');
  leave('GET /graphql HTTP/1.1\r\nx: ');
  post(token, '{"query": ');
  for (const query of [deep, aliased, costly]) post(token, JSON.stringify({ query }));
  if (count % 10 === 0) post(token, JSON.stringify({ query: `${wide} #${Math.random()}` }));
  if (count % 20 === 0) post(token, bomb, { 'content-encoding': 'gzip' });
}

let ticks = 0;
setInterval(() => tick(ticks++), TICK_MS);
process.on('message', () => process.send?.(sent, () => process.exit(0)));
process.on('disconnect', () => process.exit(0));
