import { randomUUID } from 'node:crypto';
import type { Identity } from '../auth/tokens.js';
import { emailProblem, nameProblem } from '../core/accounts/names.js';
import { mayGrant, rolesAbove } from '../core/accounts/roles.js';
import { badInput, forbidden } from '../errors.js';
import type { Database, Transaction } from '../store/database.js';
import { TokenEntity } from '../store/entities/token.entity.js';
import { UserEntity } from '../store/entities/user.entity.js';
import { existing, unlessTaken } from '../store/rows.js';
import { auditOf, changesBetween } from './audit.js';

export interface UserChange {
  name: string;
  email: string;
  role: Identity['role'];
}

/** The people of a tenant, who sign in by tokens of theirs. */
export class Users {
  constructor(
    private readonly db: Database,
    private readonly onRevoked: (tokenIds: readonly string[]) => void,
  ) {}

  list(tenantId: string): Promise<UserEntity[]> {
    return this.db.inTenants([tenantId], ({ manager }) =>
      manager.find(UserEntity, { where: { tenantId }, order: { createdAt: 'ASC', id: 'ASC' } }),
    );
  }

  /** @throws ApiError BAD_USER_INPUT naming what is wrong; FORBIDDEN for a role above the caller's. */
  create(actor: Identity, input: UserChange): Promise<UserEntity> {
    const { tenantId } = actor;
    const user = checked(actor, input);
    return this.db.inTenants([tenantId], async (tx) => {
      const id = randomUUID();
      await unlessTaken(() => tx.manager.insert(UserEntity, { ...user, tenantId, id }), taken(user.email));
      await auditOf(actor)(tx, {
        action: 'USER_CREATED',
        subjectId: id,
        subject: user.name,
        changes: changesBetween({}, { email: user.email, role: user.role }),
      });
      return tx.manager.findOneByOrFail(UserEntity, { tenantId, id });
    });
  }

  /** A lower role is that of the user's tokens too, at once. Throws as `create` does, and NOT_FOUND. */
  async update(actor: Identity, id: string, change: Partial<UserChange>): Promise<UserEntity> {
    const { tenantId } = actor;
    const { user, lowered } = await this.db.inTenants([tenantId], async (tx) => {
      const before = await existingUser(tx, actor, id);
      const { name, email, role } = checked(actor, { ...before, ...change });
      await unlessTaken(() => tx.manager.update(UserEntity, { tenantId, id }, { name, email, role }), taken(email));
      const lowered = await tx.sql<{ id: string }>(
        'UPDATE token SET role = $3 WHERE tenant_id = $1 AND user_id = $2 AND role = ANY ($4) RETURNING id',
        [tenantId, id, role, rolesAbove(role)],
      );
      const changes = changesBetween(
        { name: before.name, email: before.email, role: before.role },
        { name, email, role },
      );
      if (changes.length > 0)
        await auditOf(actor)(tx, { action: 'USER_UPDATED', subjectId: id, subject: before.name, changes });
      return { user: await tx.manager.findOneByOrFail(UserEntity, { tenantId, id }), lowered };
    });
    // Sockets of a higher role are closed; their clients come again with the lower.
    this.onRevoked(lowered.map((token) => token.id));
    return user;
  }

  /** And revokes their tokens. Throws as `update` does. */
  async delete(actor: Identity, id: string): Promise<void> {
    const { tenantId } = actor;
    const revoked = await this.db.inTenants([tenantId], async (tx) => {
      const user = await existingUser(tx, actor, id);
      const tokens = await tx.manager.findBy(TokenEntity, { tenantId, userId: id });
      await auditOf(actor)(tx, {
        action: 'USER_DELETED',
        subjectId: id,
        subject: user.name,
        changes: changesBetween({ email: user.email, tokens: tokens.map(({ name }) => name) }, {}),
      });
      await tx.manager.delete(TokenEntity, { tenantId, userId: id });
      await tx.manager.delete(UserEntity, { tenantId, id });
      return tokens;
    });
    this.onRevoked(revoked.map((token) => token.id));
  }
}

function checked(actor: Identity, { name, email, role }: UserChange) {
  const problem = nameProblem('name', name) ?? emailProblem(email);
  if (problem !== null) throw badInput(problem);
  if (role === 'AGENT') throw badInput('role of a user is OPERATOR, ADMIN or VIEWER: agents have tokens alone.');
  if (!mayGrant(actor.role, role)) throw forbidden();
  return { name, email, role };
}

/** A user that the caller may change: of its own tenant, and not above it. */
async function existingUser({ manager }: Transaction, { tenantId, role }: Identity, id: string): Promise<UserEntity> {
  const user = await existing(manager, UserEntity, { tenantId, id }, 'User', { lock: true });
  if (!mayGrant(role, user.role)) throw forbidden();
  return user;
}

const taken = (email: string) => () => badInput(`email ${email} is another user's already.`);
