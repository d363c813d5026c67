import { decodeLogBatch, entryAt, LogBatchBuilder } from '../../schema/log-batch.js';
import type { Transaction } from '../store/database.js';
import { batchesWithin } from '../store/sql/chunk.sql.js';
import { deflated, readBatch, rewriteBatch, type StoredBatch } from './rewrite.js';
import { readSettings } from './settings.js';

interface Span {
  fromMs: number;
  toMs: number;
}

/** Raw entries of an agent in a span that are still stored. */
export async function countLogs(tx: Transaction, tenantId: string, agentId: string, span: Span): Promise<number> {
  let count = 0;
  for (const key of await batchesWithin(tx.sql, tenantId, agentId, span)) {
    const stored = await readBatch(tx, key);
    if (stored) count += placesOf(stored, (timeMs) => isWithin(timeMs, span)).length;
  }
  return count;
}

/** Erases them, from the disk too: what stays of their batches is written anew. The caller holds the agent's lock. */
export async function eraseLogs(
  tx: Transaction,
  tenantId: string,
  agentId: string,
  span: Span,
  nowMs: number,
): Promise<number> {
  const retention = await readSettings(tx, tenantId);
  let erased = 0;
  for (const key of await batchesWithin(tx.sql, tenantId, agentId, span)) {
    const stored = await readBatch(tx, key);
    if (!stored) continue;
    const gone = placesOf(stored, (timeMs) => isWithin(timeMs, span)).length;
    if (gone === 0) continue;
    erased += gone;
    await rewriteBatch(tx, without(stored, span), retention, nowMs);
  }
  return erased;
}

function isWithin(timeMs: number, { fromMs, toMs }: Span): boolean {
  return timeMs >= fromMs && timeMs < toMs;
}

function placesOf({ batch, left }: StoredBatch, admits: (timeMs: number) => boolean): number[] {
  return [...batch.timeMs.keys()].filter((place) => left[place] === 0 && admits(batch.timeMs[place]));
}

function without(stored: StoredBatch, span: Span): StoredBatch {
  const places = placesOf(stored, (timeMs) => !isWithin(timeMs, span));
  const builder = new LogBatchBuilder();
  for (const place of places) builder.add(entryAt(stored.batch, place));
  const wire = builder.build();
  return {
    ...stored,
    batch: decodeLogBatch(wire),
    body: deflated(wire),
    ordinals: places.map((place) => stored.ordinals?.[place] ?? place),
    left: new Uint8Array(places.length),
  };
}
