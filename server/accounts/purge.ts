import type { Database } from '../store/database.js';

/** What knows a tenant and does not go with its row; rows of others go by their foreign keys. */
const APART = ['rule_seconds', 'rollup_mark', 'traffic_breakdown', 'traffic_window', 'log_chunk'];

/**
 * Removes all that deleted tenants hold, the tenants themselves last: what a crash cuts short is done by the next run.
 * Returns how many tenants went.
 */
export async function purgeTenants(db: Database): Promise<number> {
  const tenants = await db.ownerSql<{ id: string }>('SELECT id FROM tenant WHERE deleted_at IS NOT NULL');
  for (const { id } of tenants) await purge(db, id);
  return tenants.length;
}

async function purge(db: Database, tenantId: string): Promise<void> {
  // Without this row no agent is registered any more, and no window of the whole tenant computed.
  await db.ownerSql('DELETE FROM tenant_traffic WHERE tenant_id = $1', [tenantId]);
  // Waits for batches that are being taken in; without agents none is.
  await db.ownerSql('DELETE FROM agent WHERE tenant_id = $1', [tenantId]);
  for (const table of APART) await db.ownerSql(`DELETE FROM ${table} WHERE tenant_id = $1`, [tenantId]);
  await db.ownerSql('DELETE FROM tenant WHERE id = $1', [tenantId]);
}
