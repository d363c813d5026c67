import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { useServer as serveProtocol } from 'graphql-ws/use/ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Identity, Tokens } from '../auth/tokens.js';
import type { Context, Services } from './context.js';
import {
  bearerToken,
  DOCUMENT_TOKENS_MAX,
  errorFormatter,
  SOCKET_MESSAGE_BYTES_MAX,
  VALIDATION_RULES,
} from './operations.js';

/** The socket's close codes, beside those of the protocol graphql-transport-ws. */
export const CLOSE = {
  /** No valid token. */
  UNAUTHENTICATED: 4401,
  /** The subscriber took nothing for 10 s: it reconnects to a snapshot. */
  TOO_SLOW: 4508,
  /** The server restarts. */
  RESTART: 1012,
} as const;

/** A subscriber that takes nothing for so long is closed. */
const STALLED_MS = 10_000;
const STALL_CHECK_MS = 2_000;
/** The server stops: a subscriber has so long to answer that its socket is closed. */
const CLOSE_WITHIN_MS = 1_000;

export interface SocketOptions {
  server: Server;
  schema: GraphQLSchema;
  services: Services;
  tokens: Tokens;
  log: Logger;
  /** Further origins whose pages may connect. */
  allowedOrigins: readonly string[];
}

interface Extra extends Record<PropertyKey, unknown> {
  identity?: Identity;
}

/** Subscriptions over graphql-ws at /graphql: the same rules and identity as over HTTP, and nothing but subscriptions. */
export function serveSocket(options: SocketOptions): { close: () => Promise<void> } {
  const { schema, services, tokens, log } = options;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: SOCKET_MESSAGE_BYTES_MAX });
  const streams = new WeakMap<WebSocket, Socket>();
  const format = errorFormatter(log);
  const say = (errors: readonly GraphQLError[]): GraphQLFormattedError[] =>
    errors.map((error) => format(error.toJSON(), error));
  const protocol = serveProtocol<Record<string, unknown>, Extra>(
    {
      connectionInitWaitTimeout: 3_000,
      onConnect: async ({ connectionParams, extra }) => {
        const secret = bearerToken(connectionParams?.authorization);
        const identity = secret === null ? null : await tokens.signIn(secret);
        if (identity === null) {
          (extra.socket as WebSocket).close(CLOSE.UNAUTHENTICATED, 'Unauthenticated');
          return false;
        }
        extra.identity = identity;
        return true;
      },
      onSubscribe: (context, _id, payload) => {
        const prepared = prepare(schema, payload);
        if (Array.isArray(prepared)) return prepared;
        const contextValue: Context = { identity: context.extra.identity ?? null, services };
        return { ...prepared, schema, contextValue };
      },
      onError: (_context, _id, _payload, errors) => say(errors as GraphQLError[]),
      onNext: (_context, _id, _payload, _args, result) =>
        result.errors ? { ...result, errors: say(result.errors as GraphQLError[]) as never } : result,
    },
    sockets,
    12_000,
  );
  options.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    // Not by URL, which throws at some that a request may have.
    if (request.url?.split('?')[0] !== '/graphql') return refuse(stream, '404 Not Found');
    if (!isAllowedOrigin(request, options.allowedOrigins)) return refuse(stream, '403 Forbidden');
    sockets.handleUpgrade(request, stream, head, (socket) => {
      streams.set(socket, stream as Socket);
      sockets.emit('connection', socket, request);
    });
  });
  const watch = watchStalls(sockets, streams);
  return {
    close: async () => {
      clearInterval(watch);
      for (const socket of sockets.clients) socket.close(CLOSE.RESTART, 'Server restarts');
      // ws itself would wait for half a minute for those that never answer.
      const cutOff = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, CLOSE_WITHIN_MS);
      await protocol.dispose();
      clearTimeout(cutOff);
    },
  };
}

function refuse(stream: Duplex, status: string): void {
  // Node leaves the errors of an upgrade's stream to us: a client that resets it must not end the server.
  stream.on('error', () => undefined);
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
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

type Payload = { query: string; operationName?: string | null; variables?: Record<string, unknown> | null };

function prepare(schema: GraphQLSchema, { query, operationName, variables }: Payload) {
  try {
    const document = parse(query, { maxTokens: DOCUMENT_TOKENS_MAX });
    const errors = validate(schema, document, [...specifiedRules, ...VALIDATION_RULES]);
    if (errors.length > 0) return [...errors];
    const operation = getOperationAST(document, operationName);
    if (operation?.operation !== 'subscription') {
      return [new GraphQLError('The socket takes subscriptions only.', { extensions: { code: 'BAD_USER_INPUT' } })];
    }
    return { document, operationName, variableValues: variables ?? {} };
  } catch (error) {
    return [error as GraphQLError];
  }
}

/**
 * Closes sockets that have taken nothing for 10 s of what waits for them: their slot is bounded, but they will never
 * catch up. What counts is what left, not how much waits: pings add to that.
 */
function watchStalls(sockets: WebSocketServer, streams: WeakMap<WebSocket, Socket>): NodeJS.Timeout {
  const known = new WeakMap<WebSocket, { takenBytes: number; sinceMs: number }>();
  const timer = setInterval(() => {
    for (const socket of sockets.clients) {
      const { bytesWritten = 0, writableLength = 0 } = streams.get(socket) ?? {};
      const takenBytes = bytesWritten - writableLength;
      const last = known.get(socket);
      if (writableLength === 0 || last?.takenBytes !== takenBytes) {
        known.set(socket, { takenBytes, sinceMs: performance.now() });
      } else if (performance.now() - last.sinceMs > STALLED_MS) {
        socket.close(CLOSE.TOO_SLOW, 'Subscriber too slow');
        socket.terminate();
      }
    }
  }, STALL_CHECK_MS);
  timer.unref();
  return timer;
}
