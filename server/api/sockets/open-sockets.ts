import type { Context as ProtocolContext } from 'graphql-ws';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import type { Identity, Tokens } from '../../auth/tokens.js';
import { rateLimited } from '../../errors.js';
import type { Limits } from '../walls/limits.js';
import { CLOSE, hangUp } from './closing.js';

/** Tokens of open sockets are looked at so often: what was revoked or has expired anywhere ends here within it. */
const CHECK_EVERY_MS = 3_000;
const AGAIN_MS = 5_000;

type Subscriptions = Pick<ProtocolContext, 'subscriptions'>;

interface OpenSocket {
  socket: WebSocket;
  /** As the protocol holds them. */
  context: Subscriptions;
}

/** Sockets on which somebody has signed in, by token: counted, and ended with it. */
export class OpenSockets {
  private readonly byToken = new Map<string, Set<OpenSocket>>();
  private readonly timer: NodeJS.Timeout;
  private checking = false;

  constructor(
    private readonly tokens: Tokens,
    private readonly limits: Limits,
    private readonly log: Logger,
  ) {
    tokens.onForgotten((tokenId) => this.end(tokenId));
    this.timer = setInterval(() => void this.check(), CHECK_EVERY_MS);
    this.timer.unref();
  }

  /** @throws ApiError RATE_LIMITED where the token has as many as it may. */
  enter({ tokenId }: Identity, socket: WebSocket, context: Subscriptions): void {
    const held = this.byToken.get(tokenId) ?? new Set();
    const { socketsPerToken } = this.limits;
    if (held.size >= socketsPerToken) throw rateLimited(`This token has ${socketsPerToken} sockets open`, AGAIN_MS);
    const opened = { socket, context };
    this.byToken.set(tokenId, held.add(opened));
    socket.once('close', () => {
      held.delete(opened);
      if (held.size === 0) this.byToken.delete(tokenId);
    });
  }

  /**
   * The context's subscriptions count the one that is to begin.
   *
   * @throws ApiError RATE_LIMITED where the socket or its token has more than it may.
   */
  expectRoom({ tokenId }: Identity, context: Subscriptions): void {
    const { subscriptionsPerSocket, subscriptionsPerToken } = this.limits;
    if (countOf(context) > subscriptionsPerSocket)
      throw rateLimited(`This socket has ${subscriptionsPerSocket} subscriptions`, AGAIN_MS);
    let all = 0;
    for (const held of this.byToken.get(tokenId) ?? []) all += countOf(held.context);
    if (all > subscriptionsPerToken)
      throw rateLimited(`This token has ${subscriptionsPerToken} subscriptions`, AGAIN_MS);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private end(tokenId: string): void {
    for (const { socket } of this.byToken.get(tokenId) ?? []) hangUp(socket, CLOSE.UNAUTHENTICATED, 'Unauthenticated');
  }

  /** One statement for all. While the database is away nothing is delivered either. */
  private async check(): Promise<void> {
    if (this.checking || this.byToken.size === 0) return;
    this.checking = true;
    try {
      const asked = [...this.byToken.keys()];
      const valid = await this.tokens.stillValid(asked);
      for (const tokenId of asked) if (!valid.has(tokenId)) this.end(tokenId);
    } catch (error) {
      this.log.warn({ err: error }, 'tokens of open sockets cannot be checked');
    } finally {
      this.checking = false;
    }
  }
}

function countOf({ subscriptions }: Subscriptions): number {
  return Object.keys(subscriptions).length;
}
