import type { Transaction } from '../database.js';
import { isUuid } from '../uuid.js';
import type { AgentKey } from './agent.sql.js';
import { type Column, namesOf, unnestOf, valuesOf } from './columns.js';

type Sql = Transaction['sql'];

/** A stream as a batch finds it. */
export interface StreamRow {
  id: string;
  position: number;
  epoch: number;
  newestEventMs: number | null;
}

const COLUMNS = 't.id, t.position, t.epoch, t.newest_event_ms AS "newestEventMs"';

/** A stream as a batch names it. */
export interface StreamName {
  tenantId: string;
  agentName: string;
  idOrName: string;
}

/** Kept in subqueries of their own: whatever the planner believes of the tables, they are looked into row by row. */
const FIND = `
  SELECT asked.place, s.* FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[])
      WITH ORDINALITY AS asked (tenant_id, agent_name, id, name, place),
    LATERAL (SELECT tenant_id, id FROM agent WHERE tenant_id = asked.tenant_id AND name = asked.agent_name LIMIT 1) a,
    LATERAL (SELECT ${COLUMNS} FROM stream t WHERE t.tenant_id = a.tenant_id AND t.agent_id = a.id
      AND (t.id = asked.id OR (t.scripted AND t.name = asked.name)) LIMIT 1) s`;

/** Streams of that id, or scripts' of that name, in the order asked for; undefined where there is none. */
export async function findStreams(sql: Sql, asked: readonly StreamName[]): Promise<(StreamRow | undefined)[]> {
  const found = new Array<StreamRow | undefined>(asked.length);
  if (asked.length === 0) return found;
  const rows = await sql<StreamRow & { place: number }>(
    FIND,
    [
      asked.map(({ tenantId }) => tenantId),
      asked.map(({ agentName }) => agentName),
      asked.map(({ idOrName }) => (isUuid(idOrName) ? idOrName : null)),
      asked.map(({ idOrName }) => idOrName),
    ],
    { name: 'find-streams' },
  );
  for (const { place, ...stream } of rows) found[place - 1] = stream;
  return found;
}

/** A stream that a script names: it begins at the `from` of its first batch. */
export async function createScriptedStream(
  sql: Sql,
  tenantId: string,
  agentId: string,
  name: string,
  position: number,
): Promise<StreamRow> {
  const [row] = await sql<StreamRow>(
    `INSERT INTO stream AS t (tenant_id, agent_id, name, scripted, position) VALUES ($1, $2, $3, true, $4) RETURNING ${COLUMNS}`,
    [tenantId, agentId, name, position],
  );
  return row;
}

export interface AdvanceStream {
  tenantId: string;
  agentId: string;
  streamId: string;
  from: number;
  to: number;
  epoch: number | null;
  tail: { length: number; sha256: string } | null;
  /** Clamped to the server's clock; null: the batch has no entry. */
  newestEventMs: number | null;
  accepted: number;
  malformed: number;
  quarantined: number;
  skipped: number;
  late: number;
  /** JSON list, the latest first. */
  rejections: string;
}

/** Lines not counted that are kept of each stream, to be shown. */
export const REJECTIONS_KEPT = 20;

/** What of a batch moves a stream, in the order of the statement's parameters. */
const ADVANCED: Column<AdvanceStream>[] = [
  { name: 'tenant_id', type: 'uuid', of: ({ tenantId }) => tenantId },
  { name: 'agent_id', type: 'uuid', of: ({ agentId }) => agentId },
  { name: 'id', type: 'uuid', of: ({ streamId }) => streamId },
  { name: 'from_position', type: 'bigint', of: ({ from }) => from },
  { name: 'to_position', type: 'bigint', of: ({ to }) => to },
  { name: 'epoch', type: 'integer', of: ({ epoch }) => epoch },
  { name: 'tail_length', type: 'integer', of: ({ tail }) => tail?.length ?? null },
  { name: 'tail_sha256', type: 'text', of: ({ tail }) => tail?.sha256 ?? null },
  { name: 'newest_event_ms', type: 'bigint', of: ({ newestEventMs }) => newestEventMs },
  { name: 'accepted', type: 'bigint', of: ({ accepted }) => accepted },
  { name: 'malformed', type: 'bigint', of: ({ malformed }) => malformed },
  { name: 'quarantined', type: 'bigint', of: ({ quarantined }) => quarantined },
  { name: 'skipped', type: 'bigint', of: ({ skipped }) => skipped },
  { name: 'late', type: 'bigint', of: ({ late }) => late },
  { name: 'rejections', type: 'text', of: ({ rejections }) => rejections },
];
const SUMMED = ['accepted', 'malformed', 'quarantined', 'skipped', 'late'];

