import { type Breakdown, boundGrowth, emptyBreakdown, pruneBreakdown } from '../../core/windows/breakdown.js';
import type { Transaction } from '../database.js';
import { addRow, PART_COLUMNS } from './breakdown.sql.js';
import { readInSlices } from './cursor.sql.js';
import { SUMS, TOTALS_COLUMNS } from './window.sql.js';
import type { WindowScope } from './window-key.js';

type Sql = Transaction['sql'];

/** What windows are made of: the rows of one resolution of these agents. */
export interface RollupSource {
  agentIds: readonly string[];
  resolution: number;
}

/** A window to be made, milliseconds. */
export interface RollupTarget {
  startMs: number;
  endMs: number;
}

const SOURCE_ROWS = `f.tenant_id = $1 AND f.agent_id = ANY ($6::uuid[]) AND f.resolution = $5
  AND f.start_ms >= t.start_ms AND f.start_ms < t.end_ms`;
const TARGETS = 'unnest($3::bigint[], $4::bigint[]) WITH ORDINALITY AS t (start_ms, end_ms, place)';

function valuesOf(scope: WindowScope, source: RollupSource, targets: readonly RollupTarget[]): unknown[] {
  const [starts, ends] = [targets.map(({ startMs }) => startMs), targets.map(({ endMs }) => endMs)];
  return [scope.tenantId, scope.agentId, starts, ends, source.resolution, source.agentIds, scope.resolution];
}

/** Of how many rows each window's breakdown is made: what computing it costs. */
export async function countSource(
  sql: Sql,
  scope: WindowScope,
  source: RollupSource,
  targets: readonly RollupTarget[],
): Promise<number[]> {
  const rows = await sql<{ count: number }>(
    `SELECT f.count FROM ${TARGETS}
     CROSS JOIN LATERAL (SELECT count(*) FROM traffic_breakdown f WHERE ${SOURCE_ROWS}) AS f
     WHERE $2::uuid IS NOT NULL AND $7::integer IS NOT NULL ORDER BY t.place`,
    valuesOf(scope, source, targets),
  );
  return rows.map(({ count }) => count);
}

/** Computes the numbers of windows anew from their source's rows; where there are none, the window goes. */
export async function rollUpNumbers(
  sql: Sql,
  scope: WindowScope,
  source: RollupSource,
  targets: readonly RollupTarget[],
): Promise<void> {
  const values = valuesOf(scope, source, targets);
  const made = await sql<{ start_ms: number }>(
    `INSERT INTO traffic_window (tenant_id, agent_id, resolution, start_ms, revision, ${TOTALS_COLUMNS})
     SELECT $1, $2, $7::integer, t.start_ms, f.revision, ${TOTALS_COLUMNS} FROM ${TARGETS}
     CROSS JOIN LATERAL (SELECT max(revision) AS revision, ${SUMS} FROM traffic_window f WHERE ${SOURCE_ROWS}) AS f
     WHERE f.revision IS NOT NULL
     ON CONFLICT (tenant_id, agent_id, resolution, start_ms) DO UPDATE SET revision = excluded.revision,
       ${TOTALS_COLUMNS.split(', ')
         .map((name) => `${name} = excluded.${name}`)
         .join(', ')} RETURNING start_ms`,
    values,
  );
  await dropOthers(sql, 'traffic_window', scope, targets, new Set(made.map((row) => row.start_ms)));
}

/** Windows of which nothing is left. */
async function dropOthers(
  sql: Sql,
  table: string,
  { tenantId, agentId, resolution }: WindowScope,
  targets: readonly RollupTarget[],
  made: ReadonlySet<number>,
): Promise<void> {
  const empty = targets.map(({ startMs }) => startMs).filter((startMs) => !made.has(startMs));
  if (empty.length === 0) return;
  await sql(`DELETE FROM ${table} WHERE tenant_id = $1 AND agent_id = $2 AND resolution = $3 AND start_ms = ANY ($4)`, [
    tenantId,
    agentId,
    resolution,
    empty,
  ]);
}

/** Rows of breakdowns at a time: between them others have their turn. */
const ROWS_AT_ONCE = 40;

/**
 * Computes breakdowns anew from their source's, as `rollUpNumbers` does numbers. Those that have a source, by start.
 * However many rows they are made of, no more is held of them than what is kept, a few times over.
 */
export async function mergeSourceBreakdowns(
  sql: Sql,
  scope: WindowScope,
  source: RollupSource,
  targets: readonly RollupTarget[],
): Promise<Map<number, Breakdown>> {
  const columns = Object.values(PART_COLUMNS).map((name) => `f.${name}`);
  // OFFSET 0: window by window, by index, whatever the statistics say.
  const slices = readInSlices<{ start_ms: number } & Record<string, Buffer>>(
    sql,
    `SELECT t.start_ms, f.* FROM ${TARGETS}
     CROSS JOIN LATERAL (SELECT ${columns.join(', ')} FROM traffic_breakdown f WHERE ${SOURCE_ROWS} OFFSET 0) AS f
     WHERE $2::uuid IS NOT NULL AND $7::integer IS NOT NULL`,
    valuesOf(scope, source, targets),
    ROWS_AT_ONCE,
  );
  const merged = new Map<number, Breakdown>();
  for await (const rows of slices) {
    for (const row of rows) {
      const breakdown = merged.get(row.start_ms) ?? emptyBreakdown();
      merged.set(row.start_ms, breakdown);
      addRow(breakdown, row);
      boundGrowth(breakdown, scope.resolution);
    }
  }
  await dropOthers(sql, 'traffic_breakdown', scope, targets, new Set(merged.keys()));
  for (const breakdown of merged.values()) pruneBreakdown(breakdown, scope.resolution);
  return merged;
}
