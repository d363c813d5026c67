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
import { type BreakdownOfWindow, readBreakdowns, writeBreakdowns } from '../store/sql/breakdown.sql.js';
import { markDirty, markTenantDirty } from '../store/sql/mark.sql.js';
import { addNumbers, type NumbersOfWindow, readWindows, writeWindows } from '../store/sql/window.sql.js';
import type { WindowKey } from '../store/sql/window-key.js';
import { isNewWindow, type OpenedWindows } from './open-windows.js';
import { addWholeMinutes } from './whole-minutes.js';

const [FINEST, MINUTE] = RESOLUTIONS;
/** Windows of a batch that are remembered: the newest, and the one before it, to which stragglers belong. */
const OPEN_WINDOWS = 2;

/** A batch that is being taken in, counted. */
export interface CountedBatch {
  tenantId: string;
  agent: LockedAgentRow;
  /** As of which its windows are. */
  revision: number;
  aggregate: BatchAggregate;
}

/**
 * Merges batches' windows of 10 seconds into those stored, and marks the coarser ones dirty. What lies below a
 * resolution's floor is merged into the finest that is still kept. The caller holds the agents' locks; no two are of one
 * agent.
 */
export async function mergeIntoStored(
  tx: Transaction,
  batches: readonly CountedBatch[],
  opened: OpenedWindows,
): Promise<void> {
  const kept: { counted: CountedBatch; starts: number[] }[] = [];
  const dirty: WindowKey[] = [];
  for (const counted of batches) {
    const { tenantId, agent, aggregate } = counted;
    const { starts } = aggregate;
    const finest = starts.filter((startMs) => startMs >= agent.windowFloors[0]);
    const whole = await addWholeMinutes(tx, counted, finest);
    kept.push({ counted, starts: finest });
    if (finest.length < starts.length) await mergeCoarse(tx, counted);
    if (starts[0] < agent.breakdownFloors[0]) await mergeCoarseBreakdowns(tx, counted);
    for (const window of dirtied(agent, starts, whole)) dirty.push({ tenantId, agentId: agent.id, ...window });
  }
  await mergeFinest(tx, kept, opened);
  await markDirty(tx.sql, dirty);
}

/** Windows that no longer are what the finer ones add up to: the next coarser of each that changed. */
function dirtied({ windowFloors }: LockedAgentRow, starts: readonly number[], wholeMinutes: ReadonlySet<number>) {
  const dirty: { resolution: number; startMs: number }[] = [];
  const add = (resolution: number, changed: number[]) => {
    for (const startMs of distinctStarts(changed, resolution)) dirty.push({ resolution, startMs });
  };
  add(nextCoarser(MINUTE)!, [...wholeMinutes]);
  for (const resolution of RESOLUTIONS.slice(0, -1)) {
    const changed = starts.filter((startMs) => finestKept(windowFloors, startMs) === resolution);
    const counted = resolution === FINEST ? wholeMinutes : new Set();
    add(
      nextCoarser(resolution)!,
      changed.filter((startMs) => !counted.has(rollupStart(startMs, MINUTE))),
    );
  }
  return dirty;
}

function distinctStarts(starts: readonly number[], resolution: number): number[] {
  return [...new Set(starts.map((startMs) => rollupStart(startMs, resolution)))];
}

/** A window of 10 seconds of a batch. */
interface Merge extends WindowKey {
  counted: CountedBatch;
  withBreakdown: boolean;
  /** More will most likely come of it. */
  isOpen: boolean;
  stored: Window | null | 'UNREAD';
}

async function mergeFinest(
  tx: Transaction,
  kept: readonly { counted: CountedBatch; starts: number[] }[],
  opened: OpenedWindows,
): Promise<void> {
  const merges = kept.flatMap(({ counted, starts }) => mergesOf(counted, starts, opened.take(counted.agent)));
  const asked = merges.filter(({ stored }) => stored === 'UNREAD');
  const read = await readWindows(tx.sql, asked);
  asked.forEach((merge, i) => {
    merge.stored = read[i] ?? null;
  });
  const numbers: NumbersOfWindow[] = [];
  const breakdowns: BreakdownOfWindow[] = [];
  for (const merge of merges) {
    const { tenantId, agentId, resolution, startMs, withBreakdown, isOpen, counted } = merge;
    const { window, breakdown } = merged(merge);
    numbers.push({ tenantId, agentId, startMs, revision: counted.revision, numbers: window });
    if (breakdown !== null) breakdowns.push({ tenantId, agentId, resolution, startMs, breakdown });
    if (withBreakdown && isOpen) opened.leave(agentId, counted.revision, startMs, window);
  }
  await writeWindows(tx.sql, numbers);
  await writeBreakdowns(tx.sql, breakdowns);
}

function mergesOf(counted: CountedBatch, starts: readonly number[], open: ReadonlyMap<number, Window>): Merge[] {
  const { tenantId, agent } = counted;
  return starts.map((startMs, i) => ({
    counted,
    tenantId,
    agentId: agent.id,
    resolution: FINEST,
    startMs,
    withBreakdown: startMs >= agent.breakdownFloors[0],
    isOpen: i >= starts.length - OPEN_WINDOWS,
    stored: open.get(startMs) ?? (isNewWindow(agent, startMs) ? null : 'UNREAD'),
  }));
}

/** What is to be written of a window: with what is stored already, and its breakdown where that is kept. */
function merged({ counted, startMs, withBreakdown, isOpen, stored }: Merge): {
  window: Window;
  breakdown: EncodedBreakdown | null;
} {
  const own = counted.aggregate.windows.get(startMs)!;
  if (stored === null || stored === 'UNREAD') {
    if (!withBreakdown) return { window: own, breakdown: null };
    // Where nobody looks into it, it need not be made to be written.
    const breakdown = isOpen ? encodeBreakdown(own.breakdown) : counted.aggregate.encodedBreakdownOf([startMs], FINEST);
    return { window: own, breakdown };
  }
  mergeWindow(stored, own);
  return { window: stored, breakdown: withBreakdown ? encodeBreakdown(stored.breakdown) : null };
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

async function mergeCoarse(tx: Transaction, { tenantId, agent, revision, aggregate }: CountedBatch): Promise<void> {
  const { windows } = aggregate;
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

async function mergeCoarseBreakdowns(tx: Transaction, { tenantId, agent, aggregate }: CountedBatch): Promise<void> {
  for (const [resolution, starts] of byKept(aggregate.windows.keys(), agent.breakdownFloors)) {
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
