import type { Database, Transaction } from '../store/database.js';
import { lockAgentById } from '../store/sql/agent.sql.js';
import { staleBatches } from '../store/sql/chunk.sql.js';
import { readBatch, rewriteBatch } from './rewrite.js';
import { readSettings } from './settings.js';

/** Batches of one transaction: ingest of the agent waits for it. */
const BATCHES_AT_ONCE = 20;

/**
 * Lays out anew what was stored by earlier policies of any tenant: what expires sooner goes, what is kept longer is.
 * What has expired stays so. Any number of servers may do so, and be killed: a batch is rewritten in one transaction.
 *
 * @returns batches rewritten
 */
export async function relayOutStale(db: Database): Promise<number> {
  const owners = await db.ownerSql<{ tenantId: string; agentId: string }>(
    `SELECT DISTINCT c.tenant_id AS "tenantId", c.agent_id AS "agentId" FROM log_chunk c
     JOIN retention r ON r.tenant_id = c.tenant_id AND c.retention_version < r.version WHERE c.expires_at > now()`,
  );
  let rewritten = 0;
  for (const { tenantId, agentId } of owners) {
    for (;;) {
      const count = await db.inTenants([tenantId], (tx) => relayOutSome(tx, tenantId, agentId));
      if (count === 0) break;
      rewritten += count;
    }
  }
  return rewritten;
}

async function relayOutSome(tx: Transaction, tenantId: string, agentId: string): Promise<number> {
  const agent = await lockAgentById(tx.sql, tenantId, agentId);
  if (!agent) return 0;
  const retention = await readSettings(tx, tenantId);
  const keys = await staleBatches(tx.sql, tenantId, agentId, retention.version, BATCHES_AT_ONCE);
  for (const key of keys) {
    const stored = await readBatch(tx, key, agent.nowMs);
    if (stored) await rewriteBatch(tx, stored, retention, agent.nowMs);
  }
  return keys.length;
}
