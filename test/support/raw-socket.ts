import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** A WebSocket client of our own making, which reads only what it is told to: it can stall as no library's would. */
export interface RawSocket {
  socket: Socket;
  /** Takes nothing more from here on: what comes fills the kernel's buffers, then the server's. */
  stall: () => void;
  /** Reads until at least so many bytes came, then stalls again; lets the server know that it is there (RFC 6455, 5.5.3). */
  sip: (bytes: number) => Promise<void>;
}

function frame(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const length = body.length < 126 ? [0x80 | body.length] : [0xfe, body.length >> 8, body.length & 255];
  // Masked with zeros: the protocol wants a mask, and this one leaves the body as it is.
  return Buffer.concat([Buffer.from([0x81, ...length]), Buffer.alloc(4), body]);
}

/** A pong that nobody asked for, masked with zeros. */
const EMPTY_PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

/** Connects, signs in and subscribes; has read the first bytes of the first message when it returns. */
export async function subscribeRaw(url: string, token: string, query: string): Promise<RawSocket> {
  const { hostname, port, pathname, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  const answered = () => new Promise<Buffer>((resolve) => socket.once('data', resolve));
  await new Promise((resolve) => socket.once('connect', resolve));
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`,
  );
  await answered();
  socket.write(frame({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
  await answered();
  socket.write(frame({ type: 'subscribe', id: '1', payload: { query } }));
  await answered();
  const stall = () => socket.pause();
  const sip = (bytes: number) =>
    new Promise<void>((resolve) => {
      let left = bytes;
      const take = (chunk: Buffer) => {
        left -= chunk.length;
        if (left > 0) return;
        socket.off('data', take);
        stall();
        resolve();
      };
      socket.on('data', take);
      socket.resume();
      socket.write(EMPTY_PONG);
    });
  return { socket, stall, sip };
}
