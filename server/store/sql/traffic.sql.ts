import { decodeTopsInto } from '../../core/windows/encoding.js';
import { WINDOW_MS } from '../../core/windows/tumbling.js';
import { type Dimension, emptyTotals, type Tops, type Totals } from '../../core/windows/window.js';
import type { Transaction } from '../database.js';
import { FINEST_RESOLUTION, TOP_COLUMNS, TOTALS_COLUMNS, type TotalsRow, totalsOf } from './window.sql.js';

type Sql = Transaction['sql'];

/** Which windows, and what of them. */
export interface TrafficQuery {
  tenantId: string;
  /** Null: all of the tenant's. */
  agentIds: readonly string[] | null;
  /** Half-open, aligned to 10 seconds. */
  fromMs: number;
  toMs: number;
  /** Of these only those that begin here (default: all). */
  starts?: readonly number[];
  /** Width of a bucket, a multiple of 10 seconds; infinite: one bucket of all. */
  stepMs: number;
  /** Dimensions whose tops are wanted: the others' columns are not read. */
  dimensions: readonly Dimension[];
}

/** What a stretch of time adds up to, merged over agents. */
export interface Bucket {
  totals: Totals;
  /** Of each agent the greatest of its windows', summed. */
  revision: number;
  tops: Partial<Record<Dimension, Tops>>;
}

export function emptyBucket(dimensions: readonly Dimension[]): Bucket {
  const tops = Object.fromEntries(dimensions.map((dimension) => [dimension, new Map()]));
  return { totals: emptyTotals(), revision: 0, tops };
}

/** Which rows; its values come first among the statement's. */
function rowsOf({ tenantId, agentIds, fromMs, toMs, starts }: TrafficQuery): { where: string; values: unknown[] } {
  const where = `tenant_id = $1 AND ($2::uuid[] IS NULL OR agent_id = ANY ($2)) AND resolution = ${FINEST_RESOLUTION}
    AND start_ms >= $3 AND start_ms < $4`;
  const values = [tenantId, agentIds, fromMs, toMs];
  return starts
    ? { where: `${where} AND start_ms = ANY ($5::bigint[])`, values: [...values, starts] }
    : { where, values };
}

const SUMS = TOTALS_COLUMNS.split(', ')
  .map((name) =>
    name === 'peak' ? 'max(peak) AS peak' : `least(sum(${name}), ${Number.MAX_SAFE_INTEGER})::bigint AS ${name}`,
  )
  .join(', ');

/** Reads windows merged into buckets, by start; buckets without a row are left out. */
export async function readBuckets(sql: Sql, query: TrafficQuery): Promise<Map<number, Bucket>> {
  const single = !Number.isFinite(query.stepMs);
  const { where, values } = rowsOf(query);
  const bucket = single ? '$3::bigint' : `start_ms - mod(start_ms, ${Math.round(query.stepMs)})`;
  const rows = await sql<TotalsRow & { bucket: number; revision: number; [column: string]: unknown }>(
    `SELECT bucket, sum(revision)::bigint AS revision, ${SUMS} FROM (
       SELECT ${bucket} AS bucket, max(revision) AS revision, ${SUMS} FROM traffic_window WHERE ${where} GROUP BY 1, agent_id
     ) AS by_agent GROUP BY 1`,
    values,
  );
  const buckets = new Map(
    rows.map((row) => [
      row.bucket,
      { ...emptyBucket(query.dimensions), totals: totalsOf(row), revision: row.revision },
    ]),
  );
  if (query.dimensions.length > 0) await readTops(sql, query, buckets);
  return buckets;
}

async function readTops(sql: Sql, query: TrafficQuery, buckets: Map<number, Bucket>): Promise<void> {
  const columns = query.dimensions.map((dimension) => TOP_COLUMNS[dimension]);
  const { where, values } = rowsOf(query);
  const rows = (await sql(`SELECT start_ms, ${columns.join(', ')} FROM traffic_window WHERE ${where}`, values)) as ({
    start_ms: number;
  } & Record<string, Buffer>)[];
  for (const row of rows) {
    const start = Number.isFinite(query.stepMs) ? row.start_ms - (row.start_ms % query.stepMs) : query.fromMs;
    const bucket = buckets.get(start);
    if (!bucket) continue;
    for (const dimension of query.dimensions) decodeTopsInto(bucket.tops[dimension]!, row[TOP_COLUMNS[dimension]]);
  }
}

/** The seconds' columns of an agent's finest windows that touch the event seconds `[fromSecond, toSecond]`. */
export async function readSeconds(sql: Sql, tenantId: string, agentId: string, fromSecond: number, toSecond: number) {
  return sql<{ startMs: number; seconds: Buffer }>(
    `SELECT start_ms AS "startMs", seconds FROM traffic_window
     WHERE tenant_id = $1 AND agent_id = $2 AND resolution = ${FINEST_RESOLUTION} AND start_ms > $3 AND start_ms <= $4
     ORDER BY start_ms`,
    [tenantId, agentId, fromSecond * 1_000 - WINDOW_MS, toSecond * 1_000],
  );
}
