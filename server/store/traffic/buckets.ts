import { type Floors, finestKept } from '../../core/rollup/plan.js';
import { type Breakdown, emptyBreakdown, type Part, pruneBreakdown } from '../../core/windows/breakdown.js';
import { rollupEnd, rollupStart } from '../../core/windows/resolutions.js';
import { addTotals, emptyTotals, type Totals } from '../../core/windows/window.js';
import type { Transaction } from '../database.js';
import { addRow } from '../sql/breakdown.sql.js';
import { type OwnedRange, type PartsRow, readNumbers, readParts } from '../sql/traffic.sql.js';

/** What a stretch of time adds up to. */
export interface Bucket {
  totals: Totals;
  /** The agents' revisions, as far as they are beyond those of their last deletions: what `emptyRevision` lacks. */
  beyondDeletion: number;
  /** Of the parts asked for; null: none, or nothing there. */
  breakdown: Breakdown | null;
}

/** Buckets by start, milliseconds; those without a row are left out. */
export type Buckets = Map<number, Bucket>;

export function emptyBucket(): Bucket {
  return { totals: emptyTotals(), beyondDeletion: 0, breakdown: null };
}

/** Buckets of each agent under its id; of all together under null. */
export type OwnedBuckets = Map<string | null, Buckets>;

export interface BucketsQuery {
  tenantId: string;
  ranges: readonly OwnedRange[];
  /** Width of a bucket; infinite: one of all, that begins at 0. */
  stepMs: number;
  /** Each agent's buckets apart. */
  byAgent: boolean;
}

export interface BreakdownsQuery extends BucketsQuery {
  parts: readonly Part[];
  /** Of the breakdowns, common to all agents. */
  floors: Floors;
  /** A bucket's tops keep as many keys as a window of this resolution. Seconds. */
  keysOf: number;
}

/** Reads the numbers of rows, merged into buckets. */
export async function readBuckets(sql: Transaction['sql'], query: BucketsQuery): Promise<OwnedBuckets> {
  const owners: OwnedBuckets = new Map();
  for (const { agentId, startMs, totals, beyondDeletion } of await readNumbers(sql, query)) {
    const buckets = owners.get(agentId) ?? new Map<number, Bucket>();
    owners.set(agentId, buckets.set(startMs, { totals, beyondDeletion, breakdown: null }));
  }
  return owners;
}

/**
 * Reads breakdowns into buckets that have hits. Where finer ones are not kept of all agents they reach beyond a bucket,
 * the same of each agent.
 */
export async function addBreakdowns(
  sql: Transaction['sql'],
  owners: OwnedBuckets,
  query: BreakdownsQuery,
): Promise<void> {
  if (owners.size === 0) return;
  for await (const slice of readParts(sql, query.tenantId, query.ranges, query.parts))
    for (const row of slice) addToTouched(owners, row, query);
}

function addToTouched(
  owners: OwnedBuckets,
  row: PartsRow,
  { byAgent, stepMs, floors, parts, keysOf }: BreakdownsQuery,
): void {
  const buckets = owners.get(byAgent ? row.agentId : null);
  for (const bucket of buckets ? touched(buckets, row, stepMs, floors) : []) {
    bucket.breakdown ??= emptyBreakdown();
    addRow(bucket.breakdown, row, parts);
    pruneBreakdown(bucket.breakdown, keysOf);
  }
}

/** The buckets that a row tells of: several where finer rows are not kept of all agents any more. */
function touched(buckets: Buckets, row: PartsRow, stepMs: number, floors: Floors): Bucket[] {
  if (!Number.isFinite(stepMs)) return [...buckets.values()];
  const resolution = Math.max(row.resolution, finestKept(floors, row.startMs));
  const startMs = rollupStart(row.startMs, resolution);
  const endMs = rollupEnd(startMs, resolution);
  const found: Bucket[] = [];
  for (let bucketMs = Math.floor(startMs / stepMs) * stepMs; bucketMs < endMs; bucketMs += stepMs) {
    const bucket = buckets.get(bucketMs);
    if (bucket) found.push(bucket);
  }
  return found;
}

/** The numbers of all buckets as one. */
export function sumBuckets(buckets: Buckets): Bucket {
  const whole = emptyBucket();
  for (const { totals } of buckets.values()) addTotals(whole.totals, totals);
  return whole;
}
