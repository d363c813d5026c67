import type { DecodedBatch } from '../../../schema/log-batch.js';
import { admitting, type LogFilter } from './filter.js';

/** How long some raw entries are kept. */
export interface RetentionPolicy {
  id: string;
  name: string;
  filter: LogFilter;
  /** All agents where empty. */
  agentIds: readonly string[];
  keepSeconds: number;
}

/** What a tenant keeps of raw entries. */
export interface LogRetention {
  /** Grows with each change. */
  version: number;
  /** Of what no policy matches. */
  defaultSeconds: number;
  /** The first that matches wins. */
  policies: readonly RetentionPolicy[];
}

/** How long each entry of an agent's batch is kept, seconds. */
export function keepSeconds(batch: DecodedBatch, retention: LogRetention, agentId: string): Float64Array {
  const keeps = new Float64Array(batch.count).fill(retention.defaultSeconds);
  const open = retention.policies
    .filter(({ agentIds }) => agentIds.length === 0 || agentIds.includes(agentId))
    .map((policy) => ({ admits: admitting(batch, policy.filter), keep: policy.keepSeconds }));
  for (let i = 0; i < batch.count; i++) {
    const policy = open.find(({ admits }) => admits(i));
    if (policy) keeps[i] = policy.keep;
  }
  return keeps;
}

/** One chunk of a batch. */
export interface ChunkLayout {
  keepSeconds: number;
  /** It is read only so long after the batch was taken in: until then another chunk holds its entries. */
  visibleAfterSeconds: number;
  /** Places in the batch; null: the batch as it is, but for those left out. */
  places: number[] | null;
  /** 1 where an entry of the whole batch is not to be read; null: all are. */
  mask: Uint8Array | null;
  entries: number;
}

/**
 * The chunks that a batch is stored as: all of it until the default expires; what is kept longer a second time, read
 * from then on; what is kept less long apart, and masked in the first. Of one length, it is one chunk.
 *
 * @param left 1 where an entry is not stored at all
 */
export function layOut(left: Uint8Array, keeps: Float64Array, defaultSeconds: number): ChunkLayout[] {
  const byKeep = new Map<number, number[]>();
  keeps.forEach((keep, i) => {
    if (left[i] !== 0) return;
    const places = byKeep.get(keep);
    if (places === undefined) byKeep.set(keep, [i]);
    else places.push(i);
  });
  if (byKeep.size === 0) return [];
  const [[only]] = byKeep;
  if (byKeep.size === 1) return [wholeChunk(left, only)];

  const masked = Uint8Array.from(left, (out, i) => (out !== 0 || keeps[i] < defaultSeconds ? 1 : 0));
  const chunks = masked.every((out) => out !== 0) ? [] : [wholeChunk(masked, defaultSeconds)];
  for (const [keep, places] of byKeep) {
    if (keep === defaultSeconds) continue;
    const visibleAfterSeconds = keep > defaultSeconds ? defaultSeconds : 0;
    chunks.push({ keepSeconds: keep, visibleAfterSeconds, places, mask: null, entries: places.length });
  }
  return chunks;
}

function wholeChunk(mask: Uint8Array, keep: number): ChunkLayout {
  const out = mask.reduce((sum, bit) => sum + (bit !== 0 ? 1 : 0), 0);
  return {
    keepSeconds: keep,
    visibleAfterSeconds: 0,
    places: null,
    mask: out === 0 ? null : mask,
    entries: mask.length - out,
  };
}