const ADVANCE = `
  UPDATE stream t SET position = b.to_position, last_batch_at = clock_timestamp(), closed_at = NULL, ended = false,
    tail_length = b.tail_length, tail_sha256 = b.tail_sha256,
    newest_event_ms = greatest(t.newest_event_ms, b.newest_event_ms),
    ${SUMMED.map((name) => `${name} = t.${name} + b.${name}`).join(', ')},
    rejections = CASE WHEN b.rejections = '[]' THEN t.rejections
      ELSE jsonb_path_query_array(b.rejections::jsonb || t.rejections, '$[0 to ${REJECTIONS_KEPT - 1}]') END
  FROM ${unnestOf(ADVANCED)} AS b (${namesOf(ADVANCED)})
  WHERE t.tenant_id = b.tenant_id AND t.agent_id = b.agent_id AND t.id = b.id AND t.position = b.from_position
    AND (b.epoch IS NULL OR t.epoch = b.epoch)
  RETURNING t.id`;

/**
 * Compare and append: moves each position only from `from`. No two batches may be of one stream.
 *
 * @returns ids of the streams that were moved; of the others nothing was changed.
 */
export async function advanceStreams(sql: Sql, batches: readonly AdvanceStream[]): Promise<ReadonlySet<string>> {
  if (batches.length === 0) return new Set();
  const rows = await sql<{ id: string }>(ADVANCE, valuesOf(ADVANCED, batches), { name: 'advance-streams' });
  return new Set(rows.map(({ id }) => id));
}

/** What a heartbeat says of a stream. */
export interface SaidOfStream extends AgentKey {
  streamId: string;
  /** How long ago it said so, milliseconds. */
  agoMs: number;
  epoch: number;
  backlogBytes: number;
  catchingUp: boolean;
  closed: boolean;
}

const SAID: Column<SaidOfStream>[] = [
  { name: 'tenant_id', type: 'uuid', of: ({ tenantId }) => tenantId },
  { name: 'agent_id', type: 'uuid', of: ({ agentId }) => agentId },
  { name: 'id', type: 'uuid', of: ({ streamId }) => streamId },
  { name: 'epoch', type: 'integer', of: ({ epoch }) => epoch },
  { name: 'backlog', type: 'bigint', of: ({ backlogBytes }) => backlogBytes },
  { name: 'catching_up', type: 'boolean', of: ({ catchingUp }) => catchingUp },
  { name: 'closed', type: 'boolean', of: ({ closed }) => closed },
  { name: 'ago', type: 'float8', of: ({ agoMs }) => agoMs },
];

/** Notes what heartbeats say of each stream whose claim still holds; returns their ids. */
export async function noteStreams(sql: Sql, said: readonly SaidOfStream[]): Promise<ReadonlySet<string>> {
  const known = said.filter(({ streamId }) => isUuid(streamId));
  if (known.length === 0) return new Set();
  const rows = await sql<{ id: string }>(
    `UPDATE stream t SET last_heartbeat_at = greatest(t.last_heartbeat_at, said.at), backlog_bytes = said.backlog, catching_up = said.catching_up,
       caught_up_at = CASE WHEN said.backlog = 0 THEN greatest(t.caught_up_at, said.at) ELSE t.caught_up_at END,
       closed_at = CASE WHEN said.closed THEN coalesce(t.closed_at, said.at) END
     FROM (SELECT *, clock_timestamp() - ago * interval '1 ms' AS at
       FROM ${unnestOf(SAID)} AS u (${namesOf(SAID)})) AS said
     WHERE t.tenant_id = said.tenant_id AND t.agent_id = said.agent_id AND t.id = said.id AND t.epoch = said.epoch
     RETURNING t.id`,
    valuesOf(SAID, known),
    { name: 'note-streams' },
  );
  return new Set(rows.map(({ id }) => id));
}

/** All streams of agents have ended. */
export async function endStreams(sql: Sql, agents: readonly AgentKey[]): Promise<void> {
  if (agents.length === 0) return;
  await sql(
    'UPDATE stream SET ended = true WHERE (tenant_id, agent_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))',
    [agents.map(({ tenantId }) => tenantId), agents.map(({ agentId }) => agentId)],
  );
}

export async function countDuplicate(sql: Sql, tenantId: string, agentId: string, streamId: string): Promise<void> {
  await sql(
    `UPDATE stream SET duplicate_batches = duplicate_batches + 1 WHERE tenant_id = $1 AND agent_id = $2 AND id = $3`,
    [tenantId, agentId, streamId],
  );
}
