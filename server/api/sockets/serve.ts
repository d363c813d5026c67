import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GraphQLError, type GraphQLFormattedError, type GraphQLSchema } from 'graphql';
import { handleProtocols, makeServer, type Context as ProtocolContext } from 'graphql-ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Identity, Tokens } from '../../auth/tokens.js';
import type { Context, Services } from '../context.js';
import type { Admission } from '../walls/admission.js';
import { SOCKET_MESSAGE_BYTES_MAX } from '../walls/limits.js';
import { rawAnswer } from '../walls/listener.js';
import type { Proxies } from '../walls/proxies.js';
import { errorFormatter } from '../walls/say-error.js';
import { Strangers } from '../walls/strangers.js';
import type { Turnstile } from '../walls/turnstile.js';
import { CLOSE, hangUp } from './closing.js';
import { OpenSockets } from './open-sockets.js';
import { speak } from './speak.js';
import { watchSilence, watchStalls } from './watch.js';

/** Who connects says who it is within this. */
const SIGN_IN_WITHIN_MS = 3_000;

export interface SocketOptions {
  server: Server;
  schema: GraphQLSchema;
  services: Services;
  tokens: Tokens;
  turnstile: Turnstile;
  admission: Admission;
  /** Connections on which nobody has signed in. */
  strangers: Strangers;
  proxies: Proxies;
  log: Logger;
  /** Further origins whose pages may connect. */
  allowedOrigins: readonly string[];
}

interface Extra extends Record<PropertyKey, unknown> {
  socket: WebSocket;
  stream: Socket;
  /** Where it comes from; once closed, the stream no longer knows. */
  address: string;
  identity?: Identity;
}

export interface SocketServer {
  close: () => Promise<void>;
  /** Open now, signed in or not. */
  count: () => number;
}

/** Subscriptions over graphql-ws at /graphql: the same walls and identity as over HTTP, and nothing but subscriptions. */
export function serveSocket(options: SocketOptions): SocketServer {
  const { turnstile, tokens, log } = options;
  const { limits } = turnstile;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: SOCKET_MESSAGE_BYTES_MAX, handleProtocols });
  const open = new OpenSockets(tokens, limits, log);
  const strangers = new Strangers(limits.strangersPerAddress);
  const protocol = protocolOf(options, open, strangers);
  const streams = new WeakMap<WebSocket, Socket>();
  sockets.on('wsClientError', (_error, stream) => refuse(stream, '400 Bad Request'));
  const watches = [watchStalls(sockets, streams), watchSilence(sockets)];
  options.server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    const stream = duplex as Socket;
    if (stream.destroyed) return;
    const refusal = refusalOf(request, options.allowedOrigins);
    if (refusal !== null) return refuse(stream, refusal);
    const address = options.proxies.addressOf(request);
    if (!strangers.enter(stream, address)) return refuse(stream, '429 Too Many Requests');
    sockets.handleUpgrade(request, stream, head, (socket) => {
      streams.set(socket, stream);
      sockets.emit('connection', socket, request);
      const extra: Extra = { socket, stream, address };
      speak(protocol, socket, extra, { messagesPerSecond: limits.messagesPerSecond, log });
    });
  });
  return {
    count: () => sockets.clients.size,
    close: async () => {
      for (const watch of watches) clearInterval(watch);
      open.close();
      for (const socket of sockets.clients) hangUp(socket, CLOSE.RESTART, 'Server restarts');
      await new Promise((resolve) => sockets.close(resolve));
    },
  };
}

/** The protocol, from signing in to what is delivered. */
function protocolOf(options: SocketOptions, open: OpenSockets, strangers: Strangers) {
  const { schema, services, turnstile, admission, log } = options;
  const format = errorFormatter(log);
  const say = (errors: readonly GraphQLError[]): GraphQLFormattedError[] =>
    errors.map((error) => format(error.toJSON(), error));

  const signIn = async (context: ProtocolContext<Record<string, unknown>, Extra>): Promise<boolean> => {
    const { socket, stream, address } = context.extra;
    try {
      const identity = await turnstile.signIn(context.connectionParams?.authorization, address);
      if (socket.readyState !== socket.OPEN) return false;
      open.enter(identity, socket, context);
      strangers.signedIn(stream);
      options.strangers.signedIn(stream);
      context.extra.identity = identity;
      return true;
    } catch (error) {
      hangUp(socket, ...closingOf(error));
      return false;
    }
  };

  return makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: SIGN_IN_WITHIN_MS,
    onConnect: signIn,
    onSubscribe: (context, _id, payload) => {
      // The protocol lets nobody subscribe who was not acknowledged.
      const identity = context.extra.identity!;
      try {
        open.expectRoom(identity, context);
        const contextValue: Context = { identity, services };
        return { ...admission.subscription(identity, payload), schema, contextValue };
      } catch (error) {
        return Array.isArray(error) ? (error as GraphQLError[]) : [asGraphQL(error)];
      }
    },
    onError: (_context, _id, _payload, errors) => say(errors as GraphQLError[]),
    onNext: (_context, _id, _payload, _args, result) =>
      result.errors ? { ...result, errors: say(result.errors as GraphQLError[]) as never } : result,
  });
}

function asGraphQL(error: unknown): GraphQLError {
  return error instanceof GraphQLError
    ? error
    : new GraphQLError((error as Error).message, { originalError: error as Error });
}

function closingOf(error: unknown): [code: number, reason: string] {
  const code = error instanceof GraphQLError ? error.extensions.code : undefined;
  if (code === 'UNAUTHENTICATED') return [CLOSE.UNAUTHENTICATED, 'Unauthenticated'];
  if (code === 'RATE_LIMITED') return [CLOSE.TOO_MANY, (error as GraphQLError).message];
  return [CLOSE.TRY_AGAIN, 'Try again later'];
}

/** The status with which an upgrade is refused; null: it is not. */
function refusalOf(request: IncomingMessage, allowedOrigins: readonly string[]): string | null {
  // Not by URL, which throws at some that a request may have.
  if (request.url?.split('?')[0] !== '/graphql') return '404 Not Found';
  return isAllowedOrigin(request, allowedOrigins) ? null : '403 Forbidden';
}

function refuse(stream: Duplex, status: string): void {
  // Node leaves the errors of an upgrade's stream to us: a client that resets it must not end the server.
  stream.on('error', () => undefined);
  stream.end(rawAnswer(status, ''), () => stream.destroy());
}

/** Programs send no origin; a page's must be the server's own, or one that was named. */
function isAllowedOrigin({ headers }: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes(origin)) return true;
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}
