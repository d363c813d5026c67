import { decodeSeconds, encodeSeconds } from '../../core/windows/encoding.js';
import { RESOLUTIONS } from '../../core/windows/resolutions.js';
import { emptyWindow, type Numbers, type Totals, type Window } from '../../core/windows/window.js';
import type { Transaction } from '../database.js';
import { readBreakdowns } from './breakdown.sql.js';
import { byteaArray } from './bytea-array.js';
import { KEY_MATCHES, KEYS_ASKED, keyColumns, type WindowKey } from './window-key.js';

type Sql = Transaction['sql'];

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

/** A 10-second window of an agent. */
export type FinestKey = Omit<WindowKey, 'resolution'>;

const finest = (key: FinestKey): WindowKey => ({ ...key, resolution: FINEST });

type NumbersRow = TotalsRow & { place: number; seconds: Buffer | null };

/** Kept in a subquery of its own: whatever the planner believes of the table, it is looked into row by row. */
const READ_NUMBERS = `
  SELECT asked.place, w.* FROM ${KEYS_ASKED},
    LATERAL (SELECT seconds, ${TOTALS_COLUMNS} FROM traffic_window t WHERE ${KEY_MATCHES} OFFSET 0) w`;

/**
 * The finest windows of agents in the order asked for, with their breakdowns where asked for and kept; undefined where
 * there is none. The caller holds the agents' locks.
 */
export async function readWindows(
  sql: Sql,
  asked: readonly (FinestKey & { withBreakdown: boolean })[],
): Promise<(Window | undefined)[]> {
  const found = new Array<Window | undefined>(asked.length);
  if (asked.length === 0) return found;
  const keys = asked.map(finest);
  const rows = (await sql(READ_NUMBERS, keyColumns(keys), { name: 'read-windows' })) as NumbersRow[];
  const broken = rows.map(({ place }) => place - 1).filter((at) => asked[at].withBreakdown);
  const breakdowns = await readBreakdowns(
    sql,
    broken.map((at) => keys[at]),
  );
  const byPlace = new Map(broken.map((at, i) => [at, breakdowns[i]]));
  for (const row of rows) {
    const { seconds, breakdown } = emptyWindow();
    const decoded = row.seconds === null ? seconds : decodeSeconds(row.seconds);
    const at = row.place - 1;
    found[at] = { ...totalsOf(row), seconds: decoded, breakdown: byPlace.get(at) ?? breakdown };
  }
  return found;
}

const COLUMNS = ['start_ms', ...NUMBERS];
const WRITE_NUMBERS = `
  INSERT INTO traffic_window (tenant_id, agent_id, revision, seconds, resolution, ${COLUMNS.join(', ')})
  SELECT tenant_id, agent_id, revision, seconds, ${FINEST}, ${COLUMNS.join(', ')}
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bytea[], ${COLUMNS.map((_, i) => `$${i + 5}::bigint[]`).join(', ')})
    AS w (tenant_id, agent_id, revision, seconds, ${COLUMNS.join(', ')})
  ON CONFLICT (tenant_id, agent_id, resolution, start_ms) DO UPDATE SET
    revision = excluded.revision, seconds = excluded.seconds,
    ${NUMBERS.map((name) => `${name} = excluded.${name}`).join(', ')}`;

export interface NumbersOfWindow extends FinestKey {
  /** Of the agent, as of which the window is. */
  revision: number;
  numbers: Numbers;
}

/** Writes the numbers of the finest windows of agents whole. */
export async function writeWindows(sql: Sql, windows: readonly NumbersOfWindow[]): Promise<void> {
  if (windows.length === 0) return;
  const values = [
    windows.map(({ tenantId }) => tenantId),
    windows.map(({ agentId }) => agentId),
    windows.map(({ revision }) => revision),
    byteaArray(windows.map(({ numbers }) => encodeSeconds(numbers.seconds))),
    ...columnsOf(windows.map(({ startMs, numbers }) => [startMs, numbers])),
  ];
  await sql(WRITE_NUMBERS, values, { name: 'write-windows' });
}

