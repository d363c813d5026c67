import type { Database, Transaction } from '../database.js';
import { MS } from './columns.js';

type Sql = Transaction['sql'];

/** Chunks of a stream that are joined with each other. */
export interface JoinGroup {
  tenantId: string;
  agentId: string;
  streamId: string;
  keepSeconds: number;
  joinAtMs: number;
}

/** A chunk that is due. */
export interface DueChunk {
  from: number;
  takenInMs: number;
  entries: number;
  bodyBytes: number;
}

/** Groups of the `chunks` that have been due for the longest. */
export async function dueGroups(db: Database, chunks: number): Promise<JoinGroup[]> {
  return db.ownerSql<JoinGroup & { [column: string]: unknown }>(
    `SELECT tenant_id AS "tenantId", agent_id AS "agentId", stream_id AS "streamId", keep_seconds AS "keepSeconds",
       ${MS('join_at')} AS "joinAtMs"
     FROM (SELECT tenant_id, agent_id, stream_id, keep_seconds, join_at FROM log_chunk
        WHERE join_at <= now() AND expires_at > now() ORDER BY join_at LIMIT $1) AS due
     GROUP BY tenant_id, agent_id, stream_id, keep_seconds, join_at ORDER BY join_at, tenant_id, agent_id, stream_id`,
    [chunks],
  );
}

const OF_GROUP = 'join_at = $1 AND tenant_id = $2 AND agent_id = $3 AND stream_id = $4 AND keep_seconds = $5';

function groupValues({ joinAtMs, tenantId, agentId, streamId, keepSeconds }: JoinGroup): unknown[] {
  return [new Date(joinAtMs), tenantId, agentId, streamId, keepSeconds];
}

/** Due chunks of a group that are laid out by the policies of this version, in the order of their positions. */
export async function dueChunks(sql: Sql, group: JoinGroup, version: number, limit: number): Promise<DueChunk[]> {
  return sql<DueChunk & { [column: string]: unknown }>(
    `SELECT from_position AS "from", ${MS('taken_in_at')} AS "takenInMs", entries, octet_length(body) AS "bodyBytes"
     FROM log_chunk WHERE ${OF_GROUP} AND retention_version = $6 AND expires_at > now()
     ORDER BY from_position LIMIT $7`,
    [...groupValues(group), version, limit],
  );
}

/** Has a due chunk of a group joined later, or never (null). */
export async function postponeJoin(sql: Sql, group: JoinGroup, from: number, joinAtMs: number | null): Promise<void> {
  await sql(`UPDATE log_chunk SET join_at = $7 WHERE ${OF_GROUP} AND from_position = $6`, [
    ...groupValues(group),
    from,
    joinAtMs && new Date(joinAtMs),
  ]);
}
