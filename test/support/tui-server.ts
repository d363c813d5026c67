import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** A server that says what a test wants: canned answers by operation, subscriptions fed by hand. */

export interface Subscription {
  operation: string;
  variables: Record<string, unknown>;
  next(data: unknown): void;
  error(message: string): void;
  complete(): void;
}

interface Message {
  id?: string;
  type: string;
  payload?: { query: string; variables?: Record<string, unknown>; authorization?: string };
}

export type Answer = (variables: Record<string, unknown>) => unknown;

const nameOf = (query: string): string => /(?:query|mutation|subscription)\s+(\w+)/.exec(query)?.[1] ?? '';

export class FakeServer {
  static readonly TOKEN = 'secret';
  /** Data by the operation's name; what one throws is its error. */
  answers: Record<string, Answer> = {};
  subscriptions: Subscription[] = [];
  asked: { operation: string; variables: Record<string, unknown> }[] = [];
  refusing = false;
  /** Takes everything, and answers nothing. */
  silent = false;
  private http: Server | undefined;
  private sockets = new Set<WebSocket>();
  private port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.port}/graphql`;
  }

  async start(): Promise<this> {
    const http = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        response.setHeader('content-type', 'application/json');
        const { query, variables = {} } = JSON.parse(body);
        if (this.silent) return;
        const accepted = !this.refusing && request.headers.authorization === `Bearer ${FakeServer.TOKEN}`;
        response.end(JSON.stringify(accepted ? this.answer(nameOf(query), variables) : unauthenticated));
      });
    });
    const sockets = new WebSocketServer({ server: http, handleProtocols: () => 'graphql-transport-ws' });
    sockets.on('connection', (socket) => this.serve(socket));
    await new Promise<void>((resolve) => http.listen(this.port, '127.0.0.1', resolve));
    this.port = (http.address() as AddressInfo).port;
    this.http = http;
    return this;
  }

  /** Goes away without a word, as a crash does; `start` brings it back at the same port. */
  async crash(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    this.http?.closeAllConnections();
    await new Promise((resolve) => this.http?.close(resolve) ?? resolve(undefined));
    this.http = undefined;
  }

  closeSockets(code: number, reason: string): void {
    for (const socket of this.sockets) socket.close(code, reason);
  }

  /** The subscriptions of an operation that are open. */
  open(operation: string): Subscription[] {
    return this.subscriptions.filter((each) => each.operation === operation);
  }

  private answer(operation: string, variables: Record<string, unknown>): unknown {
    this.asked.push({ operation, variables });
    try {
      return { data: this.answers[operation]?.(variables) ?? null };
    } catch (error) {
      const { message, extensions } = error as Error & { extensions?: object };
      return { data: null, errors: [{ message, extensions }] };
    }
  }

  private serve(socket: WebSocket): void {
    this.sockets.add(socket);
    const own: Subscription[] = [];
    const forget = (gone: Subscription[]) => {
      this.subscriptions = this.subscriptions.filter((each) => !gone.includes(each));
    };
    socket.on('close', () => {
      this.sockets.delete(socket);
      forget(own);
    });
    const byId = new Map<string, Subscription>();
    socket.on('message', (data) => {
      const { id = '', type, payload } = JSON.parse(String(data)) as Message;
      const send = (message: object) => socket.send(JSON.stringify(message));
      if (this.silent) return;
      if (type === 'connection_init') {
        if (this.refusing || payload?.authorization !== `Bearer ${FakeServer.TOKEN}`) socket.close(4403, 'Forbidden');
        else send({ type: 'connection_ack' });
      } else if (type === 'ping') send({ type: 'pong' });
      else if (type === 'complete') forget([byId.get(id)!]);
      else if (type === 'subscribe') {
        const subscription: Subscription = {
          operation: nameOf(payload!.query),
          variables: payload!.variables ?? {},
          next: (result) => send({ id, type: 'next', payload: { data: result } }),
          error: (message) => {
            forget([subscription]);
            send({ id, type: 'error', payload: [{ message }] });
          },
          complete: () => {
            forget([subscription]);
            send({ id, type: 'complete' });
          },
        };
        byId.set(id, subscription);
        own.push(subscription);
        this.subscriptions.push(subscription);
      }
    });
  }
}

const unauthenticated = {
  data: null,
  errors: [{ message: 'not signed in', extensions: { code: 'UNAUTHENTICATED' } }],
};

/** Waits for a condition, as a test's goal says it. */
export async function until(what: string, condition: () => boolean, withinMs = 10_000): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
