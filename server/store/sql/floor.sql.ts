import type { FloorTargets } from '../../core/rollup/floors.js';
import { RESOLUTIONS } from '../../core/windows/resolutions.js';
import type { Transaction } from '../database.js';
import { TENANT_WIDE } from './window-key.js';

type Sql = Transaction['sql'];

/** Starts of an agent's marks of a resolution before an event time, the oldest first. */
export async function marksBefore(
  sql: Sql,
  tenantId: string,
  agentId: string,
  resolution: number,
  beforeMs: number,
  limit: number,
): Promise<number[]> {
  const rows = await sql<{ start_ms: number }>(
    `SELECT start_ms FROM rollup_mark WHERE tenant_id = $1 AND agent_id = $2 AND resolution = $3 AND start_ms < $4
     ORDER BY start_ms LIMIT $5`,
    [tenantId, agentId, resolution, beforeMs, limit],
  );
  return rows.map((row) => row.start_ms);
}

/**
 * Sets an agent's floors, or the tenant's own. The caller holds their lock. Where the coarsest windows go, that is a
 * change of them: their revisions must not go back.
 */
export async function setFloors(sql: Sql, tenantId: string, agentId: string, floors: FloorTargets): Promise<void> {
  const isTenant = agentId === TENANT_WIDE;
  const values = [tenantId, floors.windowFloors, floors.breakdownFloors];
  const rises = `CASE WHEN window_floors[${RESOLUTIONS.length}] < ($2::bigint[])[${RESOLUTIONS.length}] THEN revision + 1`;
  await sql(
    `UPDATE ${isTenant ? 'tenant_traffic' : 'agent'} SET window_floors = $2, breakdown_floors = $3
       ${isTenant ? '' : `, revision = ${rises} ELSE revision END, deleted_revision = ${rises} ELSE deleted_revision END`}
     WHERE tenant_id = $1 ${isTenant ? '' : 'AND id = $4'}`,
    isTenant ? values : [...values, agentId],
  );
}

/** By their places: joined to what lies below the floors, a table that was never analyzed would be read again for each row. */
export const dropBelow = (table: string) => `
  DELETE FROM ${table} WHERE ctid = ANY (ARRAY (
    SELECT b.ctid FROM unnest($3::integer[], $4::bigint[]) AS r (resolution, floor_ms)
    CROSS JOIN LATERAL (SELECT o.ctid FROM ${table} o WHERE o.tenant_id = $1 AND o.agent_id = $2
      AND o.resolution = r.resolution AND o.start_ms < r.floor_ms ORDER BY o.start_ms LIMIT $5) AS b LIMIT $5))
  RETURNING 1`;

/** Drops some rows below the floors; returns how many. Nothing writes or reads them any more. */
export async function dropBelowFloors(
  sql: Sql,
  tenantId: string,
  agentId: string,
  { windowFloors, breakdownFloors }: FloorTargets,
  limit: number,
): Promise<number> {
  const drop = async (table: string, floors: readonly number[]) =>
    (await sql(dropBelow(table), [tenantId, agentId, RESOLUTIONS, floors, limit])).length;
  return (await drop('traffic_breakdown', breakdownFloors)) + (await drop('traffic_window', windowFloors));
}
