import type { WebSocket } from 'ws';

/** The socket's close codes, beside those of the protocol graphql-transport-ws. */
export const CLOSE = {
  /** Something that is no message of the protocol. */
  BAD_REQUEST: 4400,
  /** No valid token, or not any more. */
  UNAUTHENTICATED: 4401,
  /** Too many sockets, messages or wrong tokens: come again later. */
  TOO_MANY: 4429,
  /** The subscriber took nothing for 10 s: it reconnects to a snapshot. */
  TOO_SLOW: 4508,
  /** The server restarts. */
  RESTART: 1012,
  /** Something passing: the database is away. */
  TRY_AGAIN: 1013,
} as const;

/** Who does not answer the closing is cut off after this. */
const ANSWER_WITHIN_MS = 1_000;

/** Closes a socket, by force where the other side does not take part in it. */
export function hangUp(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === socket.CLOSED) return;
  socket.close(code, reason);
  const cutOff = setTimeout(() => socket.terminate(), ANSWER_WITHIN_MS);
  socket.once('close', () => clearTimeout(cutOff));
}
