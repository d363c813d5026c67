import type { BatchAggregate } from './aggregate.js';
import { type Breakdown, type EncodedBreakdown, emptyBreakdown, encodeBreakdown, pruneBreakdown } from './breakdown.js';
import { addTotals, emptyTotals, type Totals } from './window.js';

/** A part of a coarser window: windows of 10 seconds of one batch. */
export interface WindowPart {
  aggregate: BatchAggregate;
  /** Their starts. */
  starts: readonly number[];
  /** The greatest hits of one of their seconds, with what was stored of it before. */
  peak: number;
}

/** A window coarser than 10 seconds of which all that was ever taken in is at hand, while more comes of it. */
export class GatheredWindow {
  private readonly totals: Totals = emptyTotals();
  private readonly breakdown: Breakdown = emptyBreakdown();

  /** @param resolution seconds */
  constructor(
    readonly startMs: number,
    private readonly resolution: number,
  ) {}

  add(part: WindowPart): void {
    addTotals(this.totals, totalsOf(part));
    part.aggregate.gatherInto(this.breakdown, part.starts, this.resolution);
  }

  /** As it is written; nothing more is added then. */
  finish(): { totals: Totals; breakdown: EncodedBreakdown } {
    pruneBreakdown(this.breakdown, this.resolution);
    return { totals: this.totals, breakdown: encodeBreakdown(this.breakdown) };
  }

  /** What it takes of memory, by its greatest part. */
  get keys(): number {
    return keysOf(this.breakdown);
  }
}

/** Keys that a breakdown's tops list. */
export function keysOf({ tops }: Breakdown): number {
  return Object.values(tops).reduce((sum, { keys }) => sum + keys.length, 0);
}

/** The numbers of a part; it is the whole window's where all of it lies in one batch. */
export function totalsOf({ aggregate, starts, peak }: WindowPart): Totals {
  const totals = emptyTotals();
  for (const startMs of starts) addTotals(totals, aggregate.windows.get(startMs)!);
  return { ...totals, peak };
}
