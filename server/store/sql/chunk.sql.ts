import type { Transaction } from '../database.js';
import { byteaArray } from './bytea-array.js';
import { type Column, MS, namesOf, unnestOf, valuesOf } from './columns.js';
import { readInSlices } from './cursor.sql.js';

type Sql = Transaction['sql'];

/** A stream's batch, or several that were joined under the position of the first: all chunks of it hold its entries. */
export interface BatchKey {
  tenantId: string;
  agentId: string;
  streamId: string;
  from: number;
}

export interface NewChunk extends BatchKey {
  takenInMs: number;
  /** How long its entries are kept, and when it is read, seconds after it was taken in. */
  keepSeconds: number;
  visibleAfterSeconds: number;
  retentionVersion: number;
  firstMs: number;
  lastMs: number;
  /** Those that are kept just so long. */
  entries: number;
  mask: Buffer | null;
  parts: Buffer | null;
  ordinals: Buffer | null;
  body: Buffer;
  joinAtMs: number | null;
}

const HOUR_SECONDS = 3_600;

/** Retention classes, by the longest that their entries are kept: each has partitions of its own width. */
export const CLASSES = [
  { name: 'hours', keepSecondsMax: 24 * HOUR_SECONDS },
  { name: 'days', keepSecondsMax: 31 * 24 * HOUR_SECONDS },
  { name: 'months', keepSecondsMax: Number.POSITIVE_INFINITY },
] as const;
export type RetentionClass = (typeof CLASSES)[number]['name'];

export function classOf(keepSeconds: number): RetentionClass {
  return CLASSES.find(({ keepSecondsMax }) => keepSeconds <= keepSecondsMax)!.name;
}

const at = (ms: number) => new Date(ms);

/** Columns of a chunk's row, in the order of the statement's parameters. */
const NEW_COLUMNS: Column<NewChunk>[] = [
  { name: 'tenant_id', type: 'uuid', of: ({ tenantId }) => tenantId },
  { name: 'agent_id', type: 'uuid', of: ({ agentId }) => agentId },
  { name: 'stream_id', type: 'uuid', of: ({ streamId }) => streamId },
  { name: 'from_position', type: 'bigint', of: ({ from }) => from },
  { name: 'class', type: 'text', of: ({ keepSeconds }) => classOf(keepSeconds) },
  {
    name: 'expires_at',
    type: 'timestamptz',
    of: ({ takenInMs, keepSeconds }) => at(takenInMs + keepSeconds * 1_000),
  },
  {
    name: 'visible_from',
    type: 'timestamptz',
    of: ({ takenInMs, visibleAfterSeconds }) =>
      visibleAfterSeconds === 0 ? '-infinity' : at(takenInMs + visibleAfterSeconds * 1_000),
  },
  { name: 'taken_in_at', type: 'timestamptz', of: ({ takenInMs }) => at(takenInMs) },
  { name: 'keep_seconds', type: 'integer', of: ({ keepSeconds }) => keepSeconds },
  { name: 'retention_version', type: 'integer', of: ({ retentionVersion }) => retentionVersion },
  { name: 'first_ms', type: 'bigint', of: ({ firstMs }) => firstMs },
  { name: 'last_ms', type: 'bigint', of: ({ lastMs }) => lastMs },
  { name: 'entries', type: 'integer', of: ({ entries }) => entries },
  { name: 'join_at', type: 'timestamptz', of: ({ joinAtMs }) => (joinAtMs === null ? null : at(joinAtMs)) },
];
const BYTES = ['mask', 'parts', 'ordinals', 'body'] as const;
const INSERT = `
  INSERT INTO log_chunk (${namesOf(NEW_COLUMNS)}, ${BYTES.join(', ')})
  SELECT * FROM ${unnestOf(
    NEW_COLUMNS,
    BYTES.map(() => 'bytea'),
  )}`;

/** Stores chunks. Fails with 23514 where the partition of one is missing. */
export async function insertChunks(sql: Sql, chunks: readonly NewChunk[]): Promise<void> {
  if (chunks.length === 0) return;
  const values = [
    ...valuesOf(NEW_COLUMNS, chunks),
    ...BYTES.map((name) => byteaArray(chunks.map((chunk) => chunk[name]))),
  ];
  await sql(INSERT, values, { name: 'insert-chunks' });
}

