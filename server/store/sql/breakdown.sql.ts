import {
  type Breakdown,
  decodePartsInto,
  type EncodedBreakdown,
  emptyBreakdown,
  PARTS,
  type Part,
} from '../../core/windows/breakdown.js';
import type { Transaction } from '../database.js';
import { byteaArray } from './bytea-array.js';
import { KEY_MATCHES, KEYS_ASKED, keyColumns, type WindowKey } from './window-key.js';

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

/** Adds a row's columns, those of `partsNeeded`, to a breakdown. */
export function addRow(breakdown: Breakdown, row: Record<string, Buffer>, parts: readonly Part[] = PARTS): void {
  decodePartsInto(breakdown, parts, (part) => row[PART_COLUMNS[part]]);
}

/** Kept in a subquery of its own: whatever the planner believes of the table, it is looked into row by row. */
const READ = `
  SELECT asked.place, b.* FROM ${KEYS_ASKED},
    LATERAL (SELECT ${ALL.join(', ')} FROM traffic_breakdown t WHERE ${KEY_MATCHES} OFFSET 0) b`;

/** Breakdowns of windows, whole, in the order asked for; undefined where there is no row. */
export async function readBreakdowns(sql: Sql, keys: readonly WindowKey[]): Promise<(Breakdown | undefined)[]> {
  const found = new Array<Breakdown | undefined>(keys.length);
  if (keys.length === 0) return found;
  const rows = await sql<{ place: number } & Record<string, Buffer>>(READ, keyColumns(keys), {
    name: 'read-breakdowns',
  });
  for (const row of rows) addRow((found[row.place - 1] = emptyBreakdown()), row);
  return found;
}

const WRITE = `
  INSERT INTO traffic_breakdown (tenant_id, agent_id, resolution, start_ms, ${ALL.join(', ')})
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bigint[], ${ALL.map((_, i) => `$${i + 5}::bytea[]`).join(', ')})
  ON CONFLICT (tenant_id, agent_id, resolution, start_ms) DO UPDATE SET ${ALL.map((name) => `${name} = excluded.${name}`).join(', ')}`;

export interface BreakdownOfWindow extends WindowKey {
  breakdown: EncodedBreakdown;
}

/** Writes breakdowns whole. The caller holds the locks of whom they are. */
export async function writeBreakdowns(sql: Sql, written: readonly BreakdownOfWindow[]): Promise<void> {
  if (written.length === 0) return;
  const columns = PARTS.map((part) => byteaArray(written.map(({ breakdown }) => breakdown[part])));
  await sql(WRITE, [...keyColumns(written), ...columns], { name: 'write-breakdowns' });
}
