import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';

export interface Reply {
  status: number;
  body: string;
}

/**
 * Sends a body, and reads the answer whole; redirections are not followed.
 *
 * @throws the system's error, with its `code`; an AbortError once `signal` is aborted.
 */
export type Post = (url: string, headers: Record<string, string>, body: string, signal: AbortSignal) => Promise<Reply>;

/** Bytes that a body is kept room for: those of few lines take no time to be made room for. */
const KEPT_BYTES_MIN = 65_536;
/** As many as are under way at a time. */
const KEPT_MAX = 2;

/**
 * Writes bodies into memory that served for one before: hundreds of kilobytes asked for anew for each batch took a
 * twenty-fifth of the agent's CPU.
 */
class Bodies {
  private readonly kept: Buffer[] = [];

  write(body: string): Buffer {
    if (body.length < KEPT_BYTES_MIN) return Buffer.from(body);
    const size = Buffer.byteLength(body);
    let room = this.kept.pop();
    if (room === undefined || room.length < size) room = Buffer.allocUnsafeSlow(size + (size >> 2));
    room.write(body);
    return room.subarray(0, size);
  }

  /** Nobody reads it any more. */
  giveBack(bytes: Buffer): void {
    if (bytes.length >= KEPT_BYTES_MIN && this.kept.length < KEPT_MAX) this.kept.push(Buffer.from(bytes.buffer));
  }
}

/**
 * Over connections that are kept.
 *
 * Not by `fetch`: where a connection is closed as soon as it is made (a forwarder whose server is down), its answer
 * never comes, nor an error, and nothing of it keeps the process running.
 */
export function keptConnections(): Post {
  const bodies = new Bodies();
  const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) };
  return (url, headers, body, signal) =>
    new Promise((resolve, reject) => {
      const secure = url.startsWith('https:');
      // Once: as a text it is joined and measured for its length, and again for what is written.
      const bytes = bodies.write(body);
      const length = { 'content-length': String(bytes.length) };
      const options = { method: 'POST', headers: { ...headers, ...length }, signal };
      const answered = (response: http.IncomingMessage) => {
        text(response).then((answer) => {
          // Answered before its end it may be on its way still.
          if (request.writableFinished) bodies.giveBack(bytes);
          resolve({ status: response.statusCode ?? 0, body: answer });
        }, reject);
      };
      const request = secure
        ? https.request(url, { ...options, agent: agents.https }, answered)
        : http.request(url, { ...options, agent: agents.http }, answered);
      request.on('error', reject).end(bytes);
    });
}
