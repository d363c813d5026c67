import { createClient, type FormattedExecutionResult, type Sink, type Client as SocketClient } from 'graphql-ws';
import { checkServer, RefusedError } from './check.js';
import { describeFailure } from './describe.js';
import type { FrameClock, Store } from './store.js';
import type { Timer } from './timer.js';

/** Finds a half-open connection (a laptop that slept, a firewall that forgot) within seconds. */
const PING_EVERY_MS = 10_000;
const PONG_WITHIN_MS = 5_000;
const ACKNOWLEDGED_WITHIN_MS = 5_000;
/** The first wait, doubled at each failure up to the greatest; half of it is chance, so that many clients spread. */
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 15_000;

export type LinkState =
  | { kind: 'connecting' }
  | { kind: 'connected'; sinceMs: number; again: boolean }
  | { kind: 'lost'; reason: string; retryAtMs: number | null }
  /** The token is not taken any more: the end. */
  | { kind: 'refused'; error: RefusedError };

export interface LinkOptions {
  url: string;
  token: string;
  frames: FrameClock;
  /** Wall clock, ms. */
  now: () => number;
  random: () => number;
  /** Ends what is being asked over HTTP when the client ends. */
  signal: AbortSignal;
  /** Whose `close` ends the connection soon, also one that the server does not answer on. @default the platform's WebSocket */
  webSocket?: SocketClass | undefined;
}

/** A class of WebSockets, as graphql-ws takes it. */
export type SocketClass = new (...args: never[]) => { close(): void };

/** A part that subscribes while there is a connection; it returns what ends its subscriptions. */
export type Attachment = () => () => void;

/** How long to wait before attempt `failures + 1`, ms. */
export function retryDelayMs(failures: number, random: () => number): number {
  const full = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(failures, 10));
  return full / 2 + (full / 2) * random();
}

/** The address of the socket: the same path, over ws or wss. */
export function socketUrl(url: string): string {
  const address = new URL(url);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return address.href;
}

/**
 * The WebSocket, kept alive for ever.
 *
 * Each connection is a session of its own with a graphql-ws client of its own: when it ends, every attachment is
 * ended, and begun again with the next one, from the cursors and snapshots as they are then. (graphql-ws' own retries
 * would repeat a subscription with the variables that it began with.)
 */
export class Link {
  readonly state: Store<LinkState>;
  private readonly attachments = new Map<Attachment, (() => void) | undefined>();
  private client: SocketClient | undefined;
  /** Once it is open. */
  private socket: { close(): void } | undefined;
  private pongTimer: Timer;
  private timer: Timer;
  private failures = 0;
  private sessions = 0;
  private closed = false;

  constructor(private readonly options: LinkOptions) {
    this.state = options.frames.store<LinkState>({ kind: 'connecting' });
  }

  /** Begins `start` now, if connected, and with every later session. Returns what ends it for good. */
  attach(start: Attachment): () => void {
    this.attachments.set(start, this.state.get().kind === 'connected' ? start() : undefined);
    return () => {
      const stop = this.attachments.get(start);
      this.attachments.delete(start);
      stop?.();
    };
  }

  /** One operation over the socket of this session. */
  subscribe(
    payload: { query: string; variables?: Record<string, unknown> },
    sink: Sink<FormattedExecutionResult>,
  ): () => void {
    if (!this.client) {
      sink.error(new Error('not connected'));
      return () => undefined;
    }
    return this.client.subscribe(payload, sink);
  }

  /** Connects, or, while waiting for the next attempt, tries at once. */
  connect(): void {
    if (this.client || this.closed) return;
    clearTimeout(this.timer);
    const client: SocketClient = createClient({
      url: socketUrl(this.options.url),
      webSocketImpl: this.options.webSocket,
      connectionParams: { authorization: `Bearer ${this.options.token}` },
      lazy: false,
      onNonLazyError: (error) => this.ended(client, error),
      retryAttempts: 0,
      keepAlive: PING_EVERY_MS,
      connectionAckWaitTimeout: ACKNOWLEDGED_WITHIN_MS,
      on: {
        connected: (socket) => this.opened(client, socket as { close(): void }),
        closed: (event) => this.ended(client, event),
        ping: (received) => {
          if (!received) this.expectPong(client);
        },
        pong: (received) => {
          if (received) clearTimeout(this.pongTimer);
        },
      },
    });
    this.client = client;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.pongTimer);
    this.stopAttachments();
    const { client, socket } = this;
    this.client = undefined;
    if (!socket) client?.terminate();
    void client?.dispose();
    socket?.close();
  }

  private expectPong(client: SocketClient): void {
    clearTimeout(this.pongTimer);
    this.pongTimer = setTimeout(() => {
      if (this.client === client) client.terminate();
    }, PONG_WITHIN_MS);
  }

  private opened(client: SocketClient, socket: { close(): void }): void {
    if (this.client !== client) return;
    this.socket = socket;
    this.failures = 0;
    this.state.set({ kind: 'connected', sinceMs: this.options.now(), again: this.sessions > 0 });
    this.sessions += 1;
    for (const start of [...this.attachments.keys()]) this.attachments.set(start, start());
  }

  private ended(client: SocketClient, cause: unknown): void {
    if (this.client !== client) return;
    this.client = undefined;
    clearTimeout(this.pongTimer);
    this.stopAttachments();
    void client.dispose();
    this.socket?.close();
    this.socket = undefined;
    const delayMs = retryDelayMs(this.failures, this.options.random);
    this.failures += 1;
    this.state.set({ kind: 'lost', reason: describeFailure(cause), retryAtMs: this.options.now() + delayMs });
    this.timer = setTimeout(() => void this.retry(), delayMs);
  }

  /** Asks over HTTP first: it says more than a closed socket, and tells a token that was revoked from a server that is away. */
  async retry(): Promise<void> {
    clearTimeout(this.timer);
    const held = this.state.get();
    if (this.client || this.closed || held.kind !== 'lost' || held.retryAtMs === null) return;
    this.state.set({ ...held, retryAtMs: null });
    try {
      await checkServer(this.options.url, this.options.token, this.options.signal);
      this.connect();
    } catch (error) {
      if (this.closed) return;
      if (error instanceof RefusedError) {
        this.state.set({ kind: 'refused', error });
        return;
      }
      const delayMs = retryDelayMs(this.failures, this.options.random);
      this.failures += 1;
      const reason = error instanceof Error ? error.message.replace(/^cannot reach \S+: /, '') : describeFailure(error);
      this.state.set({ kind: 'lost', reason, retryAtMs: this.options.now() + delayMs });
      this.timer = setTimeout(() => void this.retry(), delayMs);
    }
  }

  private stopAttachments(): void {
    for (const [start, stop] of this.attachments) {
      this.attachments.set(start, undefined);
      stop?.();
    }
  }
}
