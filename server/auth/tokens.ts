import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import DataLoader from 'dataloader';
import type { Role } from '../../schema/enums/index.js';
import type { Database } from '../store/database.js';

/** Whom a token speaks for. */
export interface Identity {
  tokenId: string;
  tenantId: string;
  role: Role;
  /** The one agent that the token may ingest for; null: any. */
  agentName: string | null;
  /** Milliseconds; null: never. */
  expiresAtMs: number | null;
}

/** A random secret of 256 bits, with a prefix that secret scanners can know. */
export function newSecret(role: Role): string {
  return `hlm_${role.toLowerCase()}_${randomBytes(32).toString('base64url')}`;
}

/** Secrets are of high entropy: one SHA-256 is enough. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Identities are read anew after this: so long a token that another server revoked goes on working, at most. */
const CACHED_MS = 5_000;
/** Of valid tokens, and of wrong ones, each: guesses do not crowd out those who are known. */
const CACHED_MAX = 10_000;
/** Secrets looked up by one statement. */
const LOOKED_UP_AT_ONCE = 500;

interface Row extends Identity {
  hash: Buffer;
  /** Its last use was noted over a minute ago. */
  stale: boolean;
  [column: string]: unknown;
}

interface Cached<Value> {
  value: Value;
  untilMs: number;
}

/**
 * Signs in by token, across tenants: so it works as the owner, on the small pool that no request reaches. While secrets are
 * looked up, others wait, and go together as the next statement: a flood of guesses costs one statement at a time.
 */
export class Tokens {
  private readonly known = new Map<string, Cached<Identity>>();
  private readonly wrong = new Map<string, Cached<null>>();
  private readonly lookups: DataLoader<Buffer, Identity | null, string>;
  private readonly listeners = new Set<(tokenId: string) => void>();
  private lookingUp: Promise<unknown> = Promise.resolve();
  /** Grows when a token is forgotten: what was read before is not kept. */
  private forgotten = 0;

  constructor(
    private readonly db: Database,
    private readonly monotonicMs: () => number,
  ) {
    this.lookups = new DataLoader((hashes) => this.find(hashes), {
      cache: false,
      cacheKeyFn: keyOf,
      maxBatchSize: LOOKED_UP_AT_ONCE,
      batchScheduleFn: (dispatch) => {
        void this.lookingUp.then(dispatch);
      },
    });
  }

  /** Null where the secret is none that is valid now. */
  async signIn(secret: string): Promise<Identity | null> {
    const hash = hashSecret(secret);
    const key = keyOf(hash);
    const cached = this.known.get(key) ?? this.wrong.get(key);
    if (cached && cached.untilMs > this.monotonicMs()) return cached.value;
    const { forgotten } = this;
    const identity = await this.lookups.load(hash);
    if (forgotten === this.forgotten) this.remember(key, identity);
    return identity;
  }

  /** Those of these tokens that are still valid, asked of the database. */
  async stillValid(tokenIds: readonly string[]): Promise<Set<string>> {
    const rows = await this.db.ownerSql<{ id: string }>(
      `SELECT token.id FROM ${VALID_TOKENS} WHERE token.id = ANY ($1::uuid[])`,
      [tokenIds],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** A token was revoked, or changed: here it is asked for anew from now on, and what it keeps open is ended. */
  forget(tokenId: string): void {
    this.forgotten++;
    for (const [key, { value }] of this.known) if (value.tokenId === tokenId) this.known.delete(key);
    for (const listener of this.listeners) listener(tokenId);
  }

  /** Tells of each token that is forgotten. */
  onForgotten(listener: (tokenId: string) => void): void {
    this.listeners.add(listener);
  }

  private remember(key: string, identity: Identity | null): void {
    const untilMs = this.monotonicMs() + CACHED_MS;
    this.known.delete(key);
    this.wrong.delete(key);
    if (identity === null) put(this.wrong, key, { value: null, untilMs });
    else put(this.known, key, { value: identity, untilMs });
  }

  private async find(hashes: readonly Buffer[]): Promise<(Identity | null)[]> {
    const found = this.db.ownerSql<Row>(
      `SELECT ${IDENTITY} FROM ${VALID_TOKENS} WHERE secret_hash = ANY ($1::bytea[])`,
      [hashes],
    );
    this.lookingUp = found.catch(() => undefined);
    const rows = await found;
    const used = rows.filter(({ stale }) => stale).map(({ tokenId }) => tokenId);
    if (used.length > 0) await this.noteUse(used);
    return hashes.map((hash) => {
      const row = rows.find((each) => timingSafeEqual(each.hash, hash));
      if (!row) return null;
      const { tokenId, tenantId, role, agentName, expiresAtMs } = row;
      return { tokenId, tenantId, role, agentName, expiresAtMs };
    });
  }

  /** Once a minute, not at every request; that it cannot be noted keeps nobody out. */
  private async noteUse(tokenIds: readonly string[]): Promise<void> {
    await this.db
      .ownerSql('UPDATE token SET last_used_at = now() WHERE id = ANY ($1::uuid[])', [tokenIds])
      .catch(() => undefined);
  }
}

function keyOf(hash: Buffer): string {
  return hash.toString('base64');
}

/** The oldest goes where there are too many. */
function put<Value>(cache: Map<string, Value>, key: string, value: Value): void {
  if (cache.size >= CACHED_MAX) cache.delete(cache.keys().next().value as string);
  cache.set(key, value);
}

/** Neither expired nor of a tenant that was deleted. */
const VALID_TOKENS = `(SELECT token.* FROM token JOIN tenant ON tenant.id = token.tenant_id
  WHERE tenant.deleted_at IS NULL AND (token.expires_at IS NULL OR token.expires_at > now())) AS token`;

const IDENTITY = `id AS "tokenId", tenant_id AS "tenantId", role, agent_name AS "agentName", secret_hash AS hash,
  floor(extract(epoch FROM expires_at) * 1000)::bigint AS "expiresAtMs",
  (last_used_at IS NULL OR last_used_at < now() - interval '1 minute') AS stale`;
