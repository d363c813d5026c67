import http, { type RequestListener, type Server } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Certificate } from './certificate.js';
import { SECURITY_HEADERS } from './headers.js';
import { HEADER_BYTES_MAX, type Limits } from './limits.js';
import type { Proxies } from './proxies.js';
import { Strangers } from './strangers.js';

/** What is late is looked for so often. */
const CHECK_EVERY_MS = 1_000;
/** An idle connection is kept so long: longer than agents rest between heartbeats. */
const KEEP_ALIVE_MS = 72_000;
/** One address may have so much of all connections before it signs in. */
const STRANGERS_SHARE = 4;

/** A server over HTTP, or over TLS where there is a certificate: slow and countless connections end here. */
export function createListener(
  handler: RequestListener,
  limits: Limits,
  certificate: Certificate | null,
  proxies: Proxies,
): { server: Server; strangers: Strangers } {
  const options = {
    handshakeTimeout: limits.headersMs,
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
  };
  const server =
    certificate === null
      ? http.createServer(options, handler)
      : https.createServer({ ...options, ...certificate }, handler);
  server.maxConnections = limits.connections;
  const strangers = new Strangers(Math.ceil(limits.connections / STRANGERS_SHARE));
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    // Of a proxy's connections each may be another's.
    if (!proxies.isTrusted(address) && !strangers.enter(socket, address)) socket.destroy();
  });
  return { server, strangers };
}

const STATUS: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

/** Answers what is no HTTP, or came too slowly or too long, in GraphQL's form. */
export function answerNoRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = STATUS[error.code ?? ''] ?? '400 Bad Request';
  const message = `${status.slice(4)}.`;
  socket.end(
    rawAnswer(status, JSON.stringify({ errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] })),
    // It may never read it.
    () => socket.destroy(),
  );
}

/** An answer without Fastify; the connection ends with it. */
export function rawAnswer(status: string, body: string, headers: Record<string, string> = {}): string {
  const all = {
    ...SECURITY_HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`;
}
