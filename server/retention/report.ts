import type { Transaction } from '../store/database.js';

/** Raw entries that are kept so long, as they are stored. */
export interface StoredLogs {
  keepSeconds: number;
  /** Those that are kept just so long: stored twice for a while, they count here alone. */
  entries: number;
  /** Compressed. */
  bytes: number;
  nextExpiryAt: Date | null;
}

export interface StoredWindows {
  /** Seconds; a month's windows count with those of a day. */
  resolution: number;
  rows: number;
  bytes: number;
}

export interface RetentionReport {
  logs: StoredLogs[];
  windows: StoredWindows[];
  pendingChunks: number;
  nextPurgeAt: Date | null;
}

/** Partition widths by class: expired chunks give their place back when the last of their partition has expired. */
const PURGE_AT = `CASE class WHEN 'hours' THEN date_trunc('hour', expires_at) + interval '1 hour'
  WHEN 'days' THEN date_trunc('day', expires_at) + interval '1 day' ELSE date_trunc('month', expires_at) + interval '1 month' END`;

/** What a tenant has stored; counted, not estimated. */
export async function reportOf({ sql }: Transaction, tenantId: string): Promise<RetentionReport> {
  const logs = await sql<StoredLogs & { [column: string]: unknown }>(
    `SELECT keep_seconds AS "keepSeconds", min(expires_at) AS "nextExpiryAt", sum(octet_length(body))::bigint AS bytes,
       sum(entries)::bigint AS entries
     FROM log_chunk WHERE tenant_id = $1 AND expires_at > now() GROUP BY 1 ORDER BY 1`,
    [tenantId],
  );
  const windows = await sql<StoredWindows & { [column: string]: unknown }>(
    `SELECT resolution, count(*) AS rows, sum(bytes)::bigint AS bytes FROM (
       SELECT least(resolution, 86400) AS resolution, pg_column_size(w.*)::bigint AS bytes FROM traffic_window w WHERE tenant_id = $1
     ) AS numbers GROUP BY 1 ORDER BY 1`,
    [tenantId],
  );
  const breakdowns = await sql<{ resolution: number; bytes: number }>(
    `SELECT least(resolution, 86400) AS resolution, sum(pg_column_size(b.*))::bigint AS bytes
     FROM traffic_breakdown b WHERE tenant_id = $1 GROUP BY 1`,
    [tenantId],
  );
  const [{ pending, purge }] = await sql<{ pending: number; purge: Date | null }>(
    `SELECT count(*) FILTER (WHERE retention_version < r.version AND expires_at > now()) AS pending, min(${PURGE_AT}) AS purge
     FROM log_chunk c JOIN retention r USING (tenant_id) WHERE c.tenant_id = $1`,
    [tenantId],
  );
  return {
    logs,
    windows: windows.map((row) => {
      const breakdown = breakdowns.find(({ resolution }) => resolution === row.resolution);
      return { ...row, bytes: row.bytes + (breakdown?.bytes ?? 0) };
    }),
    pendingChunks: pending,
    nextPurgeAt: purge,
  };
}
