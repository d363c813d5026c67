import type { Transaction } from '../database.js';

type Sql = Transaction['sql'];

export interface NewChunk {
  tenantId: string;
  agentId: string;
  streamId: string;
  from: number;
  /** How long its entries are kept, seconds. */
  keepSeconds: number;
  firstMs: number;
  lastMs: number;
  entries: number;
  mask: Buffer | null;
  body: Buffer;
}

/** Stores a batch as it came. Fails with 23514 where its partition is missing. */
export async function insertChunk(sql: Sql, chunk: NewChunk): Promise<void> {
  await sql(
    `INSERT INTO log_chunk (tenant_id, agent_id, stream_id, from_position, class, expires_at, first_ms, last_ms, entries, mask, body)
     VALUES ($1, $2, $3, $4, 'hours', clock_timestamp() + make_interval(secs => $5), $6, $7, $8, $9, $10)`,
    [
      chunk.tenantId,
      chunk.agentId,
      chunk.streamId,
      chunk.from,
      chunk.keepSeconds,
      chunk.firstMs,
      chunk.lastMs,
      chunk.entries,
      chunk.mask,
      chunk.body,
    ],
  );
}

/** A stored batch, for reading its entries. */
export interface ChunkRow {
  agentId: string;
  streamId: string;
  from: number;
  firstMs: number;
  lastMs: number;
  mask: Buffer | null;
  body: Buffer;
}

export interface ChunkQuery {
  tenantId: string;
  /** Null: all. */
  agentIds: readonly string[] | null;
  fromMs: number;
  toMs: number;
  /** Only chunks whose newest entry is at or below this, and after `skip` of them. */
  limit: number;
  offset: number;
}

/** Chunks not expired that may hold entries of `[fromMs, toMs)`, those with the newest entries first. */
export async function readChunks(sql: Sql, query: ChunkQuery): Promise<ChunkRow[]> {
  return sql<ChunkRow & { [column: string]: unknown }>(
    `SELECT agent_id AS "agentId", stream_id AS "streamId", from_position AS "from", first_ms AS "firstMs",
       last_ms AS "lastMs", mask, body
     FROM log_chunk
     WHERE tenant_id = $1 AND ($2::uuid[] IS NULL OR agent_id = ANY ($2)) AND first_ms < $4 AND last_ms >= $3
       AND expires_at > now()
     ORDER BY last_ms DESC, agent_id, stream_id, from_position LIMIT $5 OFFSET $6`,
    [query.tenantId, query.agentIds, query.fromMs, query.toMs, query.limit, query.offset],
  );
}
