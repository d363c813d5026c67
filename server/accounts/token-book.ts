import { randomUUID } from 'node:crypto';
import { IsNull, MoreThan } from 'typeorm';
import { hashSecret, type Identity, newSecret } from '../auth/tokens.js';
import { nameProblem } from '../core/accounts/names.js';
import { mayGrant } from '../core/accounts/roles.js';
import { badInput, forbidden } from '../errors.js';
import type { Database, Transaction } from '../store/database.js';
import { TokenEntity } from '../store/entities/token.entity.js';
import { UserEntity } from '../store/entities/user.entity.js';
import { existing } from '../store/rows.js';
import { auditOf, changesBetween } from './audit.js';

export interface NewToken {
  name: string;
  role: Identity['role'];
  userId: string | null;
  agentName: string | null;
  expiresAt: Date | null;
}

/** A token, and its secret, which is kept nowhere. */
export interface IssuedToken {
  token: TokenEntity;
  secret: string;
}

/** The tokens of a tenant. */
export class TokenBook {
  constructor(
    private readonly db: Database,
    private readonly onRevoked: (tokenIds: readonly string[]) => void,
  ) {}

  /** Those that are valid. */
  list(tenantId: string): Promise<TokenEntity[]> {
    return this.db.inTenants([tenantId], async ({ manager }) => {
      const now = new Date(await this.db.now());
      const where = [
        { tenantId, expiresAt: IsNull() },
        { tenantId, expiresAt: MoreThan(now) },
      ];
      return manager.find(TokenEntity, { where, order: { createdAt: 'ASC', id: 'ASC' } });
    });
  }

  /**
   * @throws ApiError BAD_USER_INPUT naming what is wrong; NOT_FOUND for a user that is not the tenant's; FORBIDDEN for a
   * role above the caller's, or above the user's.
   */
  async create(actor: Identity, input: NewToken): Promise<IssuedToken> {
    const { tenantId } = actor;
    const nowMs = await this.db.now();
    checkToken(input, nowMs);
    if (!mayGrant(actor.role, input.role)) throw forbidden();
    const secret = newSecret(input.role);
    const token = await this.db.inTenants([tenantId], async (tx) => {
      if (input.userId !== null) await assertWithinUser(tx, tenantId, input.userId, input.role);
      const issued = await insertToken(tx, tenantId, input, secret);
      await auditOf(actor)(tx, {
        action: 'TOKEN_CREATED',
        subjectId: issued.id,
        subject: issued.name,
        changes: changesBetween({}, { role: input.role, agentName: input.agentName, expiresAt: input.expiresAt }),
      });
      return issued;
    });
    return { token, secret };
  }

  /** @throws ApiError NOT_FOUND; FORBIDDEN for a token above the caller's role. */
  async revoke(actor: Identity, id: string): Promise<void> {
    const { tenantId } = actor;
    await this.db.inTenants([tenantId], async (tx) => {
      const token = await existing(tx.manager, TokenEntity, { tenantId, id }, 'Token');
      if (!mayGrant(actor.role, token.role)) throw forbidden();
      // Before it goes: its own name is told where it revokes itself.
      await auditOf(actor)(tx, {
        action: 'TOKEN_REVOKED',
        subjectId: id,
        subject: token.name,
        changes: changesBetween({ role: token.role }, {}),
      });
      await tx.manager.delete(TokenEntity, { tenantId, id });
    });
    this.onRevoked([id]);
  }
}

function checkToken({ name, agentName, role, expiresAt }: NewToken, nowMs: number): void {
  const problem = nameProblem('name', name) ?? (agentName === null ? null : nameProblem('agentName', agentName));
  if (problem !== null) throw badInput(problem);
  if (agentName !== null && role !== 'AGENT') throw badInput('agentName binds tokens of the role AGENT only.');
  if (expiresAt !== null && !(expiresAt.getTime() > nowMs))
    throw badInput(`expiresAt is ${expiresAt.toISOString()}; expected a time to come.`);
}

async function assertWithinUser({ manager }: Transaction, tenantId: string, userId: string, role: Identity['role']) {
  // Held until this is committed, so that a role that is lowered meanwhile lowers this token too.
  const user = await existing(manager, UserEntity, { tenantId, id: userId }, 'User', { lock: true });
  if (!mayGrant(user.role, role)) throw forbidden();
}

/** The caller may give the role. */
export async function insertToken(
  { manager }: Pick<Transaction, 'manager'>,
  tenantId: string,
  token: NewToken,
  secret: string,
): Promise<TokenEntity> {
  const id = randomUUID();
  await manager.insert(TokenEntity, { ...token, tenantId, id, secretHash: hashSecret(secret) });
  return manager.findOneByOrFail(TokenEntity, { tenantId, id });
}
