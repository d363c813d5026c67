import type { Database, Transaction } from '../store/database.js';
import { withPartitions } from '../store/partitions.js';
import { lockAgentById } from '../store/sql/agent.sql.js';
import { type BatchKey, staleAgents, staleBatches } from '../store/sql/chunk.sql.js';
import { inGroups, readBatches, rewriteBatches } from './rewrite.js';
import { readSettings } from './settings.js';

/** Keys looked up together: each look passes by what is left. */
const KEYS_AT_ONCE = 500;

/** What of an agent is older than the policies of this version. */
interface Stale {
  tenantId: string;
  agentId: string;
  version: number;
}

/**
 * Lays out anew what was stored by earlier policies of any tenant: what expires sooner goes, what is kept longer is.
 * What has expired stays so. Any number of servers may do so, and be killed: a batch is rewritten in one transaction.
 *
 * @returns batches rewritten
 */
export async function relayOutStale(db: Database): Promise<number> {
  const tenants = await db.ownerSql<{ tenantId: string; version: number }>(
    'SELECT tenant_id AS "tenantId", version FROM retention ORDER BY 1',
  );
  let rewritten = 0;
  for (const { tenantId, version } of tenants) {
    const agents = await db.inTenants([tenantId], ({ sql }) => staleAgents(sql, tenantId, version));
    for (const agentId of agents) rewritten += await relayOutAgent(db, { tenantId, agentId, version });
  }
  return rewritten;
}

async function relayOutAgent(db: Database, stale: Stale): Promise<number> {
  let rewritten = 0;
  let keys: BatchKey[] = [];
  do {
    keys = await staleKeys(db, stale, keys.at(-1) ?? null);
    // Each in a transaction of its own: ingest of the agent waits for it.
    for (const some of inGroups(keys)) {
      rewritten += await withPartitions(db, () =>
        db.inTenants([stale.tenantId], (tx) => relayOutSome(tx, stale, some)),
      );
    }
  } while (keys.length === KEYS_AT_ONCE);
  return rewritten;
}

function staleKeys(db: Database, stale: Stale, after: BatchKey | null): Promise<BatchKey[]> {
  return db.inTenants([stale.tenantId], ({ sql }) => staleBatches(sql, stale, after, KEYS_AT_ONCE));
}

async function relayOutSome(tx: Transaction, { tenantId, agentId }: Stale, keys: readonly BatchKey[]): Promise<number> {
  const agent = await lockAgentById(tx.sql, tenantId, agentId);
  if (!agent) return 0;
  const retention = await readSettings(tx, tenantId);
  // Fewer than their keys: some are deleted or expired since.
  const batches = await readBatches(tx, keys, agent.nowMs);
  await rewriteBatches(tx, batches, batches, retention, agent.nowMs);
  return batches.length;
}
