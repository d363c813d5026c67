import { finestKept } from '../core/rollup/plan.js';
import { emptyBreakdown, encodeBreakdown, mergeBreakdown, pruneBreakdown } from '../core/windows/breakdown.js';
import { nextCoarser, RESOLUTIONS, rollupStart, TENANT_WIDE_FROM } from '../core/windows/resolutions.js';
import { sumOf } from '../core/windows/window.js';
import { allEnded } from '../store/all-ended.js';
import type { Transaction } from '../store/database.js';
import type { LockedAgentRow } from '../store/sql/agent.sql.js';
import { readBreakdowns, writeBreakdowns } from '../store/sql/breakdown.sql.js';
import { markDirty, markTenantDirty } from '../store/sql/mark.sql.js';
import { addTotalsTo, type TotalsOfWindow } from '../store/sql/window.sql.js';
import type { WindowKey } from '../store/sql/window-key.js';
import type { CountedBatch } from './counted-batch.js';
import { type Merged, mergeFinest, mergesOf, writeFinest } from './finest-windows.js';
import type { OpenedWindows } from './open-windows.js';
import { findTouched, type Peaks, type WholeWindows, writeWholeWindows } from './whole-windows.js';

const [FINEST] = RESOLUTIONS;

/**
 * Merges batches' windows of 10 seconds into those stored, and marks the coarser ones dirty. What lies below a
 * resolution's floor is merged into the finest that is still kept. The caller holds the agents' locks; no two are of one
 * agent.
 */
export async function mergeIntoStored(
  tx: Transaction,
  counted: readonly CountedBatch[],
  opened: OpenedWindows,
): Promise<void> {
  const batches = counted.map((one) => ({ counted: one, open: opened.take(one.agent), starts: finestOf(one) }));
  const merges = batches.flatMap(({ counted, starts, open }) => mergesOf(counted, starts, open.windows));
  // Asked first: what is written of the batches themselves is not to be seen.
  const touched = findTouched(tx, batches);
  const merged = mergeFinest(tx, merges);
  // Those of 10 seconds are written while the coarser ones are counted.
  const [, wholes] = await allEnded([
    merged.then((finest) => writeFinest(tx, finest, opened)),
    allEnded([touched, merged]).then(([all, finest]) => writeWholeWindows(tx, all, peaksOf(counted, finest), opened)),
  ]);
  await mergeBelowFloors(tx, counted);
  await markChanged(tx, counted, wholes);
}

function peaksOf(counted: readonly CountedBatch[], merged: readonly Merged[]): Peaks {
  const peaks = new Map(counted.map((one) => [one, new Map<number, number>()]));
  for (const { counted, startMs, window } of merged) peaks.get(counted)!.set(startMs, window.peak);
  return peaks;
}

const finestOf = ({ agent, aggregate }: CountedBatch) =>
  aggregate.starts.filter((startMs) => startMs >= agent.windowFloors[0]);

/** Marks what no longer is what the finer windows add up to. */
async function markChanged(
  tx: Transaction,
  counted: readonly CountedBatch[],
  wholes: readonly WholeWindows[],
): Promise<void> {
  const dirty: WindowKey[] = [];
  const dirtyOfTenants: WindowKey[] = [];
  counted.forEach(({ tenantId, agent, aggregate }, i) => {
    for (const [resolution, changed] of changedBy(agent, aggregate.starts, wholes[i])) {
      const keyOf = (startMs: number) => ({ tenantId, agentId: agent.id, resolution, startMs });
      if (resolution >= TENANT_WIDE_FROM) dirtyOfTenants.push(...changed.map(keyOf));
      const coarser = nextCoarser(resolution);
      if (coarser === null) continue;
      const clean = wholes[i].get(coarser);
      for (const startMs of distinctStarts(changed, coarser))
        if (!clean?.has(startMs)) dirty.push({ ...keyOf(startMs), resolution: coarser });
    }
  });
  await allEnded([markDirty(tx.sql, dirty), markTenantDirty(tx.sql, dirtyOfTenants)]);
}

/** Windows that were written, by resolution: those of the finest that is kept at their time, and those written whole. */
function changedBy({ windowFloors }: LockedAgentRow, starts: readonly number[], whole: WholeWindows) {
  return RESOLUTIONS.map((resolution) => {
    const kept = starts.filter((startMs) => finestKept(windowFloors, startMs) === resolution);
    return [resolution, [...distinctStarts(kept, resolution), ...(whole.get(resolution) ?? [])]] as const;
  });
}

function distinctStarts(starts: readonly number[], resolution: number): number[] {
  return [...new Set(starts.map((startMs) => rollupStart(startMs, resolution)))];
}

/** Starts of windows by the finest resolution that is kept at them, but for the finest of all, and by its windows. */
function byKept(starts: Iterable<number>, floors: readonly number[]): Map<number, Map<number, number[]>> {
  const groups = new Map<number, Map<number, number[]>>();
  for (const startMs of starts) {
    const resolution = finestKept(floors, startMs);
    if (resolution === FINEST) continue;
    const kept = groups.get(resolution) ?? new Map<number, number[]>();
    groups.set(resolution, kept);
    const coarseMs = rollupStart(startMs, resolution);
    kept.set(coarseMs, [...(kept.get(coarseMs) ?? []), startMs]);
  }
  return groups;
}

async function mergeBelowFloors(tx: Transaction, batches: readonly CountedBatch[]): Promise<void> {
  await addTotalsTo(tx.sql, batches.flatMap(coarseTotalsOf));
  for (const counted of batches) await mergeCoarseBreakdowns(tx, counted);
}

function coarseTotalsOf({ tenantId, agent, revision, aggregate }: CountedBatch): TotalsOfWindow[] {
  const found: TotalsOfWindow[] = [];
  for (const [resolution, starts] of byKept(aggregate.starts, agent.windowFloors))
    for (const [startMs, finer] of starts) {
      const totals = sumOf(finer.map((finerMs) => aggregate.windows.get(finerMs)!));
      found.push({ tenantId, agentId: agent.id, resolution, startMs, revision, totals });
    }
  return found;
}

async function mergeCoarseBreakdowns(tx: Transaction, { tenantId, agent, aggregate }: CountedBatch): Promise<void> {
  for (const [resolution, starts] of byKept(aggregate.starts, agent.breakdownFloors)) {
    const keys = Array.from(starts.keys(), (startMs) => ({ tenantId, agentId: agent.id, resolution, startMs }));
    const stored = await readBreakdowns(tx.sql, keys);
    const merged = keys.map((key, i) => {
      const breakdown = stored[i] ?? emptyBreakdown();
      mergeBreakdown(breakdown, aggregate.breakdownOf(starts.get(key.startMs)!, resolution));
      pruneBreakdown(breakdown, resolution);
      return { ...key, breakdown: encodeBreakdown(breakdown) };
    });
    await writeBreakdowns(tx.sql, merged);
  }
}
