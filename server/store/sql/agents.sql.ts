import type { Transaction } from '../database.js';

type Sql = Transaction['sql'];

export interface LedgerRow {
  lines: number;
  accepted: number;
  malformed: number;
  quarantined: number;
  skipped: number;
  late: number;
}

/** An agent as the API shows it. */
export interface AgentRow {
  tenantId: string;
  id: string;
  name: string;
  firstSeenAt: Date;
  lastSeenAt: Date;
  firstEventAt: Date | null;
  lastEventAt: Date | null;
  watermark: Date | null;
  status: 'LIVE' | 'IDLE' | 'OFFLINE';
  backlogBytes: number | null;
  clockSkewMs: number | null;
  revision: number;
}

const timestamp = (column: string, name: string) => `to_timestamp(${column} / 1000.0) AS "${name}"`;

const COLUMNS = `tenant_id AS "tenantId", id, name, first_seen_at AS "firstSeenAt", last_seen_at AS "lastSeenAt",
  ${timestamp('first_event_ms', 'firstEventAt')}, ${timestamp('last_event_ms', 'lastEventAt')}, ${timestamp('watermark_ms', 'watermark')},
  CASE WHEN ended_at IS NOT NULL THEN 'OFFLINE'
    WHEN last_batch_at > clock_timestamp() - interval '30 seconds' THEN 'LIVE'
    WHEN last_seen_at > clock_timestamp() - interval '2 minutes' THEN 'IDLE' ELSE 'OFFLINE' END AS status,
  backlog_bytes AS "backlogBytes", clock_skew_ms AS "clockSkewMs", revision`;

type Row<Shape> = Shape & { [column: string]: unknown };

/** The agents of these ids, by name; null: all. Deleted ones only with `hidden`. */
export async function readAgents(
  sql: Sql,
  tenantId: string,
  ids: readonly string[] | null,
  { hidden = false } = {},
): Promise<AgentRow[]> {
  return sql<Row<AgentRow>>(
    `SELECT ${COLUMNS} FROM agent WHERE tenant_id = $1 AND ($2::text[] IS NULL OR id::text = ANY ($2)) AND (hidden_at IS NULL OR $3) ORDER BY name`,
    [tenantId, ids, hidden],
  );
}

/** Agents by name, after one of them; those whose name contains `search`, without regard to case. */
export async function pageAgents(
  sql: Sql,
  tenantId: string,
  page: { first: number; after: string | null; search: string | null },
): Promise<{ rows: AgentRow[]; totalCount: number }> {
  const matches = `tenant_id = $1 AND hidden_at IS NULL AND ($2::text IS NULL OR position(lower($2) IN lower(name)) > 0)`;
  const rows = await sql<Row<AgentRow>>(
    `SELECT ${COLUMNS} FROM agent WHERE ${matches} AND ($3::text IS NULL OR name > $3) ORDER BY name LIMIT $4`,
    [tenantId, page.search, page.after, page.first],
  );
  const [{ count }] = await sql<{ count: number }>(`SELECT count(*) FROM agent WHERE ${matches}`, [
    tenantId,
    page.search,
  ]);
  return { rows, totalCount: count };
}

const LEDGER = 'accepted + malformed + quarantined AS lines, accepted, malformed, quarantined, skipped, late';

export async function readLedger(sql: Sql, tenantId: string, agentId: string): Promise<LedgerRow> {
  const columns = ['accepted', 'malformed', 'quarantined', 'skipped', 'late'];
  const sums = columns.map((name) => `coalesce(sum(${name}), 0)::bigint AS ${name}`).join(', ');
  const [row] = await sql<Row<LedgerRow>>(
    `SELECT ${LEDGER} FROM (SELECT ${sums} FROM stream WHERE tenant_id = $1 AND agent_id = $2) AS summed`,
    [tenantId, agentId],
  );
  return row;
}

export interface StreamView extends LedgerRow {
  id: string;
  name: string;
  position: number;
  closedAt: Date | null;
  backlogBytes: number | null;
  duplicateBatches: number;
  rejections: { position: number | null; reason: string; sample: string }[];
}

/** An agent's streams, the latest first. */
export async function readStreams(sql: Sql, tenantId: string, agentId: string, first: number): Promise<StreamView[]> {
  return sql<Row<StreamView>>(
    `SELECT id, name, position, closed_at AS "closedAt", backlog_bytes AS "backlogBytes",
       duplicate_batches AS "duplicateBatches", rejections, ${LEDGER}
     FROM stream WHERE tenant_id = $1 AND agent_id = $2 ORDER BY opened_at DESC, id LIMIT $3`,
    [tenantId, agentId, first],
  );
}
