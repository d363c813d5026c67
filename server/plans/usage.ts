import type { LogRetention } from '../core/retention/layout.js';
import { readSettings } from '../retention/index.js';
import type { Transaction } from '../store/database.js';
import { classOf } from '../store/sql/chunk.sql.js';
import { countOf } from './admission.js';

/** What a tenant uses of its plan. */
export interface Usage {
  agents: number;
  alertRules: number;
  /** Entries taken in, on average over the last minute. */
  entriesPerSecond: number;
  /** The longest that any raw entry is kept, seconds. */
  keepLogsSeconds: number;
}

/** Over which entries a second are averaged, seconds: chunks younger than this are as they came. */
const SPAN_SECONDS = 60;

export async function readUsage(tx: Transaction, tenantId: string): Promise<Usage> {
  const retention = await readSettings(tx, tenantId);
  const keeps = keepsOf(retention);
  return {
    agents: await countOf(tx, 'agents', tenantId),
    alertRules: await countOf(tx, 'alertRules', tenantId),
    entriesPerSecond: (await entriesTakenIn(tx, tenantId, retention.version, keeps)) / SPAN_SECONDS,
    keepLogsSeconds: Math.max(...keeps),
  };
}

function keepsOf({ defaultSeconds, policies }: LogRetention): number[] {
  return [...new Set([defaultSeconds, ...policies.map(({ keepSeconds }) => keepSeconds)])];
}

/**
 * What was taken in within the span expires within as long of when its keep ends: found by the index, in one or two
 * partitions of each keep. What earlier policies laid out is not, for a minute after a change.
 */
async function entriesTakenIn(
  { sql }: Transaction,
  tenantId: string,
  version: number,
  keeps: readonly number[],
): Promise<number> {
  const [{ entries }] = await sql<{ entries: number }>(
    `SELECT coalesce(sum(c.entries), 0)::bigint AS entries FROM unnest($3::text[], $4::integer[]) AS k (class, seconds),
       LATERAL (SELECT entries FROM log_chunk WHERE tenant_id = $1 AND retention_version = $2 AND class = k.class
         AND expires_at > now() + make_interval(secs => k.seconds - ${SPAN_SECONDS})
         AND expires_at <= now() + make_interval(secs => k.seconds) AND expires_at > now() AND keep_seconds = k.seconds OFFSET 0) c`,
    [tenantId, version, keeps.map(classOf), keeps],
  );
  return entries;
}
