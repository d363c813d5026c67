import { randomUUID } from 'node:crypto';
import { withinPlan } from '../core/plans/plan.js';
import type { LogRetention, RetentionPolicy } from '../core/retention/layout.js';
import type { WindowKeeps } from '../core/rollup/floors.js';
import type { Transaction } from '../store/database.js';
import { RetentionEntity } from '../store/entities/retention.entity.js';
import { RetentionPolicyEntity } from '../store/entities/retention-policy.entity.js';
import type { RetentionChange } from './change.js';

/** All that a tenant says of keeping. */
export interface RetentionSettings extends LogRetention {
  windows: WindowKeeps;
}

/** What is in force: as it was set, and raw entries no longer than the plan allows. */
export async function readSettings(tx: Transaction, tenantId: string): Promise<RetentionSettings> {
  return inForce(tx, tenantId, await readAsSet(tx, tenantId));
}

/**
 * The plan is looked at after the version: a change of it raises that, and what was made by the one before is looked at
 * again.
 */
export async function inForce(
  { sql }: Transaction,
  tenantId: string,
  settings: RetentionSettings,
): Promise<RetentionSettings> {
  const [{ max }] = await sql<{ max: number | null }>('SELECT keep_logs_max_seconds AS max FROM tenant WHERE id = $1', [
    tenantId,
  ]);
  return withinPlan(settings, max);
}

async function readAsSet(tx: Transaction, tenantId: string): Promise<RetentionSettings> {
  const { version, defaultSeconds, windows } = await tx.manager.findOneByOrFail(RetentionEntity, { tenantId });
  const rows = await tx.manager.find(RetentionPolicyEntity, { where: { tenantId }, order: { place: 'ASC' } });
  const policies = rows.map(({ id, name, filter, agentIds, keepSeconds }) => ({
    id,
    name,
    filter,
    agentIds,
    keepSeconds,
  }));
  return { version, defaultSeconds, windows, policies };
}

/** As it was set, under the lock of the tenant's row: changes come one after the other, each made of what the last one left. */
export async function lockSettings(tx: Transaction, tenantId: string): Promise<RetentionSettings> {
  await tx.sql('SELECT FROM retention WHERE tenant_id = $1 FOR UPDATE', [tenantId]);
  return readAsSet(tx, tenantId);
}

/** Writes a change under a new version. The caller holds the tenant's row, and read `known` under it. */
export async function writeSettings(
  tx: Transaction,
  tenantId: string,
  known: RetentionSettings,
  change: Pick<RetentionChange, 'policies' | 'defaultSeconds'> & Pick<RetentionSettings, 'windows'>,
): Promise<RetentionSettings> {
  const { defaultSeconds = known.defaultSeconds, windows } = change;
  const version = known.version + 1;
  await tx.manager.update(RetentionEntity, { tenantId }, { version, defaultSeconds, windows });
  if (change.policies === undefined) return { ...known, version, defaultSeconds, windows };
  const policies = change.policies.map((policy) => ({
    ...policy,
    id: knownId(policy, known.policies) ?? randomUUID(),
  }));
  await tx.manager.delete(RetentionPolicyEntity, { tenantId });
  await tx.manager.insert(
    RetentionPolicyEntity,
    policies.map(({ agentIds, ...policy }, i) => ({ tenantId, place: i + 1, agentIds: [...agentIds], ...policy })),
  );
  return { version, defaultSeconds, windows, policies };
}

/** A policy of the same name keeps its id. */
function knownId({ name }: { name: string }, policies: readonly RetentionPolicy[]): string | undefined {
  const same = policies.filter((policy) => policy.name === name);
  return same.length === 1 ? same[0].id : undefined;
}

/** Policies as a transaction finds them, parsed once a version. */
export class RetentionCache {
  private readonly byTenant = new Map<string, LogRetention>();

  async read(tx: Transaction, tenantId: string): Promise<LogRetention> {
    const [{ version }] = await tx.sql<{ version: number }>('SELECT version FROM retention WHERE tenant_id = $1', [
      tenantId,
    ]);
    const known = this.byTenant.get(tenantId);
    if (known?.version === version) return known;
    const read = await readSettings(tx, tenantId);
    this.byTenant.set(tenantId, read);
    return read;
  }
}
