import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';

export interface Reply {
  status: number;
  body: string;
}

/** In parts, one after the other. */
export type Body = readonly (string | Uint8Array)[];

/**
 * Sends a body, and reads the answer whole; redirections are not followed. Once it has come, nobody reads the body any more.
 *
 * @throws the system's error, with its `code`; an AbortError once `signal` is aborted.
 */
export type Post = (url: string, headers: Record<string, string>, body: Body, signal: AbortSignal) => Promise<Reply>;

/**
 * Over connections that are kept.
 *
 * Not by `fetch`: where a connection is closed as soon as it is made (a forwarder whose server is down), its answer
 * never comes, nor an error, and nothing of it keeps the process running.
 */
export function keptConnections(): Post {
  const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) };
  return (url, headers, body, signal) =>
    new Promise((resolve, reject) => {
      const secure = url.startsWith('https:');
      const length = { 'content-length': String(lengthOf(body)) };
      const options = { method: 'POST', headers: { ...headers, ...length }, signal };
      const answered = (response: http.IncomingMessage) => {
        text(response).then((answer) => {
          // Answered before its end it would be on its way still.
          if (!request.writableFinished) request.destroy();
          resolve({ status: response.statusCode ?? 0, body: answer });
        }, reject);
      };
      const request = secure
        ? https.request(url, { ...options, agent: agents.https }, answered)
        : http.request(url, { ...options, agent: agents.http }, answered);
      request.on('error', reject);
      for (const part of body) request.write(part);
      request.end();
    });
}

function lengthOf(body: Body): number {
  return body.reduce((sum, part) => sum + (typeof part === 'string' ? Buffer.byteLength(part) : part.length), 0);
}
