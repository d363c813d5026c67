import { decodeSeconds, encodeSeconds } from '../../core/windows/encoding.js';
import { RESOLUTIONS } from '../../core/windows/resolutions.js';
import { emptyWindow, type Numbers, type Totals, type Window } from '../../core/windows/window.js';
import type { Transaction } from '../database.js';
import { readBreakdowns } from './breakdown.sql.js';
import { byteaArray } from './bytea-array.js';

type Sql = Transaction['sql'];

/** Whose windows, and of which width. */
export interface WindowScope {
  tenantId: string;
  /** `TENANT_WIDE`: all of the tenant's agents together. */
  agentId: string;
  /** Seconds, one of RESOLUTIONS. */
  resolution: number;
}

/** The nil UUID (RFC 9562 §5.9), which is no agent's: windows of all of a tenant's agents together stand under it. */
export const TENANT_WIDE = '00000000-0000-0000-0000-000000000000';

const [FINEST] = RESOLUTIONS;
const STATUS_COLUMNS = ['informational', 'success', 'redirection', 'client_error', 'server_error', 'other'];
const NUMBERS = ['hits', 'bytes', ...STATUS_COLUMNS, 'peak'];

/** Numbers of a window's row, under their columns' names. */
export interface TotalsRow {
  hits: number;
  bytes: number;
  informational: number;
  success: number;
  redirection: number;
  client_error: number;
  server_error: number;
  other: number;
  peak: number;
}

export const TOTALS_COLUMNS = NUMBERS.join(', ');

/** Sums of windows' columns; of `peak` the greatest. They stay at 2^53 − 1 instead of becoming wrong. */
export const SUMS = NUMBERS.map((name) =>
  name === 'peak' ? 'max(peak) AS peak' : `least(sum(${name}), ${Number.MAX_SAFE_INTEGER})::bigint AS ${name}`,
).join(', ');

export function totalsOf(row: TotalsRow): Totals {
  const status = [row.informational, row.success, row.redirection, row.client_error, row.server_error, row.other];
  return { hits: row.hits, bytes: row.bytes, status, peak: row.peak };
}

type NumbersRow = TotalsRow & { start_ms: number; seconds: Buffer | null };

async function readNumbers(sql: Sql, { tenantId, agentId, resolution }: WindowScope, starts: readonly number[]) {
  return (await sql(
    `SELECT start_ms, seconds, ${TOTALS_COLUMNS} FROM traffic_window
     WHERE tenant_id = $1 AND agent_id = $2 AND resolution = $3 AND start_ms = ANY ($4)`,
    [tenantId, agentId, resolution, starts],
    { name: 'read-windows' },
  )) as NumbersRow[];
}

/**
 * The finest windows of an agent that begin at `starts`, with their breakdowns where these are kept: from
 * `breakdownsFromMs` on. The caller holds the agent's lock.
 */
export async function readWindows(
  sql: Sql,
  tenantId: string,
  agentId: string,
  starts: readonly number[],
  breakdownsFromMs: number,
): Promise<Map<number, Window>> {
  const scope = { tenantId, agentId, resolution: FINEST };
  const numbers = await readNumbers(sql, scope, starts);
  const broken = numbers.map((row) => row.start_ms).filter((startMs) => startMs >= breakdownsFromMs);
  const breakdowns = await readBreakdowns(sql, scope, broken);
  return new Map(
    numbers.map((row) => {
      const { seconds, breakdown } = emptyWindow();
      const decoded = row.seconds === null ? seconds : decodeSeconds(row.seconds);
      const window = { ...totalsOf(row), seconds: decoded, breakdown: breakdowns.get(row.start_ms) ?? breakdown };
      return [row.start_ms, window];
    }),
  );
}

