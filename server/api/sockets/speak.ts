import type { Server as Protocol } from 'graphql-ws';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import { type Bucket, take } from '../../core/limits/bucket.js';
import { CLOSE, hangUp } from './closing.js';

/** Messages that may come at once are those of so many seconds. */
const BURST_SECONDS = 4;

export interface Speaking {
  /** Messages a second from the other side. */
  messagesPerSecond: number;
  log: Logger;
}

/**
 * Carries the protocol over a socket. Not by graphql-ws' own server: what strangers do wrong, that one writes to the
 * console, with a stack trace each.
 */
export function speak<Extra extends Record<PropertyKey, unknown>>(
  protocol: Protocol<Extra>,
  socket: WebSocket,
  extra: Extra,
  { messagesPerSecond, log }: Speaking,
): void {
  const mayCome = pacer(messagesPerSecond);
  const count = (): boolean => {
    const may = mayCome();
    if (!may) hangUp(socket, CLOSE.TOO_MANY, 'Too many messages');
    return may;
  };
  // ws closes the socket by itself, with the code that says why.
  socket.on('error', (error) => log.debug({ err: error }, 'socket'));
  // Each is answered, and the answers wait for those who do not read.
  socket.on('ping', count);
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (data) =>
        new Promise((resolve, reject) => {
          if (socket.readyState !== socket.OPEN) return resolve();
          socket.send(data, (error) => (error ? reject(error) : resolve()));
        }),
      close: (code = CLOSE.BAD_REQUEST, reason = '') => hangUp(socket, code, reason),
      onMessage: (take) => {
        socket.on('message', (data, isBinary) => {
          if (socket.readyState !== socket.OPEN || !count()) return;
          if (isBinary) return hangUp(socket, CLOSE.BAD_REQUEST, 'Expected text');
          take(String(data)).catch((error: unknown) => {
            log.debug({ err: error }, 'socket message');
            hangUp(socket, CLOSE.BAD_REQUEST, 'Unexpected message');
          });
        });
      },
    },
    extra,
  );
  socket.once('close', (code, reason) => {
    Promise.resolve(closed(code, String(reason))).catch((error: unknown) => log.error({ err: error }, 'socket end'));
  });
}

function pacer(perSecond: number): () => boolean {
  const spec = { perSecond, burst: perSecond * BURST_SECONDS };
  let bucket: Bucket | null = null;
  return () => {
    const taken = take(spec, bucket, 1, performance.now());
    bucket = taken.bucket;
    return taken.waitMs === 0;
  };
}