/** Starts and numbers of windows, by column. */
function columnsOf(windows: Iterable<readonly [startMs: number, totals: Totals]>): number[][] {
  const columns: number[][] = COLUMNS.map(() => []);
  for (const [startMs, { hits, bytes, status, peak }] of windows)
    [startMs, hits, bytes, ...status, peak].forEach((value, i) => {
      columns[i].push(value);
    });
  return columns;
}

const TOTALS_GIVEN = `
  INSERT INTO traffic_window (tenant_id, agent_id, resolution, revision, ${COLUMNS.join(', ')})
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bigint[], ${COLUMNS.map((_, i) => `$${i + 5}::bigint[]`).join(', ')})
  ON CONFLICT (tenant_id, agent_id, resolution, start_ms) DO UPDATE SET revision = excluded.revision, `;
const WRITE_TOTALS = TOTALS_GIVEN + NUMBERS.map((name) => `${name} = excluded.${name}`).join(', ');
const ADD_TOTALS =
  TOTALS_GIVEN +
  NUMBERS.map((name) =>
    name === 'peak'
      ? 'peak = greatest(traffic_window.peak, excluded.peak)'
      : `${name} = least(traffic_window.${name} + excluded.${name}, ${Number.MAX_SAFE_INTEGER})`,
  ).join(', ');

/** A window coarser than the finest. */
export interface TotalsOfWindow extends WindowKey {
  /** Of the agent, as of which the window is. */
  revision: number;
  totals: Totals;
}

/** Writes the numbers of windows whole. The caller holds the agents' locks. */
export async function writeTotals(sql: Sql, windows: readonly TotalsOfWindow[]): Promise<void> {
  if (windows.length > 0) await sql(WRITE_TOTALS, totalsColumns(windows), { name: 'write-totals' });
}

/** Adds to windows that stand already or not. The caller holds the agents' locks. */
export async function addTotalsTo(sql: Sql, windows: readonly TotalsOfWindow[]): Promise<void> {
  if (windows.length > 0) await sql(ADD_TOTALS, totalsColumns(windows), { name: 'add-totals' });
}

function totalsColumns(windows: readonly TotalsOfWindow[]): unknown[][] {
  return [
    windows.map(({ tenantId }) => tenantId),
    windows.map(({ agentId }) => agentId),
    windows.map(({ resolution }) => resolution),
    windows.map(({ revision }) => revision),
    ...columnsOf(windows.map(({ startMs, totals }) => [startMs, totals])),
  ];
}

/** Kept in order: of each of an agent's windows, what stands first of a table's rows within it is one probe of its key. */
const nothingWithin = (table: string) =>
  `NOT EXISTS (SELECT FROM unnest('{${RESOLUTIONS.join(',')}}'::integer[]) AS f (resolution)
     WHERE f.resolution <= asked.resolution AND (SELECT w.start_ms FROM ${table} w
       WHERE w.tenant_id = asked.tenant_id AND w.agent_id = asked.agent_id AND w.resolution = f.resolution
         AND w.start_ms >= asked.start_ms AND w.start_ms < asked.start_ms + asked.resolution * 1000::bigint
       ORDER BY w.start_ms LIMIT 1) IS NOT NULL)`;

/** Whatever the planner believes of the tables: joined or hashed, they would be read whole for every batch. */
export const UNTOUCHED_WINDOWS = `
  SELECT asked.place FROM ${KEYS_ASKED}
  WHERE ${nothingWithin('traffic_window')} AND ${nothingWithin('rollup_mark')} ORDER BY asked.place`;

/** Places of those windows, none as wide as a month, of which nothing is stored: no window, no finer one, no mark. */
export async function untouchedWindows(sql: Sql, asked: readonly WindowKey[]): Promise<number[]> {
  if (asked.length === 0) return [];
  const rows = await sql<{ place: number }>(UNTOUCHED_WINDOWS, keyColumns(asked), { name: 'untouched-windows' });
  return rows.map(({ place }) => place - 1);
}
