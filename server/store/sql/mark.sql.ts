import type { Mark } from '../../core/rollup/plan.js';
import type { Transaction } from '../database.js';
import { KEY_MATCHES, KEYS_ASKED, keyColumns, TENANT_WIDE, type WindowKey } from './window-key.js';

type Sql = Transaction['sql'];

/** Marks agents' windows dirty. The caller holds the agents' locks, as whoever takes their marks away does. */
export async function markDirty(sql: Sql, windows: readonly WindowKey[]): Promise<void> {
  if (windows.length === 0) return;
  await sql(
    `INSERT INTO rollup_mark (tenant_id, agent_id, resolution, start_ms)
     SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bigint[]) ON CONFLICT DO NOTHING`,
    keyColumns(windows),
    { name: 'mark-dirty' },
  );
}

/** Takes marks of agents' windows away that have just been written whole. The caller holds the agents' locks. */
export async function dropMarks(sql: Sql, windows: readonly WindowKey[]): Promise<void> {
  if (windows.length === 0) return;
  await sql(`DELETE FROM rollup_mark t USING ${KEYS_ASKED} WHERE ${KEY_MATCHES}`, keyColumns(windows), {
    name: 'drop-marks',
  });
}

/**
 * Marks windows of whole tenants dirty, without their locks. A mark that stands is written anew: whoever is taking it
 * away waits for this transaction then, and reads what it has changed. It stays as old as it is, or it would never be due.
 */
export async function markTenantDirty(sql: Sql, windows: readonly TenantWindow[]): Promise<void> {
  if (windows.length === 0) return;
  // In order, the same everywhere, so that two that mark the same windows do not wait for each other in a circle.
  await sql(
    `INSERT INTO rollup_mark (tenant_id, agent_id, resolution, start_ms)
     SELECT DISTINCT tenant_id, '${TENANT_WIDE}'::uuid, resolution, start_ms
     FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) AS w (tenant_id, resolution, start_ms)
     ORDER BY tenant_id, resolution, start_ms
     ON CONFLICT (tenant_id, agent_id, resolution, start_ms) DO UPDATE SET marked_at = rollup_mark.marked_at`,
    [
      windows.map(({ tenantId }) => tenantId),
      windows.map(({ resolution }) => resolution),
      windows.map(({ startMs }) => startMs),
    ],
    { name: 'mark-tenant-dirty' },
  );
}

/** A window of all of a tenant's agents together. */
export type TenantWindow = Omit<WindowKey, 'agentId'>;

/** Takes marks away; returns the starts of those that stood. The caller holds the lock of whom they are. */
export async function takeMarks(
  sql: Sql,
  tenantId: string,
  agentId: string,
  resolution: number,
  starts: readonly number[],
): Promise<number[]> {
  const own = 'tenant_id = $1 AND agent_id = $2 AND resolution = $3 AND start_ms = ANY ($4)';
  const values = [tenantId, agentId, resolution, starts];
  // Locked in order, as they are marked: a tenant's marks are written without its lock.
  const rows = await sql<{ start_ms: number }>(
    `SELECT start_ms FROM rollup_mark WHERE ${own} ORDER BY start_ms FOR UPDATE`,
    values,
  );
  if (rows.length === 0) return [];
  const taken = rows.map((row) => row.start_ms);
  await sql(`DELETE FROM rollup_mark WHERE ${own}`, [...values.slice(0, 3), taken]);
  return taken;
}

/** Marks of windows that begin in `[fromMs, toMs)`, by agent. */
export async function readMarks(
  sql: Sql,
  tenantId: string,
  agentIds: readonly string[],
  fromMs: number,
  toMs: number,
): Promise<Map<string, Mark[]>> {
  const rows = await sql<{ agent_id: string; resolution: number; start_ms: number }>(
    `SELECT agent_id, resolution, start_ms FROM rollup_mark
     WHERE tenant_id = $1 AND agent_id = ANY ($2) AND start_ms >= $3 AND start_ms < $4`,
    [tenantId, agentIds, fromMs, toMs],
  );
  const marks = new Map<string, Mark[]>();
  for (const { agent_id: agentId, resolution, start_ms: startMs } of rows) {
    const own = marks.get(agentId);
    if (own === undefined) marks.set(agentId, [{ resolution, startMs }]);
    else own.push({ resolution, startMs });
  }
  return marks;
}
