import { type EncodedBreakdown, encodeBreakdown } from '../core/windows/breakdown.js';
import { RESOLUTIONS } from '../core/windows/resolutions.js';
import { mergeWindow, type Window } from '../core/windows/window.js';
import { allEnded } from '../store/all-ended.js';
import type { Transaction } from '../store/database.js';
import { type BreakdownOfWindow, writeBreakdowns } from '../store/sql/breakdown.sql.js';
import { type NumbersOfWindow, readWindows, writeWindows } from '../store/sql/window.sql.js';
import type { WindowKey } from '../store/sql/window-key.js';
import { Breather } from './breather.js';
import type { CountedBatch } from './counted-batch.js';
import { isNewWindow, type OpenedWindows } from './open-windows.js';

const [FINEST] = RESOLUTIONS;
/** Windows of a batch that are remembered: the newest, and the one before it, to which stragglers belong. */
const OPEN_WINDOWS = 2;

/** A window of 10 seconds of a batch. */
export interface Merge extends WindowKey {
  counted: CountedBatch;
  withBreakdown: boolean;
  /** More will most likely come of it. */
  isOpen: boolean;
  stored: Window | null | 'UNREAD';
}

/** As it is to be written: with what is stored already, and its breakdown where that is kept. */
export interface Merged extends Merge {
  window: Window;
  breakdown: EncodedBreakdown | null;
}

/**
 * Windows of a batch with what is stored of them.
 *
 * @param starts of those that are kept, ascending
 * @param open those that are remembered
 */
export function mergesOf(counted: CountedBatch, starts: readonly number[], open: ReadonlyMap<number, Window>): Merge[] {
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

/** Merges windows with what is stored, which is read where it must be. The caller holds the agents' locks. */
export async function mergeFinest(tx: Transaction, merges: readonly Merge[]): Promise<Merged[]> {
  const asked = merges.filter(({ stored }) => stored === 'UNREAD');
  const read = await readWindows(tx.sql, asked);
  asked.forEach((merge, i) => {
    merge.stored = read[i] ?? null;
  });
  const breather = new Breather();
  const done: Merged[] = [];
  for (const merge of merges) {
    done.push({ ...merge, ...merged(merge) });
    await breather.counts(merge.counted.aggregate.leftToCount([merge.startMs], FINEST));
  }
  return done;
}

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

/** Writes them, and remembers those that are open. */
export async function writeFinest(tx: Transaction, merged: readonly Merged[], opened: OpenedWindows): Promise<void> {
  const numbers: NumbersOfWindow[] = [];
  const breakdowns: BreakdownOfWindow[] = [];
  for (const { tenantId, agentId, resolution, startMs, withBreakdown, isOpen, counted, window, breakdown } of merged) {
    numbers.push({ tenantId, agentId, startMs, revision: counted.revision, numbers: window });
    if (breakdown !== null) breakdowns.push({ tenantId, agentId, resolution, startMs, breakdown });
    if (withBreakdown && isOpen) opened.leave(agentId, counted.revision, startMs, window);
  }
  await allEnded([writeWindows(tx.sql, numbers), writeBreakdowns(tx.sql, breakdowns)]);
}
