import { ApiError } from '../errors.js';
import type { Transaction } from '../store/database.js';
import { readPlan } from './plan.js';

/** Any numbers; the same for all servers. With the tenant's, a lock that lasts until the transaction's end. */
const LOCKS = { agents: 7_461_002, alertRules: 7_461_003 } as const;

const COUNTS = {
  agents: 'SELECT count(*) FROM agent WHERE tenant_id = $1 AND hidden_at IS NULL',
  alertRules: 'SELECT count(*) FROM alert_rule WHERE tenant_id = $1',
} as const;

/** Agents that found no place come again after this: somebody has to delete one, or to change the plan. */
const AGENT_RETRY_MS = 10_000;

export async function countOf({ sql }: Transaction, what: keyof typeof COUNTS, tenantId: string): Promise<number> {
  const [{ count }] = await sql<{ count: number }>(COUNTS[what], [tenantId]);
  return count;
}

/**
 * Whether there is room for one more, which this transaction is about to make: from here on no other does so.
 *
 * @returns the limit that is reached; null: there is room.
 */
async function limitReached(
  tx: Transaction,
  what: keyof typeof COUNTS,
  tenantId: string,
  max: number | null,
): Promise<number | null> {
  if (max === null) return null;
  await tx.sql('SELECT pg_advisory_xact_lock($1, hashtext($2))', [LOCKS[what], tenantId]);
  return (await countOf(tx, what, tenantId)) < max ? null : max;
}

/**
 * Before an agent is registered, or comes again after it was deleted.
 *
 * @throws ApiError RESOURCE_EXHAUSTED where the plan has no place for it; it waits, and loses nothing.
 */
export async function admitAgent(tx: Transaction, tenantId: string): Promise<void> {
  const { agentsMax } = await readPlan(tx.sql, tenantId);
  const max = await limitReached(tx, 'agents', tenantId, agentsMax);
  if (max === null) return;
  throw new ApiError(
    'RESOURCE_EXHAUSTED',
    `The plan has room for ${max} agents, and there are as many: this one waits until one is deleted or the plan is raised.`,
    { retryAfterMs: AGENT_RETRY_MS },
  );
}

/** Before an alert rule is made. @throws ApiError RESOURCE_EXHAUSTED where the plan has no place for it. */
export async function admitAlertRule(tx: Transaction, tenantId: string): Promise<void> {
  const { alertRulesMax } = await readPlan(tx.sql, tenantId);
  const max = await limitReached(tx, 'alertRules', tenantId, alertRulesMax);
  if (max === null) return;
  throw new ApiError(
    'RESOURCE_EXHAUSTED',
    `The plan has room for ${max} alert rules, and there are as many: delete one, or have the plan raised.`,
  );
}
