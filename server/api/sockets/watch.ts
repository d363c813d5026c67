import type { Socket } from 'node:net';
import type { WebSocket, WebSocketServer } from 'ws';
import { CLOSE } from './closing.js';

/** A subscriber that takes nothing for so long is closed. */
const STALLED_MS = 10_000;
const STALL_CHECK_MS = 2_000;
/** A socket whose other side does not answer a ping until the next one is gone. */
const PING_EVERY_MS = 12_000;

/**
 * Closes sockets that have taken nothing for 10 s of what waits for them: their slot is bounded, but they will never
 * catch up. What counts is what left, not how much waits: pings add to that.
 */
export function watchStalls(sockets: WebSocketServer, streams: WeakMap<WebSocket, Socket>): NodeJS.Timeout {
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

/** Ends sockets whose other side is gone without a word. */
export function watchSilence(sockets: WebSocketServer): NodeJS.Timeout {
  const unanswered = new WeakSet<WebSocket>();
  sockets.on('connection', (socket) => socket.on('pong', () => unanswered.delete(socket)));
  const timer = setInterval(() => {
    for (const socket of sockets.clients) {
      if (socket.readyState !== socket.OPEN) continue;
      if (unanswered.has(socket)) socket.terminate();
      else {
        unanswered.add(socket);
        socket.ping();
      }
    }
  }, PING_EVERY_MS);
  timer.unref();
  return timer;
}