/** A stored chunk, for reading its entries. */
export interface ChunkRow {
  agentId: string;
  streamId: string;
  from: number;
  firstMs: number;
  lastMs: number;
  mask: Buffer | null;
  parts: Buffer | null;
  ordinals: Buffer | null;
  body: Buffer;
}

const COLUMNS = `agent_id AS "agentId", stream_id AS "streamId", from_position AS "from", first_ms AS "firstMs",
  last_ms AS "lastMs", mask, parts, ordinals, body`;
/** Of one transaction's one instant: what the whole batch's chunk no longer tells, those of what is kept longer do. */
const READABLE = 'expires_at > now() AND visible_from <= now()';

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

/**
 * Chunks not expired that may hold entries of `[fromMs, toMs)`, those with the newest entries first. No two are equal in
 * this order, as one call goes on where the other ended: a batch may have several, all of one instant.
 */
export async function readChunks(sql: Sql, query: ChunkQuery): Promise<ChunkRow[]> {
  return sql<ChunkRow & { [column: string]: unknown }>(
    `SELECT ${COLUMNS} FROM log_chunk
     WHERE tenant_id = $1 AND ($2::uuid[] IS NULL OR agent_id = ANY ($2)) AND first_ms < $4 AND last_ms >= $3
       AND ${READABLE}
     ORDER BY last_ms DESC, agent_id, stream_id, from_position, class, expires_at LIMIT $5 OFFSET $6`,
    [query.tenantId, query.agentIds, query.fromMs, query.toMs, query.limit, query.offset],
  );
}

/** The chunks of a tenant's batches, in no order; without those that were joined, or deleted. */
export async function readChunksOf(
  sql: Sql,
  tenantId: string,
  batches: readonly Omit<BatchKey, 'tenantId'>[],
): Promise<ChunkRow[]> {
  return sql<ChunkRow & { [column: string]: unknown }>(
    `SELECT ${COLUMNS} FROM log_chunk
     WHERE tenant_id = $1 AND (agent_id, stream_id, from_position) IN (SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::bigint[]))
       AND ${READABLE}`,
    [
      tenantId,
      batches.map(({ agentId }) => agentId),
      batches.map(({ streamId }) => streamId),
      batches.map(({ from }) => from),
    ],
  );
}

/** A chunk as it is laid out anew. */
export interface StoredChunk extends ChunkRow {
  takenInMs: number;
  /** It is read only once another has expired, which holds its entries until then. */
  isCopy: boolean;
}

/** Of one agent: every partition must be looked into, once for all of them. */
const OF_BATCHES =
  'tenant_id = $1 AND agent_id = $2 AND (stream_id, from_position) IN (SELECT * FROM unnest($3::uuid[], $4::bigint[]))';

function batchValues(keys: readonly BatchKey[]): unknown[] {
  const [{ tenantId, agentId }] = keys;
  return [tenantId, agentId, keys.map(({ streamId }) => streamId), keys.map(({ from }) => from)];
}

/**
 * All chunks of an agent's batches (one at least) that have not expired at `nowMs` (null: when the transaction began),
 * those read later too.
 */
export async function readBatchChunks(
  sql: Sql,
  keys: readonly BatchKey[],
  nowMs: number | null,
): Promise<StoredChunk[]> {
  return sql<StoredChunk & { [column: string]: unknown }>(
    `SELECT ${COLUMNS}, ${MS('taken_in_at')} AS "takenInMs", visible_from > '-infinity' AS "isCopy" FROM log_chunk
     WHERE ${OF_BATCHES} AND expires_at > greatest(now(), $5::timestamptz)`,
    [...batchValues(keys), nowMs && new Date(nowMs)],
  );
}

/** Deletes all chunks of an agent's batches (one at least). */
export async function deleteBatchChunks(sql: Sql, keys: readonly BatchKey[]): Promise<void> {
  await sql(`DELETE FROM log_chunk WHERE ${OF_BATCHES}`, batchValues(keys));
}

/** Laid out by earlier policies than of version $2. */
const STALE = 'tenant_id = $1 AND retention_version < $2 AND expires_at > now()';
/** In the order of the index, which is all that is read where there are none, however little the planner knows. */
export const ANY_STALE = `SELECT retention_version FROM log_chunk WHERE ${STALE} ORDER BY retention_version LIMIT 1`;

