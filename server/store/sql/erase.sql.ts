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
    [
      tenantId,
      agentId,
      ranges.map(({ resolution }) => resolution),
      ranges.map(({ fromMs }) => fromMs),
      ranges.map(({ toMs }) => toMs),
    ],
  );
  return row;
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

/** From the first to the last month of which an agent has windows; null: it has none. */
export async function historyOf(
  sql: Sql,
  tenantId: string,
  agentId: string,
): Promise<{ fromMs: number; toMs: number } | null> {
  const [{ first, last }] = await sql<{ first: number | null; last: number | null }>(
    `SELECT min(first) AS first, max(last) AS last FROM unnest($3::integer[]) AS resolution
     CROSS JOIN LATERAL (SELECT min(start_ms) AS first, max(start_ms) AS last FROM traffic_window w
       WHERE w.tenant_id = $1 AND w.agent_id = $2 AND w.resolution = resolution.resolution) AS w`,
    [tenantId, agentId, RESOLUTIONS],
  );
  if (first === null || last === null) return null;
  return { fromMs: rollupStart(first, MONTH), toMs: rollupEnd(rollupStart(last, MONTH), MONTH) };
}

/** Hides an agent, with its raw entries gone; its name and its streams stay. The caller holds its lock. */
export async function hideAgent(sql: Sql, tenantId: string, agentId: string): Promise<void> {
  await sql('DELETE FROM log_chunk WHERE tenant_id = $1 AND agent_id = $2', [tenantId, agentId]);
  await sql(
    `UPDATE agent SET hidden_at = clock_timestamp(), alert_rested = true, first_event_ms = NULL, last_event_ms = NULL
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, agentId],
  );
}
