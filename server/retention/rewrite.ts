import type { DecodedBatch } from '../../schema/log-batch.js';
import { joinAtMs } from '../core/retention/join.js';
import { type ChunkLayout, keepSeconds, type LogRetention, layOut } from '../core/retention/layout.js';
import { batchAt, mergeBatches } from '../core/retention/merge.js';
import { decodeOrigins, encodeOrigins, type Origins, originsAt } from '../core/retention/origins.js';
import { batchOfBody, deflatedBody, freshBody } from '../store/chunk-body.js';
import type { Transaction } from '../store/database.js';
import {
  type BatchKey,
  deleteBatchChunks,
  insertChunks,
  type NewChunk,
  readBatchChunks,
  type StoredChunk,
} from '../store/sql/chunk.sql.js';

/** Batches that are read and rewritten together, in one transaction: ingest of the agent waits for it. */
export const BATCHES_AT_ONCE = 20;

/** Entries of a batch, or of several that were joined, as they are stored, or about to be. */
export interface StoredBatch {
  key: BatchKey;
  takenInMs: number;
  batch: DecodedBatch;
  /** The batch as a chunk holds it. */
  body: Buffer;
  origins: Origins;
  /** 1 where an entry is not stored. */
  left: Uint8Array;
}

/** A batch's chunks by the policies; what has expired by them at `nowMs` is in none. */
export async function chunksOf(stored: StoredBatch, retention: LogRetention, nowMs: number): Promise<NewChunk[]> {
  const { key, takenInMs, batch, left } = stored;
  const keeps = keepSeconds(batch, retention, key.agentId);
  const layouts = layOut(left, keeps, retention.defaultSeconds);
  const chunks: NewChunk[] = [];
  for (const layout of layouts) {
    if (takenInMs + layout.keepSeconds * 1_000 <= nowMs) continue;
    const content = await contentOf(stored, layout);
    const shorter = layouts.map((other) => other.keepSeconds).filter((seconds) => seconds < layout.keepSeconds);
    const joinable = {
      agentId: key.agentId,
      takenInMs,
      keepSeconds: layout.keepSeconds,
      shorterSeconds: Math.max(0, ...shorter),
      count: layout.places?.length ?? batch.count,
      isJoined: content.parts !== null,
    };
    const row = { ...key, takenInMs, retentionVersion: retention.version, ...layout, ...content };
    chunks.push({ ...row, joinAtMs: joinAtMs(joinable, nowMs) });
  }
  return chunks;
}

/** What of a batch a chunk holds. */
async function contentOf({ key, batch, body, origins, left }: StoredBatch, { places }: ChunkLayout) {
  const { count, firstMs, lastMs } = spanOf(batch, places, left);
  const { parts, ordinals } = encodeOrigins(places === null ? origins : originsAt(origins, places), key.from);
  const encode = parts === null ? freshBody : deflatedBody;
  return {
    firstMs,
    lastMs,
    mask: places === null && count < batch.count ? Buffer.from(left) : null,
    parts,
    ordinals,
    body: places === null ? body : await encode(batchAt(places.map((place) => ({ batch, place })))),
  };
}

/** How many entries a chunk holds, and between which times: those at `places`, or all that are stored. */
function spanOf({ timeMs }: DecodedBatch, places: readonly number[] | null, left: Uint8Array) {
  const span = { count: 0, firstMs: Number.POSITIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY };
  const end = places?.length ?? timeMs.length;
  for (let i = 0; i < end; i++) {
    const place = places === null ? i : places[i];
    if (left[place] !== 0) continue;
    span.count++;
    span.firstMs = Math.min(span.firstMs, timeMs[place]);
    span.lastMs = Math.max(span.lastMs, timeMs[place]);
  }
  return span;
}

/** An agent's batches, as many as are read together. */
export function* inGroups(keys: readonly BatchKey[]): Generator<readonly BatchKey[]> {
  for (let i = 0; i < keys.length; i += BATCHES_AT_ONCE) yield keys.slice(i, i + BATCHES_AT_ONCE);
}

/**
 * What is still stored of a group of an agent's batches. The caller holds the agent's lock, or only counts.
 *
 * @param nowMs what has expired by then is gone, though the transaction began before; null: when it began
 */
export async function readBatches(
  tx: Transaction,
  keys: readonly BatchKey[],
  nowMs: number | null,
): Promise<StoredBatch[]> {
  const batches = await readChunksOf(tx, keys, nowMs);
  return Promise.all(batches.map((chunks) => storedBatch(keys[0].tenantId, chunks)));
}

/** Their chunks by batch, in the order of their keys. */
export async function readChunksOf(
  tx: Transaction,
  keys: readonly BatchKey[],
  nowMs: number | null,
): Promise<StoredChunk[][]> {
  const byKey = new Map<string, StoredChunk[]>(keys.map((key) => [nameOf(key), []]));
  for (const chunk of await readBatchChunks(tx.sql, keys, nowMs)) byKey.get(nameOf(chunk))!.push(chunk);
  return [...byKey.values()].filter((chunks) => chunks.length > 0);
}

const nameOf = ({ streamId, from }: { streamId: string; from: number }) => `${streamId} ${from}`;

/** The batch that is stored as these chunks, all that there are of it. */
export async function storedBatch(tenantId: string, chunks: readonly StoredChunk[]): Promise<StoredBatch> {
  const [{ agentId, streamId, from, takenInMs }] = chunks;
  const key = { tenantId, agentId, streamId, from };
  const originals = chunks.filter(({ isCopy }) => !isCopy);
  // Copies hold nothing that it does not; where it has expired, no entry is in two of them.
  const own = await Promise.all((originals.length > 0 ? originals : chunks).map(contentsOf));
  return { key, takenInMs, ...(own.length === 1 ? own[0] : await merged(own)) };
}

type Contents = Omit<StoredBatch, 'key' | 'takenInMs'>;

async function contentsOf({ from, mask, parts, ordinals, body }: StoredChunk): Promise<Contents> {
  const batch = await batchOfBody(body);
  const left = mask ? Uint8Array.from(mask) : new Uint8Array(batch.count);
  return { batch, body, left, origins: decodeOrigins({ parts, ordinals }, from, batch.count) };
}

/** Entries of several batches, or chunks, as one. */
export async function merged(contents: readonly Omit<Contents, 'body'>[]): Promise<Contents> {
  const { batch, origins } = mergeBatches(contents);
  return { batch, body: await deflatedBody(batch), left: new Uint8Array(batch.count), origins };
}

/** Stores batches of an agent in place of others, or of themselves as they were. */
export async function rewriteBatches(
  tx: Transaction,
  old: readonly StoredBatch[],
  batches: readonly StoredBatch[],
  retention: LogRetention,
  nowMs: number,
): Promise<void> {
  if (old.length === 0) return;
  await deleteBatchChunks(
    tx.sql,
    old.map(({ key }) => key),
  );
  for (const stored of batches) await insertChunks(tx.sql, await chunksOf(stored, retention, nowMs));
}
