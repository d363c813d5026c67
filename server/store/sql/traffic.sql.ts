import type { Range } from '../../core/rollup/plan.js';
import { type Part, partsNeeded } from '../../core/windows/breakdown.js';
import { RESOLUTIONS } from '../../core/windows/resolutions.js';
import { WINDOW_MS } from '../../core/windows/tumbling.js';
import type { Totals } from '../../core/windows/window.js';
import type { Transaction } from '../database.js';
import type { AgentKey } from './agent.sql.js';
import { PART_COLUMNS } from './breakdown.sql.js';
import { readInSlices } from './cursor.sql.js';
import { SUMS, TOTALS_COLUMNS, type TotalsRow, totalsOf } from './window.sql.js';

type Sql = Transaction['sql'];

/** Rows of one agent, or of the whole tenant. */
export interface OwnedRange extends Range {
  agentId: string;
}

export interface NumbersQuery {
  tenantId: string;
  ranges: readonly OwnedRange[];
  /** Width of a bucket; infinite: one bucket of all, that begins at 0. */
  stepMs: number;
  /** Each agent's numbers apart. */
  byAgent: boolean;
}

export interface NumbersRow {
  /** Null where agents are merged. */
  agentId: string | null;
  startMs: number;
  totals: Totals;
  /** Of each agent how far the greatest revision of its windows is beyond its last deletion, summed. */
  beyondDeletion: number;
}

/**
 * Rows of ranges, each range by the key. Without an order the planner might join, and read the whole table. Without an
 * offset it would look at the values, take a plan made for them for better than any other, and plan each time anew.
 */
const inRanges = (table: string, columns: string, more = '') => `
  (SELECT $1::uuid AS tenant_id, $2::uuid[] AS agents, $3::integer[] AS resolutions, $4::bigint[] AS froms,
    $5::bigint[] AS tos ${more} OFFSET 0) AS given
  CROSS JOIN LATERAL unnest(agents, resolutions, froms, tos) AS r (agent_id, resolution, from_ms, to_ms)
  CROSS JOIN LATERAL (SELECT start_ms, ${columns} FROM ${table} t
    WHERE t.tenant_id = given.tenant_id AND t.agent_id = r.agent_id AND t.resolution = r.resolution
      AND t.start_ms >= r.from_ms AND t.start_ms < r.to_ms ORDER BY t.start_ms) AS w`;

function rangeValues(tenantId: string, ranges: readonly OwnedRange[]): unknown[] {
  return [
    tenantId,
    ranges.map((range) => range.agentId),
    ranges.map((range) => range.resolution),
    ranges.map((range) => range.fromMs),
    ranges.map((range) => range.toMs),
  ];
}

/** Sums rows by bucket. A bucket without a row is left out. */
export const READ_NUMBERS = `
  SELECT owner AS "agentId", bucket AS "startMs", ${SUMS},
    sum(greatest(by_agent.revision - coalesce(agent.deleted_revision, 0), 0))::bigint AS "beyondDeletion" FROM (
    SELECT given.tenant_id, r.agent_id, CASE WHEN by_agent THEN r.agent_id END AS owner,
      CASE WHEN step_ms IS NULL THEN 0 ELSE w.start_ms - mod(w.start_ms, step_ms) END AS bucket,
      max(w.revision) AS revision, ${SUMS}
    FROM ${inRanges('traffic_window', `revision, ${TOTALS_COLUMNS}`, ', $6::bigint AS step_ms, $7::boolean AS by_agent')}
    GROUP BY 1, 2, 3, 4
  ) AS by_agent LEFT JOIN agent ON agent.tenant_id = by_agent.tenant_id AND agent.id = by_agent.agent_id GROUP BY 1, 2`;

export function numbersValues({ tenantId, ranges, stepMs, byAgent }: NumbersQuery): unknown[] {
  return [...rangeValues(tenantId, ranges), Number.isFinite(stepMs) ? stepMs : null, byAgent];
}

export async function readNumbers(sql: Sql, query: NumbersQuery): Promise<NumbersRow[]> {
  if (query.ranges.length === 0) return [];
  const rows = await sql<
    TotalsRow & { agentId: string | null; startMs: number; beyondDeletion: number; [column: string]: unknown }
  >(READ_NUMBERS, numbersValues(query), { name: 'read-numbers' });
  return rows.map((row) => ({
    agentId: row.agentId,
    startMs: row.startMs,
    beyondDeletion: row.beyondDeletion,
    totals: totalsOf(row),
  }));
}

/** Columns of one window's breakdown, those that the parts asked for need. */
export type PartsRow = { agentId: string; resolution: number; startMs: number } & Record<string, Buffer>;

/** Rows of breakdowns read at a time: a few MB at worst, merged within milliseconds. */
export const PARTS_AT_ONCE = 64;

/** Reads breakdowns in slices of PARTS_AT_ONCE rows. One at a time in a transaction. */
export async function* readParts(
  sql: Sql,
  tenantId: string,
  ranges: readonly OwnedRange[],
  parts: readonly Part[],
): AsyncGenerator<PartsRow[]> {
  if (ranges.length === 0 || parts.length === 0) return;
  const columns = partsNeeded(parts)
    .map((part) => PART_COLUMNS[part])
    .join(', ');
  yield* readInSlices<PartsRow>(
    sql,
    `SELECT r.agent_id AS "agentId", r.resolution, w.start_ms AS "startMs", ${columns}
     FROM ${inRanges('traffic_breakdown', columns)}`,
    rangeValues(tenantId, ranges),
    PARTS_AT_ONCE,
  );
}

/** Event seconds `[fromSecond, toSecond]` of an agent. */
export interface SecondsOfAgent extends AgentKey {
  fromSecond: number;
  toSecond: number;
  /** Only windows that changed since; −1: all. */
  beyondRevision: number;
}

export interface SecondsRow {
  startMs: number;
  seconds: Buffer;
  /** Of what a rule counts. */
  durations?: Buffer;
}

const SECONDS = `
  SELECT asked.place, w.* FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[])
      WITH ORDINALITY AS asked (tenant_id, agent_id, from_ms, to_ms, revision, place),
    LATERAL (SELECT start_ms AS "startMs", seconds FROM traffic_window t
      WHERE t.tenant_id = asked.tenant_id AND t.agent_id = asked.agent_id AND t.resolution = ${RESOLUTIONS[0]}
        AND t.start_ms > asked.from_ms AND t.start_ms <= asked.to_ms AND t.revision > asked.revision
      ORDER BY t.start_ms) w`;

/** The seconds' columns of agents' finest windows that touch what is asked for, in its order; each ascending by start. */
export async function readSeconds(sql: Sql, asked: readonly SecondsOfAgent[]): Promise<SecondsRow[][]> {
  const found = asked.map((): SecondsRow[] => []);
  if (asked.length === 0) return found;
  const values = [
    asked.map(({ tenantId }) => tenantId),
    asked.map(({ agentId }) => agentId),
    asked.map(({ fromSecond }) => fromSecond * 1_000 - WINDOW_MS),
    asked.map(({ toSecond }) => toSecond * 1_000),
    asked.map(({ beyondRevision }) => beyondRevision),
  ];
  const rows = await sql<SecondsRow & { place: number }>(SECONDS, values, { name: 'seconds' });
  for (const { place, ...row } of rows) found[place - 1].push(row);
  return found;
}
