import type { Identity, Tokens } from '../../auth/tokens.js';
import { addressKey } from '../../core/limits/address.js';
import type { BucketSpec } from '../../core/limits/bucket.js';
import { Limiter } from '../../core/limits/limiter.js';
import { rateLimited, tooComplex, unauthenticated } from '../../errors.js';
import type { Limits } from './limits.js';

/** What may be done at once is what may be done in so many seconds. */
const BURST_SECONDS = 4;
/** Costs are estimates from above: several at once are to be let in before it is known what they come to. */
const COST_BURST_SECONDS = 8;
/** Buckets that are kept: some 100 bytes each. */
const TOKENS_MAX = 10_000;
const ADDRESSES_MAX = 10_000;
const MINUTE_SECONDS = 60;
/** What agents call, each of them every second or so. */
export const INGEST_FIELDS: ReadonlySet<string> = new Set(['connectAgent', 'openStream', 'ingestLogs', 'heartbeat']);

/** What is to be done, as far as limits go. */
export interface Charge {
  /** Calls of ingest and nothing else. */
  isIngest: boolean;
  /** See cost.ts. */
  cost: number;
}

/**
 * Who may come in, and how often: signs in by token, and counts wrong ones by address, and what is done by token. One for
 * both transports. A valid token is let in whatever its address did.
 */
export class Turnstile {
  private readonly operations: Limiter;
  private readonly costs: Limiter;
  private readonly ingest: Limiter | null;
  private readonly wrongTokens: Limiter;

  /** @param monotonicMs milliseconds that only go forward */
  constructor(
    private readonly tokens: Tokens,
    readonly limits: Limits,
    private readonly monotonicMs: () => number,
  ) {
    this.operations = new Limiter(perSecond(limits.operationsPerSecond), TOKENS_MAX);
    this.costs = new Limiter(perSecond(limits.costPerSecond, COST_BURST_SECONDS), TOKENS_MAX);
    this.ingest = limits.ingestPerSecond === null ? null : new Limiter(perSecond(limits.ingestPerSecond), TOKENS_MAX);
    const { wrongTokensPerMinute: burst } = limits;
    this.wrongTokens = new Limiter({ perSecond: burst / MINUTE_SECONDS, burst }, ADDRESSES_MAX);
  }

  /**
   * @param authorization `Bearer …`; where there is none, nobody guessed
   * @throws ApiError UNAUTHENTICATED; RATE_LIMITED for wrong tokens from an address that sent too many.
   */
  async signIn(authorization: unknown, address: string): Promise<Identity> {
    const secret = bearerToken(authorization);
    if (secret === null) throw unauthenticated();
    const identity = await this.tokens.signIn(secret);
    if (identity !== null) return identity;
    const waitMs = this.wrongTokens.take(addressKey(address), 1, this.monotonicMs());
    throw waitMs === 0 ? unauthenticated() : rateLimited('Too many wrong tokens from this address', waitMs);
  }

  /**
   * The cost that was charged; none for calls of ingest.
   *
   * @throws ApiError QUERY_TOO_COMPLEX, RATE_LIMITED: nothing is counted then but the operation.
   */
  charge({ tokenId }: Identity, { isIngest, cost }: Charge): number {
    if (cost > this.limits.cost) throw tooComplex(cost, this.limits.cost);
    const nowMs = this.monotonicMs();
    const waitMs = isIngest
      ? (this.ingest?.take(tokenId, 1, nowMs) ?? 0)
      : this.operations.take(tokenId, 1, nowMs) || this.costs.take(tokenId, cost, nowMs);
    if (waitMs > 0) throw rateLimited('Too much is asked with this token', waitMs);
    return isIngest ? 0 : cost;
  }

  /** The operation cost less than was charged for it. */
  giveBack({ tokenId }: Identity, cost: number): void {
    this.costs.giveBack(tokenId, cost);
  }
}

function perSecond(rate: number, seconds = BURST_SECONDS): BucketSpec {
  return { perSecond: rate, burst: rate * seconds };
}

/** The token of `Bearer …`; null where there is none. */
function bearerToken(authorization: unknown): string | null {
  if (typeof authorization !== 'string' || authorization.length > 600) return null;
  return /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization.trim())?.[1] ?? null;
}
