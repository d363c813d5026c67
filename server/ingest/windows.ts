import { finestKept } from '../core/rollup/plan.js';
import { type Breakdown, emptyBreakdown, mergeBreakdown, pruneBreakdown } from '../core/windows/breakdown.js';
import { nextCoarser, RESOLUTIONS, rollupStart, TENANT_WIDE_FROM } from '../core/windows/resolutions.js';
import { addTotals, emptyTotals, mergeWindow, type Totals, type Window } from '../core/windows/window.js';
import type { Transaction } from '../store/database.js';
import type { LockedAgentRow } from '../store/sql/agent.sql.js';
import { readBreakdowns, writeBreakdowns } from '../store/sql/breakdown.sql.js';
import { markDirty, markTenantDirty } from '../store/sql/mark.sql.js';
import { addNumbers, readWindows, writeWindows } from '../store/sql/window.sql.js';

const [FINEST] = RESOLUTIONS;

/**
 * Merges a batch's windows of 10 seconds into those stored, as of `revision`, and marks the coarser ones dirty. What lies
 * below a resolution's floor is merged into the finest that is still kept. The caller holds the agent's lock.
 */
export async function mergeIntoStored(
  tx: Transaction,
  tenantId: string,
  agent: LockedAgentRow,
  revision: number,
  windows: ReadonlyMap<number, Window>,
): Promise<void> {
  const starts = [...windows.keys()].sort((a, b) => a - b);
  const kept = starts.filter((startMs) => startMs >= agent.windowFloors[0]);
  await mergeFinest(tx, tenantId, agent, revision, windows, kept);
  if (kept.length < starts.length) await mergeCoarse(tx, tenantId, agent, revision, windows);
  if (starts[0] < agent.breakdownFloors[0]) await mergeCoarseBreakdowns(tx, tenantId, agent, windows);
  for (const resolution of RESOLUTIONS.slice(0, -1)) {
    const coarser = nextCoarser(resolution)!;
    const changed = starts.filter((startMs) => finestKept(agent.windowFloors, startMs) === resolution);
    await markDirty(tx.sql, tenantId, agent.id, coarser, distinctStarts(changed, coarser));
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
  windows: ReadonlyMap<number, Window>,
  starts: number[],
): Promise<void> {
  const [breakdownsFromMs] = agent.breakdownFloors;
  const stored = await readWindows(tx.sql, tenantId, agent.id, starts, breakdownsFromMs);
  for (const [startMs, window] of stored) mergeWindow(window, windows.get(startMs)!);
  const merged = new Map(starts.map((startMs) => [startMs, stored.get(startMs) ?? windows.get(startMs)!]));
  await writeWindows(tx.sql, tenantId, agent.id, revision, merged, breakdownsFromMs);
}

/** Windows by the finest resolution that is kept at them, but for those of the finest of all, and by start. */
function byKept(windows: ReadonlyMap<number, Window>, floors: readonly number[]): Map<number, Map<number, Window[]>> {
  const groups = new Map<number, Map<number, Window[]>>();
  for (const [startMs, window] of windows) {
    const resolution = finestKept(floors, startMs);
    if (resolution === FINEST) continue;
    const starts = groups.get(resolution) ?? new Map<number, Window[]>();
    groups.set(resolution, starts);
    const coarseMs = rollupStart(startMs, resolution);
    starts.set(coarseMs, [...(starts.get(coarseMs) ?? []), window]);
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
  for (const [resolution, starts] of byKept(windows, agent.windowFloors)) {
    const totals = new Map([...starts].map(([startMs, finer]) => [startMs, sumOf(finer)]));
    await addNumbers(tx.sql, { tenantId, agentId: agent.id, resolution }, revision, totals);
    if (resolution >= TENANT_WIDE_FROM) await markTenantDirty(tx.sql, tenantId, resolution, [...starts.keys()]);
  }
}

function sumOf(windows: readonly Window[]): Totals {
  const totals = emptyTotals();
  for (const window of windows) addTotals(totals, window);
  return totals;
}

async function mergeCoarseBreakdowns(
  tx: Transaction,
  tenantId: string,
  agent: LockedAgentRow,
  windows: ReadonlyMap<number, Window>,
): Promise<void> {
  for (const [resolution, starts] of byKept(windows, agent.breakdownFloors)) {
    const scope = { tenantId, agentId: agent.id, resolution };
    const stored = await readBreakdowns(tx.sql, scope, [...starts.keys()]);
    const merged = new Map<number, Breakdown>();
    for (const [startMs, finer] of starts) {
      const breakdown = stored.get(startMs) ?? emptyBreakdown();
      for (const window of finer) mergeBreakdown(breakdown, window.breakdown);
      pruneBreakdown(breakdown, resolution);
      merged.set(startMs, breakdown);
    }
    await writeBreakdowns(tx.sql, scope, merged);
  }
}
