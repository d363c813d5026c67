import { createHash, randomBytes } from 'node:crypto';
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

/** Identities are read anew after this: so long a revoked token goes on working, at most. */
const CACHED_MS = 5_000;
const CACHED_MAX = 10_000;

/** Signs in by token, across tenants: so it works as the owner, on the small pool that no request reaches. */
export class Tokens {
  private readonly cache = new Map<string, { identity: Identity | null; untilMs: number }>();

  constructor(
    private readonly db: Database,
    private readonly monotonicMs: () => number,
  ) {}

  /** Null where the secret is none that is valid now. */
  async signIn(secret: string): Promise<Identity | null> {
    const hash = hashSecret(secret);
    const key = hash.toString('base64');
    const cached = this.cache.get(key);
    if (cached && cached.untilMs > this.monotonicMs()) return cached.identity;
    const identity = await this.find(hash);
    if (this.cache.size >= CACHED_MAX) this.cache.clear();
    this.cache.set(key, { identity, untilMs: this.monotonicMs() + CACHED_MS });
    return identity;
  }

  /** A token that was revoked or changed is looked at anew. */
  forget(tokenId: string): void {
    for (const [key, { identity }] of this.cache) if (identity?.tokenId === tokenId) this.cache.delete(key);
  }

  private async find(hash: Buffer): Promise<Identity | null> {
    const [identity] = await this.db.ownerSql<Identity>(
      `UPDATE token SET last_used_at = now()
       WHERE secret_hash = $1 AND (expires_at IS NULL OR expires_at > now()) AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
       RETURNING ${IDENTITY}`,
      [hash],
    );
    if (identity) return identity;
    const [unchanged] = await this.db.ownerSql<Identity>(
      `SELECT ${IDENTITY} FROM token WHERE secret_hash = $1 AND (expires_at IS NULL OR expires_at > now())`,
      [hash],
    );
    return unchanged ?? null;
  }
}

const IDENTITY = `id AS "tokenId", tenant_id AS "tenantId", role, agent_name AS "agentName",
  floor(extract(epoch FROM expires_at) * 1000)::bigint AS "expiresAtMs"`;
