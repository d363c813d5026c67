import { decodeSeconds, decodeTopsInto, encodeSeconds, encodeTops } from '../../core/windows/encoding.js';
import { DIMENSIONS, type Dimension, emptyWindow, type Window } from '../../core/windows/window.js';
import type { Transaction } from '../database.js';

type Sql = Transaction['sql'];

/** Seconds of the finest windows: their `resolution`. */
export const FINEST_RESOLUTION = 10;

/** The column of each dimension's tops. */
export const TOP_COLUMNS: Record<Dimension, string> = {
  SECTION: 'top_section',
  PATH: 'top_path',
  HOST: 'top_host',
  USER: 'top_user',
  METHOD: 'top_method',
  STATUS: 'top_status',
  REFERRER: 'top_referrer',
  USER_AGENT: 'top_user_agent',
};

const STATUS_COLUMNS = ['informational', 'success', 'redirection', 'client_error', 'server_error', 'other'];
const NUMBERS = ['hits', 'bytes', ...STATUS_COLUMNS, 'peak'];
const BLOBS = ['seconds', ...DIMENSIONS.map((dimension) => TOP_COLUMNS[dimension])];

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

export function totalsOf(row: TotalsRow) {
  const status = [row.informational, row.success, row.redirection, row.client_error, row.server_error, row.other];
  return { hits: row.hits, bytes: row.bytes, status, peak: row.peak };
}

type WindowRow = TotalsRow & { start_ms: number; seconds: Buffer } & Record<string, Buffer>;

/** The finest windows of an agent that begin at `starts`, whole. The caller holds the agent's lock. */
export async function readWindows(
  sql: Sql,
  tenantId: string,
  agentId: string,
  starts: number[],
): Promise<Map<number, Window>> {
  const rows = (await sql(
    `SELECT start_ms, ${[...NUMBERS, ...BLOBS].join(', ')} FROM traffic_window
     WHERE tenant_id = $1 AND agent_id = $2 AND resolution = ${FINEST_RESOLUTION} AND start_ms = ANY ($3)`,
    [tenantId, agentId, starts],
  )) as WindowRow[];
  return new Map(rows.map((row) => [row.start_ms, windowOf(row)]));
}

function windowOf(row: WindowRow): Window {
  const window: Window = { ...emptyWindow(), ...totalsOf(row), seconds: decodeSeconds(row.seconds) };
  for (const dimension of DIMENSIONS) decodeTopsInto(window.tops[dimension], row[TOP_COLUMNS[dimension]]);
  return window;
}

const ALL = ['start_ms', ...NUMBERS, ...BLOBS];
const WRITE_WINDOWS = `
  INSERT INTO traffic_window (tenant_id, agent_id, resolution, revision, ${ALL.join(', ')})
  SELECT $1, $2, ${FINEST_RESOLUTION}, $3, * FROM unnest(${ALL.map((name, i) => `$${i + 4}::${BLOBS.includes(name) ? 'bytea' : 'bigint'}[]`).join(', ')})
  ON CONFLICT (tenant_id, agent_id, resolution, start_ms) DO UPDATE SET
    revision = excluded.revision, ${[...NUMBERS, ...BLOBS].map((name) => `${name} = excluded.${name}`).join(', ')}`;

/** Writes windows whole, as of `revision`. The caller holds the agent's lock. */
export async function writeWindows(
  sql: Sql,
  tenantId: string,
  agentId: string,
  revision: number,
  windows: Map<number, Window>,
): Promise<void> {
  const columns: unknown[][] = ALL.map(() => []);
  for (const [startMs, window] of windows) {
    const numbers = [startMs, window.hits, window.bytes, ...window.status, window.peak];
    const blobs = [encodeSeconds(window.seconds), ...DIMENSIONS.map((dimension) => encodeTops(window.tops[dimension]))];
    [...numbers, ...blobs].forEach((value, i) => {
      columns[i].push(value);
    });
  }
  await sql(WRITE_WINDOWS, [tenantId, agentId, revision, ...columns]);
}
