import type { Range } from '../../core/rollup/plan.js';
import { MONTH, RESOLUTIONS, rollupEnd, rollupStart, TENANT_WIDE_FROM } from '../../core/windows/resolutions.js';
import type { Transaction } from '../database.js';
import { TENANT_WIDE } from './window.sql.js';

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
    `SELECT count(*) AS windows, least(coalesce(sum(hits), 0), ${Number.MAX_SAFE_INTEGER})::bigint AS hits
     FROM unnest($3::integer[], $4::bigint[], $5::bigint[]) AS r (resolution, from_ms, to_ms)
     JOIN traffic_window w ON w.tenant_id = $1 AND w.agent_id = $2 AND w.resolution = r.resolution
       AND w.start_ms >= r.from_ms AND w.start_ms < r.to_ms`,
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

/**
 * Erases an agent's windows, breakdowns and marks in these ranges. The caller holds the agent's lock.
 *
 * @returns starts of the finest windows that went, milliseconds.
 */
export async function eraseWindows(
  sql: Sql,
  tenantId: string,
  agentId: string,
  ranges: readonly Range[],
): Promise<number[]> {
  const erase = (table: string) =>
    sql<{ resolution: number; start_ms: number }>(
      `DELETE FROM ${table} w USING unnest($3::integer[], $4::bigint[], $5::bigint[]) AS r (resolution, from_ms, to_ms)
       WHERE w.tenant_id = $1 AND w.agent_id = $2 AND w.resolution = r.resolution
         AND w.start_ms >= r.from_ms AND w.start_ms < r.to_ms RETURNING w.resolution, w.start_ms`,
      [tenantId, agentId, ...columnsOf(ranges)],
    );
  await erase('traffic_breakdown');
  await erase('rollup_mark');
  const erased = await erase('traffic_window');
  return erased.filter((row) => row.resolution === RESOLUTIONS[0]).map((row) => row.start_ms);
}

/** Marks the tenant's own windows that touch a span, those that stand. */
export async function markTenantSpan(
  sql: Sql,
  tenantId: string,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<void> {
  const resolutions = RESOLUTIONS.filter((resolution) => resolution >= TENANT_WIDE_FROM);
  await sql(
    `INSERT INTO rollup_mark (tenant_id, agent_id, resolution, start_ms)
     SELECT w.tenant_id, w.agent_id, w.resolution, w.start_ms
     FROM unnest($2::integer[], $3::bigint[]) AS r (resolution, from_ms)
     JOIN traffic_window w ON w.tenant_id = $1 AND w.agent_id = '${TENANT_WIDE}' AND w.resolution = r.resolution
       AND w.start_ms >= r.from_ms AND w.start_ms < $4
     ORDER BY 3, 4
     ON CONFLICT (tenant_id, agent_id, resolution, start_ms) DO UPDATE SET marked_at = clock_timestamp()`,
    [tenantId, resolutions, resolutions.map((resolution) => rollupStart(fromMs, resolution)), toMs],
  );
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
