import {
  type Breakdown,
  decodePartInto,
  type EncodedBreakdown,
  emptyBreakdown,
  PARTS,
  type Part,
} from '../../core/windows/breakdown.js';
import type { Transaction } from '../database.js';
import { byteaArray } from './bytea-array.js';
import type { WindowScope } from './window.sql.js';

type Sql = Transaction['sql'];

/** The column of each part of a breakdown. */
export const PART_COLUMNS: Record<Part, string> = {
  SECTION: 'top_section',
  PATH: 'top_path',
  HOST: 'top_host',
  USER: 'top_user',
  METHOD: 'top_method',
  STATUS: 'top_status',
  REFERRER: 'top_referrer',
  USER_AGENT: 'top_user_agent',
  SIZE: 'size',
  DURATION: 'duration',
  HOSTS: 'hosts',
};

const ALL = PARTS.map((part) => PART_COLUMNS[part]);

export type BreakdownRow = { start_ms: number } & Record<string, Buffer>;

/** Adds a row's columns to a breakdown. */
export function addRow(breakdown: Breakdown, row: Record<string, Buffer>, parts: readonly Part[] = PARTS): void {
  for (const part of parts) decodePartInto(breakdown, part, row[PART_COLUMNS[part]]);
}

/** Breakdowns of the windows that begin at `starts`, whole; those without a row are left out. */
export async function readBreakdowns(
  sql: Sql,
  { tenantId, agentId, resolution }: WindowScope,
  starts: readonly number[],
): Promise<Map<number, Breakdown>> {
  if (starts.length === 0) return new Map();
  const rows = (await sql(
    `SELECT start_ms, ${ALL.join(', ')} FROM traffic_breakdown
     WHERE tenant_id = $1 AND agent_id = $2 AND resolution = $3 AND start_ms = ANY ($4)`,
    [tenantId, agentId, resolution, starts],
    { name: 'read-breakdowns' },
  )) as BreakdownRow[];
  return new Map(
    rows.map((row) => {
      const breakdown = emptyBreakdown();
      addRow(breakdown, row);
      return [row.start_ms, breakdown];
    }),
  );
}

const WRITE = `
  INSERT INTO traffic_breakdown (tenant_id, agent_id, resolution, start_ms, ${ALL.join(', ')})
  SELECT $1, $2, $3, * FROM unnest($4::bigint[], ${ALL.map((_, i) => `$${i + 5}::bytea[]`).join(', ')})
  ON CONFLICT (tenant_id, agent_id, resolution, start_ms) DO UPDATE SET ${ALL.map((name) => `${name} = excluded.${name}`).join(', ')}`;

/** Writes breakdowns whole. The caller holds the lock of whom they are. */
export async function writeBreakdowns(
  sql: Sql,
  { tenantId, agentId, resolution }: WindowScope,
  breakdowns: ReadonlyMap<number, EncodedBreakdown>,
): Promise<void> {
  if (breakdowns.size === 0) return;
  const columns = PARTS.map((part) => byteaArray(Array.from(breakdowns.values(), (own) => own[part])));
  const values = [tenantId, agentId, resolution, [...breakdowns.keys()], ...columns];
  await sql(WRITE, values, { name: 'write-breakdowns' });
}
