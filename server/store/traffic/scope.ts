import type { Transaction } from '../database.js';
import { readTenantFloors } from '../sql/tenant-traffic.sql.js';
import type { ScopeAgent, ScopeTenant, TrafficScope } from './ranges.js';

const COLUMNS = `id, deleted_revision AS "deletedRevision", watermark_ms AS "watermarkMs",
  window_floors::float8[] AS "windowFloors", breakdown_floors::float8[] AS "breakdownFloors"`;

/** Agents as reading needs them: those of these ids; null: all of the tenant's. Deleted ones only with `hidden`. */
export async function readScopeAgents(
  sql: Transaction['sql'],
  tenantId: string,
  ids: readonly string[] | null,
  { hidden = false } = {},
): Promise<ScopeAgent[]> {
  return sql<ScopeAgent & { [column: string]: unknown }>(
    `SELECT ${COLUMNS} FROM agent
     WHERE tenant_id = $1 AND ($2::uuid[] IS NULL OR id = ANY ($2)) AND (hidden_at IS NULL OR $3) ORDER BY id`,
    [tenantId, ids, hidden],
  );
}

async function readScopeTenant(sql: Transaction['sql'], tenantId: string): Promise<ScopeTenant | null> {
  const [hidden] = await sql<{ revision: number }>(
    `SELECT coalesce(sum(deleted_revision), 0)::bigint AS revision FROM agent
     WHERE tenant_id = $1 AND hidden_at IS NOT NULL`,
    [tenantId],
  );
  const floors = await readTenantFloors(sql, tenantId);
  return floors ? { ...floors, hiddenRevision: hidden.revision } : null;
}

/** Reads scopes in one go: each of these agents, or all of the tenant's where null. */
export async function readScopes(
  sql: Transaction['sql'],
  tenantId: string,
  wanted: readonly (readonly string[] | null)[],
): Promise<TrafficScope[]> {
  const all = wanted.includes(null);
  const agents = await readScopeAgents(sql, tenantId, all ? null : wanted.flatMap((ids) => ids ?? []));
  const byId = new Map(agents.map((agent) => [agent.id, agent]));
  const tenant = all ? await readScopeTenant(sql, tenantId) : null;
  return wanted.map((ids) =>
    ids === null ? { agents, tenant } : { agents: [...new Set(ids)].flatMap((id) => byId.get(id) ?? []), tenant: null },
  );
}