/** Chunks of a tenant that were laid out by earlier policies than of this version. */
export async function countStale(sql: Sql, tenantId: string, version: number): Promise<number> {
  if ((await sql(ANY_STALE, [tenantId, version])).length === 0) return 0;
  const [{ count }] = await sql<{ count: number }>(`SELECT count(*) FROM log_chunk WHERE ${STALE}`, [
    tenantId,
    version,
  ]);
  return count;
}

/** Agents of a tenant that have such chunks. */
export async function staleAgents(sql: Sql, tenantId: string, version: number): Promise<string[]> {
  if ((await sql(ANY_STALE, [tenantId, version])).length === 0) return [];
  const rows = await sql<{ id: string }>(`SELECT DISTINCT agent_id AS id FROM log_chunk WHERE ${STALE} ORDER BY 1`, [
    tenantId,
    version,
  ]);
  return rows.map(({ id }) => id);
}

/** Their batches of one agent in the order of their keys, some of those after one. */
export async function staleBatches(
  sql: Sql,
  { tenantId, agentId, version }: { tenantId: string; agentId: string; version: number },
  after: BatchKey | null,
  limit: number,
): Promise<BatchKey[]> {
  const rows = await sql<{ streamId: string; from: number }>(
    `SELECT DISTINCT stream_id AS "streamId", from_position AS "from" FROM log_chunk
     WHERE ${STALE} AND agent_id = $3 AND ($4::uuid IS NULL OR (stream_id, from_position) > ($4, $5))
     ORDER BY 1, 2 LIMIT $6`,
    [tenantId, version, agentId, after?.streamId ?? null, after?.from ?? null, limit],
  );
  return rows.map((row) => ({ tenantId, agentId, ...row }));
}

export interface ListedBatch extends BatchKey {
  /** Another once it is written anew. */
  writtenBy: string;
}

/** Batches of an agent that may have raw entries in `[fromMs, toMs)`. */
export async function batchesWithin(
  sql: Sql,
  tenantId: string,
  agentId: string,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<ListedBatch[]> {
  const rows = await sql<{ streamId: string; from: number; writtenBy: string }>(
    `SELECT stream_id AS "streamId", from_position AS "from", string_agg(DISTINCT xmin::text, ' ') AS "writtenBy"
     FROM log_chunk WHERE tenant_id = $1 AND agent_id = $2 AND first_ms < $4 AND last_ms >= $3 AND expires_at > now()
     GROUP BY 1, 2 ORDER BY 1, 2`,
    [tenantId, agentId, fromMs, toMs],
  );
  return rows.map((row) => ({ tenantId, agentId, ...row }));
}

/** Chunks that are read at a time: some MB. */
const CHUNKS_AT_ONCE = 32;

/**
 * Chunks of an agent that may hold entries of `[fromMs, toMs)`, in no order: each entry that is kept is in exactly one of
 * them. One at a time in a transaction.
 */
export function readChunksWithin(
  sql: Sql,
  { tenantId, agentId, fromMs, toMs }: { tenantId: string; agentId: string; fromMs: number; toMs: number },
): AsyncGenerator<Pick<ChunkRow, 'mask' | 'body'>[]> {
  return readInSlices(
    sql,
    `SELECT mask, body FROM log_chunk
     WHERE tenant_id = $1 AND agent_id = $2 AND first_ms < $4 AND last_ms >= $3 AND ${READABLE}`,
    [tenantId, agentId, fromMs, toMs],
    CHUNKS_AT_ONCE,
  );
}

/** How many entries, about, `readChunksWithin` would have to look at for these agents: all of the chunks that it reads. */
export async function countEntries(
  sql: Sql,
  { tenantId, agentIds, fromMs, toMs }: { tenantId: string; agentIds: readonly string[]; fromMs: number; toMs: number },
): Promise<number> {
  const [{ count }] = await sql<{ count: number }>(
    `SELECT coalesce(sum(entries), 0)::bigint AS count FROM log_chunk
     WHERE tenant_id = $1 AND agent_id = ANY ($2::uuid[]) AND first_ms < $4 AND last_ms >= $3 AND ${READABLE}`,
    [tenantId, agentIds, fromMs, toMs],
  );
  return count;
}
