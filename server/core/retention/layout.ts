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
  if (open.length === 0) return keeps;
  for (let i = 0; i < batch.count; i++) {
    const policy = open.find(({ admits }) => admits(i));
    if (policy) keeps[i] = policy.keep;
  }
  return keeps;
}

/** One chunk of a batch. */
export interface ChunkLayout {
  keepSeconds: number;
  /** It is read only so long after the batch was taken in: until then the whole batch's chunk holds its entries. */
  visibleAfterSeconds: number;
  /** Places in the batch; null: the batch as it is, but for what is not stored of it. */
  places: number[] | null;
  /** Those that are kept just so long: every entry of a batch counts once. */
  entries: number;
}

/**
 * The chunks that a batch is stored as, of which exactly one tells an entry at each instant until its keep has passed:
 *
 * - all are kept as long: the batch as it is;
 * - some longer than the default, half of them at most: the batch as it is until the default expires, and the longer
 *   kept a second time, read from then on. The most part need not be encoded anew;
 * - else, by how long they are kept: nothing is stored twice, and what is kept for less leaves the disk sooner.
 *
 * @param left 1 where an entry is not stored at all
 * @param keeps seconds of each entry
 */
export function layOut(left: Uint8Array, keeps: Float64Array, defaultSeconds: number): ChunkLayout[] {
  const byKeep = placesByKeep(left, keeps);
  const chunks = [...byKeep].map(([keep, places]) => ({
    keepSeconds: keep,
    visibleAfterSeconds: 0,
    places,
    entries: places.length,
  }));
  if (chunks.length === 1) return [{ ...chunks[0], places: null }];
  const ofDefault = chunks.find(({ keepSeconds }) => keepSeconds === defaultSeconds);
  const longer = chunks.filter(({ keepSeconds }) => keepSeconds > defaultSeconds);
  const isAnyShorter = longer.length + (ofDefault ? 1 : 0) < chunks.length;
  if (ofDefault === undefined || isAnyShorter || entriesOf(longer) > ofDefault.entries) return chunks;
  return [
    { ...ofDefault, places: null },
    ...longer.map((chunk) => ({ ...chunk, visibleAfterSeconds: defaultSeconds })),
  ];
}

function entriesOf(chunks: readonly ChunkLayout[]): number {
  return chunks.reduce((sum, { entries }) => sum + entries, 0);
}

function placesByKeep(left: Uint8Array, keeps: Float64Array): Map<number, number[]> {
  const byKeep = new Map<number, number[]>();
  keeps.forEach((keep, place) => {
    if (left[place] !== 0) return;
    const places = byKeep.get(keep);
    if (places === undefined) byKeep.set(keep, [place]);
    else places.push(place);
  });
  return byKeep;
}
