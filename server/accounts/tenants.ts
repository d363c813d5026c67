import { IsNull } from 'typeorm';
import { formatDuration } from '../../schema/scalars/index.js';
import { type Identity, newSecret } from '../auth/tokens.js';
import { nameProblem } from '../core/accounts/names.js';
import { badInput } from '../errors.js';
import type { Database, Transaction } from '../store/database.js';
import { TenantEntity } from '../store/entities/tenant.entity.js';
import { existing, unlessTaken } from '../store/rows.js';
import { type AuditRecord, changesBetween, recordAudit } from './audit.js';
import { insertTenant } from './insert-tenant.js';
import { type IssuedToken, insertToken } from './token-book.js';

/** A plan; null: without limit, absent: as it was. */
export interface LimitsChange {
  agents?: number | null;
  entriesPerSecond?: number | null;
  alertRules?: number | null;
  /** Seconds. */
  keepLogs?: number | null;
}

export interface TenantEvents {
  onRevoked: (tokenIds: readonly string[]) => void;
  /** What it holds is to be removed. */
  onDeleted: () => Promise<void>;
  /** What is stored follows a shorter keep. */
  onKeepChanged: () => Promise<void>;
}

/** The tenants of the installation: they stand above each of them, so all this runs as the owner. For operators. */
export class Tenants {
  constructor(
    private readonly db: Database,
    private readonly events: TenantEvents,
  ) {}

  list(): Promise<TenantEntity[]> {
    return this.db.owner.manager
      .createQueryBuilder(TenantEntity, 'tenant')
      .where('tenant.deletedAt IS NULL')
      .orderBy({ 'tenant.createdAt': 'ASC', 'tenant.id': 'ASC' })
      .getMany();
  }

  /** With a token of its first administrator. @throws ApiError BAD_USER_INPUT for a name that is none, or taken. */
  async create(actor: Identity, name: string): Promise<IssuedToken & { tenant: TenantEntity }> {
    const problem = nameProblem('name', name);
    if (problem !== null) throw badInput(problem);
    const secret = newSecret('ADMIN');
    const first = {
      name: 'first administrator',
      role: 'ADMIN' as const,
      userId: null,
      agentName: null,
      expiresAt: null,
    };
    return this.db.aboveTenants(async (tx) => {
      const taken = () => badInput(`name ${name} is another tenant's already.`);
      const id = await unlessTaken(() => insertTenant(tx.sql, name), taken);
      const token = await insertToken(tx, id, first, secret);
      await recordTwice(tx, actor, id, { action: 'TENANT_CREATED', subjectId: id, subject: name });
      return { tenant: await tx.manager.findOneByOrFail(TenantEntity, { id }), token, secret };
    });
  }

  /** In force within seconds. @throws ApiError BAD_USER_INPUT for values out of range, NOT_FOUND. */
  async setLimits(actor: Identity, id: string, change: LimitsChange): Promise<TenantEntity> {
    checkLimits(change);
    const { tenant, keepChanged } = await this.db.aboveTenants(async (tx) => {
      const before = await existingTenant(tx, id);
      const columns = columnsOf(change);
      if (Object.keys(columns).length > 0) await tx.manager.update(TenantEntity, { id }, columns);
      const after = await tx.manager.findOneByOrFail(TenantEntity, { id });
      const changes = changesBetween(shownLimits(before), shownLimits(after));
      const keepChanged = before.keepLogsMaxSeconds !== after.keepLogsMaxSeconds;
      if (changes.length > 0)
        await recordTwice(tx, actor, id, {
          action: 'TENANT_LIMITS_SET',
          subjectId: id,
          subject: after.name,
          changes,
        });
      return { tenant: after, keepChanged };
    });
    if (keepChanged) await this.events.onKeepChanged();
    return tenant;
  }

  /**
   * Its tokens are none any more at once; a job removes what it holds.
   *
   * @throws ApiError NOT_FOUND; BAD_USER_INPUT for the caller's own.
   */
  async delete(actor: Identity, id: string): Promise<void> {
    if (id === actor.tenantId) throw badInput('A tenant cannot delete itself.');
    const revoked = await this.db.aboveTenants(async (tx) => {
      const { name } = await existingTenant(tx, id);
      await tx.sql('UPDATE tenant SET deleted_at = now() WHERE id = $1', [id]);
      await recordAudit(tx.sql, actor, actor.tenantId, { action: 'TENANT_DELETED', subjectId: id, subject: name });
      return tx.sql<{ id: string }>('DELETE FROM token WHERE tenant_id = $1 RETURNING id', [id]);
    });
    this.events.onRevoked(revoked.map((token) => token.id));
    await this.events.onDeleted();
  }
}

/** In the log of the operator, and in that of the tenant. */
async function recordTwice(tx: Transaction, actor: Identity, id: string, record: AuditRecord): Promise<void> {
  for (const tenantId of new Set([actor.tenantId, id])) await recordAudit(tx.sql, actor, tenantId, record);
}

function existingTenant({ manager }: Transaction, id: string): Promise<TenantEntity> {
  return existing(manager, TenantEntity, { id, deletedAt: IsNull() }, 'Tenant', { lock: true });
}

/** The plan of a tenant, as in the API. */
export function limitsOf(tenant: TenantEntity) {
  return {
    agents: tenant.agentsMax,
    entriesPerSecond: tenant.entriesPerSecondMax,
    alertRules: tenant.alertRulesMax,
    keepLogs: tenant.keepLogsMaxSeconds,
  };
}

/** As the audit log tells them. */
function shownLimits(tenant: TenantEntity) {
  const { keepLogs, ...limits } = limitsOf(tenant);
  return { ...limits, keepLogs: keepLogs === null ? null : formatDuration(keepLogs) };
}

function columnsOf({ agents, entriesPerSecond, alertRules, keepLogs }: LimitsChange): Partial<TenantEntity> {
  return {
    ...(agents === undefined ? {} : { agentsMax: agents }),
    ...(entriesPerSecond === undefined ? {} : { entriesPerSecondMax: entriesPerSecond }),
    ...(alertRules === undefined ? {} : { alertRulesMax: alertRules }),
    ...(keepLogs === undefined ? {} : { keepLogsMaxSeconds: keepLogs }),
  };
}

function checkLimits({ agents, entriesPerSecond, alertRules, keepLogs }: LimitsChange): void {
  const least = { agents, alertRules, entriesPerSecond, keepLogs };
  for (const [name, value] of Object.entries(least)) {
    const from = name === 'entriesPerSecond' || name === 'keepLogs' ? 1 : 0;
    if (value != null && value < from) throw badInput(`${name} is ${value}; expected ${from} or more, or null.`);
  }
}
