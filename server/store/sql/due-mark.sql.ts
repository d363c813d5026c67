import { MONTH, RESOLUTIONS } from '../../core/windows/resolutions.js';
import type { Database } from '../database.js';
import { TENANT_WIDE } from './window-key.js';

/** Whose windows wait to be computed. */
export interface DueOwner {
  tenantId: string;
  /** `TENANT_WIDE`: the tenant's own. */
  agentId: string;
}

const END_MS = `CASE WHEN m.resolution = ${MONTH}
  THEN floor(extract(epoch FROM (to_timestamp(m.start_ms / 1000) AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC') * 1000)::bigint
  ELSE m.start_ms + m.resolution * 1000::bigint END`;
/** Open windows change with every batch: they are read fine. Once an agent is quiet, wall time closes them. */
const AGENT_DUE = `(${END_MS} <= a.watermark_ms
  OR ${END_MS} <= extract(epoch FROM clock_timestamp()) * 1000 - 120000
     AND coalesce(a.last_batch_at, '-infinity') < clock_timestamp() - interval '30 seconds'
  OR a.hidden_at IS NOT NULL)`;
/** Agents of a tenant finish the same hour within seconds: together they cost its rollup once. */
const TENANT_DUE = `m.marked_at < clock_timestamp() - interval '5 seconds'`;

/** Who has marks that are due: `agents`, those that stand above them, or both. */
export async function dueOwners(db: Database): Promise<DueOwner[]> {
  return db.ownerSql<DueOwner & { [column: string]: unknown }>(
    `SELECT a.tenant_id AS "tenantId", a.id AS "agentId" FROM agent a
     WHERE EXISTS (SELECT FROM rollup_mark m WHERE m.tenant_id = a.tenant_id AND m.agent_id = a.id AND ${AGENT_DUE})
     UNION ALL
     SELECT t.tenant_id, '${TENANT_WIDE}' FROM tenant_traffic t
     WHERE EXISTS (SELECT FROM rollup_mark m WHERE m.tenant_id = t.tenant_id AND m.agent_id = '${TENANT_WIDE}' AND ${TENANT_DUE})`,
  );
}

/** Due marks of an owner, the oldest of each resolution, up to `limit` each; the finest resolution first. */
export async function dueMarks(
  db: Database,
  { tenantId, agentId }: DueOwner,
  limit: number,
): Promise<Map<number, number[]>> {
  const due = agentId === TENANT_WIDE ? TENANT_DUE : AGENT_DUE;
  const rows = await db.ownerSql<{ resolution: number; starts: number[] }>(
    `SELECT r.resolution, array_agg(d.start_ms ORDER BY d.start_ms)::float8[] AS starts
     FROM unnest($3::integer[]) AS r (resolution)
     CROSS JOIN LATERAL (SELECT m.start_ms FROM rollup_mark m
       LEFT JOIN agent a ON a.tenant_id = m.tenant_id AND a.id = m.agent_id
       WHERE m.tenant_id = $1 AND m.agent_id = $2 AND m.resolution = r.resolution AND ${due}
       ORDER BY m.start_ms LIMIT $4) AS d
     GROUP BY 1 ORDER BY 1`,
    [tenantId, agentId, RESOLUTIONS.slice(1), limit],
  );
  return new Map(rows.map(({ resolution, starts }) => [resolution, starts]));
}
