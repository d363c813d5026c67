import type { Transaction } from '../store/database.js';
import { partitionSpans } from '../store/partitions.js';

/** Raw entries that are kept so long, as they are stored. */
export interface StoredLogs {
  keepSeconds: number;
  /** Those that are kept just so long: stored twice for a while, they count here alone. */
  entries: number;
  /** On the disk, compressed. */
  bytes: number;
  nextExpiryAt: Date | null;
}

/** What a tenant has stored of raw entries that have not expired; counted. */
export async function logsStored({ sql }: Transaction, tenantId: string): Promise<StoredLogs[]> {
  return sql<StoredLogs & { [column: string]: unknown }>(
    `SELECT keep_seconds AS "keepSeconds", min(expires_at) AS "nextExpiryAt", sum(entries)::bigint AS entries,
       sum(pg_column_size(body) + coalesce(pg_column_size(mask), 0) + coalesce(pg_column_size(parts), 0)
         + coalesce(pg_column_size(ordinals), 0))::bigint AS bytes
     FROM log_chunk WHERE tenant_id = $1 AND expires_at > now() GROUP BY 1 ORDER BY 1`,
    [tenantId],
  );
}

/**
 * When the first partition that holds raw entries of a tenant can be dropped; null: none does. Expired entries give
 * their place back when the last of their partition has expired.
 */
export async function nextPurgeAt({ sql }: Transaction, tenantId: string): Promise<Date | null> {
  // OFFSET keeps the look into one partition from becoming a join with all of them.
  const spans = (await partitionSpans(sql)).sort((a, b) => a.endMs - b.endMs);
  const [next] = await sql<{ at: Date }>(
    `SELECT p.end_at AS at FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[]) AS p (class, start_at, end_at)
     WHERE EXISTS (SELECT FROM log_chunk c WHERE c.tenant_id = $1 AND c.class = p.class
       AND c.expires_at >= p.start_at AND c.expires_at < p.end_at OFFSET 0)
     ORDER BY 1 LIMIT 1`,
    [
      tenantId,
      spans.map(({ retentionClass }) => retentionClass),
      spans.map(({ startMs }) => new Date(startMs)),
      spans.map(({ endMs }) => new Date(endMs)),
    ],
  );
  return next?.at ?? null;
}
