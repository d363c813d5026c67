import { batchOf, type DecodedBatch, decodeLogBatch, type Entry, entryAt } from '../../schema/log-batch.js';
import { type ChunkLayout, keepSeconds, type LogRetention, layOut } from '../core/retention/layout.js';
import { decodeOrdinals, encodeOrdinals } from '../core/retention/ordinals.js';
import { batchOfBody, bodyOf } from '../store/chunk-body.js';
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

/** Entries of a batch as they are stored, or about to be. */
export interface StoredBatch {
  key: BatchKey;
  takenInMs: number;
  batch: DecodedBatch;
  /** The batch as a chunk holds it. */
  body: Buffer;
  /** Places of its entries in the batch as it came; null: it is that. */
  ordinals: readonly number[] | null;
  /** 1 where an entry is not stored. */
  left: Uint8Array;
}

/** A batch's chunks by the policies; what has expired by them at `nowMs` is in none. */
export async function chunksOf(stored: StoredBatch, retention: LogRetention, nowMs: number): Promise<NewChunk[]> {
  const { key, takenInMs, batch, left } = stored;
  const keeps = keepSeconds(batch, retention, key.agentId);
  const chunks: NewChunk[] = [];
  for (const layout of layOut(left, keeps, retention.defaultSeconds)) {
    if (takenInMs + layout.keepSeconds * 1_000 <= nowMs) continue;
    const content = await contentOf(stored, layout);
    chunks.push({ ...key, takenInMs, retentionVersion: retention.version, ...layout, ...content });
  }
  return chunks;
}

/** What of a batch a chunk holds. */
async function contentOf({ batch, body, ordinals, left }: StoredBatch, { places }: ChunkLayout) {
  const own = places ?? [...batch.timeMs.keys()].filter((place) => left[place] === 0);
  const times = own.map((place) => batch.timeMs[place]);
  const kept = places === null ? ordinals : places.map((place) => ordinals?.[place] ?? place);
  return {
    firstMs: times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY),
    lastMs: times.reduce((greatest, time) => Math.max(greatest, time), Number.NEGATIVE_INFINITY),
    mask: places === null && own.length < batch.count ? Buffer.from(left) : null,
    ordinals: kept && encodeOrdinals(kept),
    body: places === null ? body : await bodyOf(batchOf(places.map((place) => entryAt(batch, place)))),
  };
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
  const byKey = new Map<string, StoredChunk[]>();
  for (const chunk of await readBatchChunks(tx.sql, keys, nowMs)) {
    const key = `${chunk.streamId} ${chunk.from}`;
    const chunks = byKey.get(key);
    if (chunks === undefined) byKey.set(key, [chunk]);
    else chunks.push(chunk);
  }
  const [{ tenantId }] = keys;
  return Promise.all([...byKey.values()].map((chunks) => storedBatch(tenantId, chunks)));
}

async function storedBatch(tenantId: string, chunks: readonly StoredChunk[]): Promise<StoredBatch> {
  const [{ agentId, streamId, from, takenInMs }] = chunks;
  const key = { tenantId, agentId, streamId, from };
  const whole = chunks.find((chunk) => chunk.ordinals === null);
  if (whole === undefined) return { key, takenInMs, ...(await joined(chunks)) };
  // It holds what the others do.
  const batch = await batchOfBody(whole.body);
  const left = whole.mask ? Uint8Array.from(whole.mask) : new Uint8Array(batch.count);
  return { key, takenInMs, batch, body: whole.body, ordinals: null, left };
}

/** The entries of chunks, in the order in which they came. */
async function joined(chunks: readonly StoredChunk[]) {
  const entries = new Map<number, Entry>();
  for (const chunk of chunks) {
    const batch = await batchOfBody(chunk.body);
    decodeOrdinals(chunk.ordinals!).forEach((ordinal, place) => {
      entries.set(ordinal, entryAt(batch, place));
    });
  }
  const ordinals = [...entries.keys()].sort((a, b) => a - b);
  const wire = batchOf(ordinals.map((ordinal) => entries.get(ordinal)!));
  const batch = decodeLogBatch(wire);
  return { batch, body: await bodyOf(wire), ordinals, left: new Uint8Array(batch.count) };
}

/** Stores batches of an agent anew in place of their chunks. */
export async function rewriteBatches(
  tx: Transaction,
  batches: readonly StoredBatch[],
  retention: LogRetention,
  nowMs: number,
): Promise<void> {
  if (batches.length === 0) return;
  await deleteBatchChunks(
    tx.sql,
    batches.map(({ key }) => key),
  );
  for (const stored of batches) await insertChunks(tx.sql, await chunksOf(stored, retention, nowMs));
}
