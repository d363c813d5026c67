import { finestKept } from '../core/rollup/plan.js';
import type { BatchAggregate } from '../core/windows/aggregate.js';
import {
  type EncodedBreakdown,
  emptyBreakdown,
  encodeBreakdown,
  mergeBreakdown,
  pruneBreakdown,
} from '../core/windows/breakdown.js';
import { nextCoarser, RESOLUTIONS, rollupStart, TENANT_WIDE_FROM } from '../core/windows/resolutions.js';
import { mergeWindow, sumOf, type Window } from '../core/windows/window.js';
import type { Transaction } from '../store/database.js';
import type { LockedAgentRow } from '../store/sql/agent.sql.js';
import { readBreakdowns, writeBreakdowns } from '../store/sql/breakdown.sql.js';
import { markDirty, markTenantDirty } from '../store/sql/mark.sql.js';
import { addNumbers, readWindows, writeWindows } from '../store/sql/window.sql.js';
import { addWholeMinutes } from './whole-minutes.js';

const [FINEST, MINUTE] = RESOLUTIONS;

/**
 * Merges a batch's windows of 10 seconds into those stored, as of `revision`, and marks the coarser ones dirty. What lies
 * below a resolution's floor is merged into the finest that is still kept. The caller holds the agent's lock.
 */
export async function mergeIntoStored(
  tx: Transaction,
  tenantId: string,
  agent: LockedAgentRow,
  revision: number,
  batch: BatchAggregate,
): Promise<void> {
  const { windows } = batch;
  const starts = [...windows.keys()].sort((a, b) => a - b);
  const kept = starts.filter((startMs) => startMs >= agent.windowFloors[0]);
  const whole = await addWholeMinutes(tx, tenantId, agent, revision, batch, kept);
  await mergeFinest(tx, tenantId, agent, revision, batch, kept);
  if (kept.length < starts.length) await mergeCoarse(tx, tenantId, agent, revision, windows);
  if (starts[0] < agent.breakdownFloors[0]) await mergeCoarseBreakdowns(tx, tenantId, agent, batch);
  await markDirty(tx.sql, tenantId, agent.id, nextCoarser(MINUTE)!, distinctStarts([...whole], nextCoarser(MINUTE)!));
  for (const resolution of RESOLUTIONS.slice(0, -1)) {
    const coarser = nextCoarser(resolution)!;
    const changed = starts.filter((startMs) => finestKept(agent.windowFloors, startMs) === resolution);
    const dirty = distinctStarts(changed, coarser).filter((startMs) => coarser !== MINUTE || !whole.has(startMs));
    await markDirty(tx.sql, tenantId, agent.id, coarser, dirty);
  }
}

function distinctStarts(starts: readonly number[], resolution: number): number[] {
  return [...new Set(starts.map((startMs) => rollupStart(startMs, resolution)))];
}

async function mergeFinest(
  tx: Transaction,
  tenantId: string,
  agent: LockedAgentRow,
  revision: number,
  batch: BatchAggregate,
  starts: number[],
): Promise<void> {
  const { windows } = batch;
  const [breakdownsFromMs] = agent.breakdownFloors;
  const stored = await readWindows(tx.sql, tenantId, agent.id, starts, breakdownsFromMs);
  for (const [startMs, window] of stored) mergeWindow(window, windows.get(startMs)!);
  const merged = new Map(starts.map((startMs) => [startMs, stored.get(startMs) ?? windows.get(startMs)!]));
  await writeWindows(tx.sql, tenantId, agent.id, revision, merged);
  const breakdowns = new Map<number, EncodedBreakdown>();
  for (const startMs of starts.filter((startMs) => startMs >= breakdownsFromMs)) {
    const known = stored.get(startMs);
    const encoded = known ? encodeBreakdown(known.breakdown) : batch.encodedBreakdownOf([startMs], FINEST);
    breakdowns.set(startMs, encoded);
  }
  await writeBreakdowns(tx.sql, { tenantId, agentId: agent.id, resolution: FINEST }, breakdowns);
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

async function mergeCoarse(
  tx: Transaction,
  tenantId: string,
  agent: LockedAgentRow,
  revision: number,
  windows: ReadonlyMap<number, Window>,
): Promise<void> {
  // The finest first: whoever marks a tenant's windows does so in this order.
  const kept = [...byKept(windows.keys(), agent.windowFloors)].sort(([a], [b]) => a - b);
  for (const [resolution, starts] of kept) {
    const totals = new Map(
      [...starts].map(([startMs, finer]) => [startMs, sumOf(finer.map((finerMs) => windows.get(finerMs)!))]),
    );
    await addNumbers(tx.sql, { tenantId, agentId: agent.id, resolution }, revision, totals);
    if (resolution >= TENANT_WIDE_FROM) await markTenantDirty(tx.sql, tenantId, resolution, [...starts.keys()]);
  }
}

async function mergeCoarseBreakdowns(
  tx: Transaction,
  tenantId: string,
  agent: LockedAgentRow,
  batch: BatchAggregate,
): Promise<void> {
  for (const [resolution, starts] of byKept(batch.windows.keys(), agent.breakdownFloors)) {
    const scope = { tenantId, agentId: agent.id, resolution };
    const stored = await readBreakdowns(tx.sql, scope, [...starts.keys()]);
    const merged = new Map<number, EncodedBreakdown>();
    for (const [startMs, finer] of starts) {
      const breakdown = stored.get(startMs) ?? emptyBreakdown();
      mergeBreakdown(breakdown, batch.breakdownOf(finer, resolution));
      pruneBreakdown(breakdown, resolution);
      merged.set(startMs, encodeBreakdown(breakdown));
    }
    await writeBreakdowns(tx.sql, scope, merged);
  }
}
