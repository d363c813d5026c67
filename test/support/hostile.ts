import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** Requests that no client of ours would send. */

export interface RawAnswer {
  /** 0: the connection was ended without a word. */
  status: number;
  headers: string;
  body: string;
}

/** Sends bytes to a server, and reads until it ends the connection. */
export function sendRaw(url: string, bytes: string | Buffer): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket: Socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(parseAnswer(Buffer.concat(chunks).toString())));
  });
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
  return { status, headers: text.slice(0, Math.max(0, end)).toLowerCase(), body: text.slice(end + 4) };
}

/** Head of a POST whose connection ends with the answer. */
export function headOf(token: string, headers: Record<string, string | number>, path = '/graphql'): string {
  const all = { host: 'x', authorization: `Bearer ${token}`, connection: 'close', ...headers };
  return `POST ${path} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
}

/** A gzip of so many zeros: a thousandth of them. */
export function bomb(bytes: number): Buffer {
  const mebibyte = Buffer.alloc(2 ** 20);
  // Members of a gzip follow each other: one is deflated once.
  const member = gzipSync(mebibyte);
  return Buffer.concat(Array<Buffer>(Math.ceil(bytes / mebibyte.length)).fill(member));
}
