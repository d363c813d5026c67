import { RESOLUTIONS } from '../core/windows/resolutions.js';
import type { Transaction } from '../store/database.js';
import { PART_COLUMNS } from '../store/sql/breakdown.sql.js';
import { TENANT_WIDE } from '../store/sql/window-key.js';

/** Windows that are kept of one resolution. */
export interface StoredWindows {
  /** Seconds; a month's windows count with those of a day. */
  resolution: number;
  rows: number;
  /** With their breakdowns, without indexes. */
  bytes: number;
}

/** Of an agent's windows of one resolution so many stretches are counted, each so many windows long. */
const STRETCHES = 128;
const STRETCH_WINDOWS = 64;
/** Rows whose size is taken for that of all. */
const SIZES = 16;

/** A row's key and header; its columns are added as they lie on the disk, which a whole row's size would unpack. */
const BREAKDOWN_SIZE = ['68', ...Object.values(PART_COLUMNS).map((column) => `pg_column_size(w.${column})`)].join(
  ' + ',
);

type Sum = Pick<StoredWindows, 'resolution' | 'rows' | 'bytes'> & { [column: string]: unknown };

/**
 * What a tenant has stored of windows. Up to 8,192 windows' time of an agent and resolution the rows are counted, beyond
 * they are estimated from stretches spread over it; bytes are estimated from sizes of single rows. So it costs as much a
 * resolution of an agent, however long windows are kept.
 */
export async function windowsStored({ sql }: Transaction, tenantId: string): Promise<StoredWindows[]> {
  const values = [tenantId, RESOLUTIONS];
  const numbers = await sql<Sum>(sumsOf('traffic_window', 'pg_column_size(w.*)'), values);
  const breakdowns = await sql<Sum>(sumsOf('traffic_breakdown', BREAKDOWN_SIZE), values);
  return numbers.map((row) => {
    const breakdown = breakdowns.find(({ resolution }) => resolution === row.resolution);
    return { ...row, bytes: row.bytes + (breakdown?.bytes ?? 0) };
  });
}

/**
 * Each stretch lies in a part of its own of the whole time, at another place in each (158 is odd, so that all places
 * occur), lest they all fall on the same hour of the day.
 */
function sumsOf(table: string, size: string): string {
  const own = `FROM ${table} w WHERE w.tenant_id = $1 AND w.agent_id = s.agent_id AND w.resolution = s.resolution`;
  return `
    WITH spans AS (
      SELECT a.id AS agent_id, r.resolution, w.first_ms, w.end_ms,
        least(${STRETCHES}, 1 + (w.end_ms - w.first_ms) / (${STRETCH_WINDOWS} * 1000 * r.resolution::bigint)) AS parts
      FROM (SELECT id FROM agent WHERE tenant_id = $1 UNION ALL SELECT '${TENANT_WIDE}') AS a
      CROSS JOIN unnest($2::integer[]) AS r (resolution)
      CROSS JOIN LATERAL (SELECT min(start_ms) AS first_ms, max(start_ms) + 1 AS end_ms FROM ${table} w
        WHERE w.tenant_id = $1 AND w.agent_id = a.id AND w.resolution = r.resolution) AS w
      WHERE w.first_ms IS NOT NULL
    ), s AS (
      SELECT *, least(part_ms, ${STRETCH_WINDOWS} * 1000 * resolution::bigint) AS stretch_ms
      FROM (SELECT *, (end_ms - first_ms + parts - 1) / parts AS part_ms FROM spans) AS spans
    )
    SELECT least(s.resolution, 86400) AS resolution, round(sum(counted.rows))::bigint AS rows,
      round(sum(counted.rows * sized.bytes))::bigint AS bytes
    FROM s
    CROSS JOIN LATERAL (
      SELECT sum(stretch.rows) * s.part_ms / s.stretch_ms AS rows FROM generate_series(0, s.parts - 1) AS n
      CROSS JOIN LATERAL (SELECT s.first_ms + n * s.part_ms + (s.part_ms - s.stretch_ms) * (n * 158 % ${STRETCHES}) / ${STRETCHES} AS from_ms) AS f
      CROSS JOIN LATERAL (SELECT count(*) AS rows ${own} AND w.start_ms >= f.from_ms AND w.start_ms < f.from_ms + s.stretch_ms) AS stretch
    ) AS counted
    CROSS JOIN LATERAL (
      SELECT avg(one.bytes) AS bytes FROM generate_series(0, ${SIZES - 1}) AS n
      CROSS JOIN LATERAL (SELECT ${size} AS bytes ${own} AND w.start_ms >= s.first_ms + (s.end_ms - s.first_ms) * n / ${SIZES}
        ORDER BY w.start_ms LIMIT 1) AS one
    ) AS sized
    GROUP BY 1 ORDER BY 1`;
}
