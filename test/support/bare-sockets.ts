import { afterAll, beforeAll, expect } from '@jest/globals';
import WebSocket, { WebSocketServer } from 'ws';
import { Strangers } from '../../server/api/walls/strangers.js';
import { hashSecret, newSecret, Tokens } from '../../server/auth/tokens.js';
import { databaseUrl, withConnection } from './database.js';
import { type Subscription, startTestServer, type TestServer, until } from './server.js';
import { sendDirect } from './sources.js';

/* A server, a subscriber that does nothing wrong, and sockets that do. */

export const LIVE = 'subscription { liveWindows { agent { name } windows { start } } }';
export const PROTOCOL = 'graphql-transport-ws';
export const LIMITS = {
  socketsPerToken: 20,
  subscriptionsPerToken: 30,
  subscriptionsPerSocket: 10,
  strangersPerAddress: 200,
};

export let server: TestServer;
export let tokens: Tokens;
const strangers = new Set<Strangers>();
const servers = new Set<WebSocketServer>();
const { signIn } = Tokens.prototype;
const { enter } = Strangers.prototype;
const { handleUpgrade } = WebSocketServer.prototype;

/** A server for a test file, whose tokens and open sockets can be looked at. */
export function serveSockets(): void {
  beforeAll(async () => {
    Tokens.prototype.signIn = function (secret) {
      tokens = this;
      return signIn.call(this, secret);
    };
    Strangers.prototype.enter = function (socket, from) {
      strangers.add(this);
      return enter.call(this, socket, from);
    };
    WebSocketServer.prototype.handleUpgrade = function (...args) {
      servers.add(this);
      return handleUpgrade.apply(this, args);
    };
    server = await startTestServer({ limits: LIMITS });
  }, 60_000);
  afterAll(async () => {
    Object.assign(Tokens.prototype, { signIn });
    Object.assign(Strangers.prototype, { enter });
    Object.assign(WebSocketServer.prototype, { handleUpgrade });
    await server.close();
  });
}

const count = (sizes: Iterable<number>) => [...sizes].reduce((sum, size) => sum + size, 0);
export const openSockets = () => count([...servers].map(({ clients }) => clients.size));
export const knownStrangers = () => count([...strangers].map(({ size }) => size));

export interface Opened {
  socket: WebSocket;
  /** Close code, or the status with which it was not opened. */
  ended: Promise<number>;
  heard: { type: string; id?: string; payload?: unknown }[];
}

export function open({ protocols = [PROTOCOL], ...options }: { protocols?: string[]; origin?: string } = {}): Opened {
  const socket = new WebSocket(server.url.replace(/^http/, 'ws'), protocols, options);
  const heard: Opened['heard'] = [];
  socket.on('message', (data) => heard.push(JSON.parse(String(data))));
  const ended = new Promise<number>((resolve) => {
    let status = 0;
    socket.on('unexpected-response', (_request, response) => {
      status = response.statusCode ?? 0;
      response.resume();
      socket.terminate();
    });
    socket.on('error', () => undefined);
    socket.on('close', (code) => resolve(status || code));
  });
  return { socket, ended, heard };
}

export const ready = ({ socket, ended }: Opened) =>
  Promise.race([new Promise((resolve) => socket.once('open', resolve)), ended]);

export async function signedIn(secret: string): Promise<Opened> {
  const opened = open();
  await ready(opened);
  opened.socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${secret}` } }));
  await Promise.race([until(() => opened.heard.some(({ type }) => type === 'connection_ack')), opened.ended]);
  return opened;
}

export const subscribe = ({ socket }: Opened, id: string, query = LIVE) =>
  socket.send(JSON.stringify({ type: 'subscribe', id, payload: { query } }));

export const heardOf = ({ heard }: Opened, id: string) => heard.find((message) => message.id === id);
export const codeOf = (opened: Opened, id: string) =>
  (heardOf(opened, id)!.payload as { extensions?: { code: string } }[])[0]?.extensions?.code;

/** A subscriber that does nothing wrong hears of what comes all the while. */
export async function besideSubscriber<Result>(work: () => Promise<Result>): Promise<Result> {
  const subscriber: Subscription = server.subscribe(LIVE);
  await subscriber.next();
  try {
    return await work();
  } finally {
    await sendDirect(server, 'beside', { at: Math.floor(Date.now() / 1_000), hits: 1 });
    expect((await subscriber.next()).data.liveWindows[0].agent.name).toBe('beside');
    await subscriber.close();
  }
}

export async function newToken({ expiresIn = null }: { expiresIn?: string | null } = {}) {
  const secret = newSecret('VIEWER');
  const id = await withConnection(databaseUrl(server.dataFolder), async (client) => {
    const { rows } = await client.query(
      `INSERT INTO token (tenant_id, name, role, secret_hash, expires_at)
       SELECT id, 'test', 'VIEWER', $1, now() + $2::interval FROM tenant RETURNING id`,
      [hashSecret(secret), expiresIn],
    );
    return rows[0].id as string;
  });
  return { secret, id };
}

export const revoke = (id: string) =>
  withConnection(databaseUrl(server.dataFolder), (client) => client.query('DELETE FROM token WHERE id = $1', [id]));
