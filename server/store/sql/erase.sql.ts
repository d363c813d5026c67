import type { Mark, Range } from '../../core/rollup/plan.js';
import { MONTH, RESOLUTIONS, rollupEnd, rollupStart } from '../../core/windows/resolutions.js';
import type { Transaction } from '../database.js';

type Sql = Transaction['sql'];

/** Windows of an agent in ranges, and their hits. */
export interface Counted {
  windows: number;
  hits: number;
}

export async function countWindows(
  sql: Sql,
  tenantId: string,
  agentId: string,
  ranges: readonly Range[],
): Promise<Counted> {
  const [row] = await sql<Counted & { [column: string]: unknown }>(
    `SELECT coalesce(sum(windows), 0)::bigint AS windows,
       least(coalesce(sum(hits), 0), ${Number.MAX_SAFE_INTEGER})::bigint AS hits
     FROM unnest($3::integer[], $4::bigint[], $5::bigint[]) AS r (resolution, from_ms, to_ms)
     CROSS JOIN LATERAL (SELECT count(*) AS windows, sum(hits) AS hits FROM traffic_window w
       WHERE w.tenant_id = $1 AND w.agent_id = $2 AND w.resolution = r.resolution
         AND w.start_ms >= r.from_ms AND w.start_ms < r.to_ms) AS w`,
    [tenantId, agentId, ...columnsOf(ranges)],
  );
  return row;
}

function columnsOf(ranges: readonly Range[]): number[][] {
  return [
    ranges.map(({ resolution }) => resolution),
    ranges.map(({ fromMs }) => fromMs),
    ranges.map(({ toMs }) => toMs),
  ];
}

/** Each resolution's range is looked up by itself, however many other windows the agent has. */
function eraseStatement(table: string, ranges: readonly Range[]): string {
  const within = ranges.map((_, i) => {
    const [resolution, fromMs, toMs] = [0, 1, 2].map((column) => `$${3 + 3 * i + column}`);
    return `resolution = ${resolution} AND start_ms >= ${fromMs} AND start_ms < ${toMs}`;
  });
  return `DELETE FROM ${table} WHERE tenant_id = $1 AND agent_id = $2 AND (${within.join(' OR ')})
    RETURNING resolution, start_ms AS "startMs"`;
}

/**
 * Erases an agent's windows, breakdowns and marks in these ranges. The caller holds the agent's lock.
 *
 * @returns the windows of which anything was there, in order.
 */
export async function eraseWindows(
  sql: Sql,
  tenantId: string,
  agentId: string,
  ranges: readonly Range[],
): Promise<Mark[]> {
  if (ranges.length === 0) return [];
  const values = [tenantId, agentId, ...ranges.flatMap(({ resolution, fromMs, toMs }) => [resolution, fromMs, toMs])];
  const erased = new Map<string, Mark>();
  for (const table of ['traffic_breakdown', 'rollup_mark', 'traffic_window']) {
    const rows = await sql<{ resolution: number; startMs: number }>(eraseStatement(table, ranges), values);
    for (const row of rows) erased.set(`${row.resolution} ${row.startMs}`, row);
  }
  return [...erased.values()].sort((a, b) => a.resolution - b.resolution || a.startMs - b.startMs);
}

/** Start of the window of an agent that follows the first `count` in these ranges; null: there are no more. */
export async function startAfter(
  sql: Sql,
  tenantId: string,
  agentId: string,
  ranges: readonly Range[],
  count: number,
): Promise<number | null> {
  const rows = await sql<{ start_ms: number }>(
    `SELECT w.start_ms FROM unnest($3::integer[], $4::bigint[], $5::bigint[]) AS r (resolution, from_ms, to_ms)
     CROSS JOIN LATERAL (SELECT start_ms FROM traffic_window w
       WHERE w.tenant_id = $1 AND w.agent_id = $2 AND w.resolution = r.resolution
         AND w.start_ms >= r.from_ms AND w.start_ms < r.to_ms ORDER BY w.start_ms LIMIT $6::integer + 1) AS w
     ORDER BY 1 OFFSET $6 LIMIT 1`,
    [tenantId, agentId, ...columnsOf(ranges), count],
  );
  return rows[0]?.start_ms ?? null;
}

/** From the first to the last month of which an agent has windows, or with `logs` raw entries; null: it has none. */
export async function historyOf(
  sql: Sql,
  tenantId: string,
  agentId: string,
  { logs }: { logs: boolean },
): Promise<{ fromMs: number; toMs: number } | null> {
  const [{ first, last }] = await sql<{ first: number | null; last: number | null }>(
    `SELECT min(first) AS first, max(last) AS last FROM (
       SELECT w.first, w.last FROM unnest($3::integer[]) AS resolution
       CROSS JOIN LATERAL (SELECT min(start_ms) AS first, max(start_ms) AS last FROM traffic_window w
         WHERE w.tenant_id = $1 AND w.agent_id = $2 AND w.resolution = resolution.resolution) AS w
       UNION ALL
       SELECT min(first_ms), max(last_ms) FROM log_chunk WHERE $4 AND tenant_id = $1 AND agent_id = $2) AS history`,
    [tenantId, agentId, RESOLUTIONS, logs],
  );
  if (first === null || last === null) return null;
  return { fromMs: rollupStart(first, MONTH), toMs: rollupEnd(rollupStart(last, MONTH), MONTH) };
}

/** Erases some of an agent's chunks; returns how many. The caller holds its lock. */
export async function eraseChunks(sql: Sql, tenantId: string, agentId: string, limit: number): Promise<number> {
  const rows = await sql(
    `DELETE FROM log_chunk WHERE (stream_id, from_position, class, expires_at) IN (
       SELECT stream_id, from_position, class, expires_at FROM log_chunk WHERE tenant_id = $1 AND agent_id = $2 LIMIT $3)
     AND tenant_id = $1 AND agent_id = $2 RETURNING 1`,
    [tenantId, agentId, limit],
  );
  return rows.length;
}

/** Hides an agent of which nothing is left; its name and its streams stay. The caller holds its lock. */
export async function hideAgent(sql: Sql, tenantId: string, agentId: string): Promise<void> {
  await sql(
    `UPDATE agent SET hidden_at = clock_timestamp(), alert_rested = true, first_event_ms = NULL, last_event_ms = NULL
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, agentId],
  );
}