const COLUMNS = ['start_ms', ...NUMBERS];
const WRITE_NUMBERS = `
  INSERT INTO traffic_window (tenant_id, agent_id, resolution, revision, seconds, ${COLUMNS.join(', ')})
  SELECT $1, $2, $3, $4, * FROM unnest($5::bytea[], ${COLUMNS.map((_, i) => `$${i + 6}::bigint[]`).join(', ')})
  ON CONFLICT (tenant_id, agent_id, resolution, start_ms) DO UPDATE SET
    revision = excluded.revision, seconds = excluded.seconds,
    ${NUMBERS.map((name) => `${name} = excluded.${name}`).join(', ')}`;

/** Writes the numbers of the finest windows of an agent whole, as of `revision`. */
export async function writeWindows(
  sql: Sql,
  tenantId: string,
  agentId: string,
  revision: number,
  windows: ReadonlyMap<number, Numbers>,
): Promise<void> {
  if (windows.size === 0) return;
  const seconds = byteaArray(Array.from(windows.values(), (window) => encodeSeconds(window.seconds)));
  const values = [tenantId, agentId, FINEST, revision, seconds, ...columnsOf(windows)];
  await sql(WRITE_NUMBERS, values, { name: 'write-windows' });
}

/** Starts and numbers of windows, by column. */
function columnsOf(windows: ReadonlyMap<number, Totals>): number[][] {
  const columns: number[][] = COLUMNS.map(() => []);
  for (const [startMs, { hits, bytes, status, peak }] of windows)
    [startMs, hits, bytes, ...status, peak].forEach((value, i) => {
      columns[i].push(value);
    });
  return columns;
}

/** Adds to windows of one resolution, coarser than the finest, that stand already or not. The caller holds the lock. */
export async function addNumbers(
  sql: Sql,
  scope: WindowScope,
  revision: number,
  windows: ReadonlyMap<number, Totals>,
): Promise<void> {
  const columns = columnsOf(windows);
  const sums = NUMBERS.map((name) =>
    name === 'peak'
      ? 'peak = greatest(traffic_window.peak, excluded.peak)'
      : `${name} = least(traffic_window.${name} + excluded.${name}, ${Number.MAX_SAFE_INTEGER})`,
  );
  await sql(
    `INSERT INTO traffic_window (tenant_id, agent_id, resolution, revision, start_ms, ${TOTALS_COLUMNS})
     SELECT $1, $2, $3, $4, * FROM unnest(${columns.map((_, i) => `$${i + 5}::bigint[]`).join(', ')})
     ON CONFLICT (tenant_id, agent_id, resolution, start_ms) DO UPDATE SET revision = excluded.revision, ${sums.join(', ')}`,
    [scope.tenantId, scope.agentId, scope.resolution, revision, ...columns],
    { name: 'add-windows' },
  );
}

const [, MINUTE] = RESOLUTIONS;

/** What stands first of an agent's rows of a resolution within a minute: one probe of the key. */
const firstOf = (table: string, resolution: number) =>
  `(SELECT w.start_ms FROM ${table} w WHERE w.tenant_id = $1 AND w.agent_id = $2 AND w.resolution = ${resolution}
     AND w.start_ms >= m.start_ms AND w.start_ms < m.start_ms + ${MINUTE * 1_000} ORDER BY w.start_ms LIMIT 1)`;

/** Whatever the planner believes of the tables: joined or hashed, they would be read whole for every batch. */
export const UNTOUCHED_MINUTES = `
  SELECT start_ms FROM unnest($3::bigint[]) AS m (start_ms)
  WHERE ${firstOf('traffic_window', MINUTE)} IS NULL AND ${firstOf('traffic_window', FINEST)} IS NULL
    AND ${firstOf('rollup_mark', MINUTE)} IS NULL`;

/** Of an agent's minutes those of which nothing is stored: no window, no finer one, no mark. */
export async function untouchedMinutes(
  sql: Sql,
  tenantId: string,
  agentId: string,
  starts: readonly number[],
): Promise<number[]> {
  const rows = await sql<{ start_ms: number }>(UNTOUCHED_MINUTES, [tenantId, agentId, starts], {
    name: 'untouched-minutes',
  });
  return rows.map((row) => row.start_ms);
}
