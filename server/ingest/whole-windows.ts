import type { EncodedBreakdown } from '../core/windows/breakdown.js';
import { GatheredWindow, totalsOf, type WindowPart } from '../core/windows/gathered.js';
import { RESOLUTIONS, rollupStart } from '../core/windows/resolutions.js';
import type { Totals } from '../core/windows/window.js';
import { allEnded } from '../store/all-ended.js';
import type { Transaction } from '../store/database.js';
import { type BreakdownOfWindow, writeBreakdowns } from '../store/sql/breakdown.sql.js';
import { dropMarks } from '../store/sql/mark.sql.js';
import { type TotalsOfWindow, untouchedWindows, writeTotals } from '../store/sql/window.sql.js';
import type { WindowKey } from '../store/sql/window-key.js';
import { Breather } from './breather.js';
import type { CountedBatch } from './counted-batch.js';
import type { OpenedWindows, OpenOfAgent } from './open-windows.js';

/** Of these widths, seconds, windows are counted as entries come in. */
const [, MINUTE, HOUR] = RESOLUTIONS;
const COUNTED = [MINUTE, HOUR];
/** A batch of so many entries, or that touches so many minutes, comes from an agent that catches up. */
const LARGE = { entries: 1_024, minutes: 3 };

/** A batch, and what is remembered of its agent. */
export interface BatchOfAgent {
  counted: CountedBatch;
  open: OpenOfAgent;
  /** Of its 10-second windows that are kept, ascending. */
  starts: readonly number[];
}

/** Starts of windows that were written whole, by resolution. */
export type WholeWindows = ReadonlyMap<number, ReadonlySet<number>>;

/** Greatest hits of a second of each of a batch's 10-second windows that are kept, with what was stored before. */
export type Peaks = ReadonlyMap<CountedBatch, ReadonlyMap<number, number>>;

/** A window of which a batch has a part. */
interface Touched extends WindowKey {
  /** Starts of the 10-second windows that are its part. */
  starts: readonly number[];
  /** What came of it before. */
  gathered: GatheredWindow | undefined;
  /** More may come of it. */
  isOpen: boolean;
  /** If it is open, it is gathered from this batch on where nothing is stored of it. */
  isWorthGathering: boolean;
}

/** A batch, and the minutes and hours that it has a part of and of which all is at hand. */
export interface TouchedByBatch extends BatchOfAgent {
  touched: readonly Touched[];
}

/**
 * The minutes and hours that batches have a part of, and of which all is at hand: what was gathered, and what begins with
 * them. Their own windows must not have been written yet.
 */
export async function findTouched(tx: Transaction, batches: readonly BatchOfAgent[]): Promise<TouchedByBatch[]> {
  const touched = batches.map(touchedBy);
  const known = await untouched(tx, batches, touched);
  return batches.map((batch, i) => ({
    ...batch,
    touched: touched[i].filter((one) => one.gathered !== undefined || known.has(one)),
  }));
}

/**
 * Writes minutes and hours of which all is at hand, and that are over: those that lie whole in a batch, and those that
 * were gathered from batch to batch since nothing was known of them. Counted from entries they cost a fraction of what
 * rolling them up does, and old files are made of little else. What is not at hand is left to rollups.
 *
 * The caller holds the agents' locks; no two batches are of one agent.
 *
 * @returns by batch, what is clean: what is made of it is not.
 */
export async function writeWholeWindows(
  tx: Transaction,
  batches: readonly TouchedByBatch[],
  peaks: Peaks,
  opened: OpenedWindows,
): Promise<WholeWindows[]> {
  const totals: TotalsOfWindow[] = [];
  const breakdowns: BreakdownOfWindow[] = [];
  const marked: WindowKey[] = [];
  const wholes: WholeWindows[] = [];
  const breather = new Breather();
  for (const { counted, open, touched } of batches) {
    const { revision, agent } = counted;
    // Those that this batch has nothing of; what it begins itself takes their place.
    for (const [resolution, one] of open.gathered)
      if (!touched.some(({ gathered }) => gathered === one)) opened.leaveGathered(agent.id, revision, resolution, one);
    const whole = new Map(COUNTED.map((resolution) => [resolution, new Set<number>()]));
    wholes.push(whole);
    for (const one of touched) {
      const { tenantId, agentId, resolution, startMs, gathered, isOpen } = one;
      const part = partOf(one, counted, peaks.get(counted)!);
      if (isOpen) {
        const gathering = gathered ?? new GatheredWindow(startMs, resolution);
        gathering.add(part);
        opened.leaveGathered(agentId, revision, resolution, gathering);
      } else {
        const key = { tenantId, agentId, resolution, startMs };
        const finished = finish(part, resolution, gathered);
        totals.push({ ...key, revision, totals: finished.totals });
        breakdowns.push({ ...key, breakdown: finished.breakdown });
        if (gathered !== undefined) marked.push(key);
        whole.get(resolution)!.add(startMs);
      }
      await breather.counts(counted.aggregate.leftToCount(one.starts, resolution));
    }
  }
  await allEnded([writeTotals(tx.sql, totals), writeBreakdowns(tx.sql, breakdowns), dropMarks(tx.sql, marked)]);
  return wholes;
}

/** The minutes and hours of a batch's windows of which all is kept, and those gathered that they are beyond. */
function touchedBy({ counted, open, starts: all }: BatchOfAgent): Touched[] {
  const { tenantId, agent, aggregate } = counted;
  const floorMs = agent.breakdownFloors[0];
  const starts = all.filter((startMs) => startMs >= floorMs);
  const isLarge = aggregate.count >= LARGE.entries || byWindow(starts, MINUTE).size >= LARGE.minutes;
  return COUNTED.flatMap((resolution) => {
    const openMs = rollupStart(starts.at(-1) ?? 0, resolution);
    const windows = byWindow(starts, resolution);
    const gathered = open.gathered.get(resolution);
    // Another takes its place: it is over, though the batch has nothing of it.
    const isPassed = isLarge && gathered !== undefined && gathered.startMs < openMs && gathered.startMs >= floorMs;
    if (isPassed && !windows.has(gathered.startMs)) windows.set(gathered.startMs, []);
    return Array.from(windows, ([startMs, finer]) => ({
      tenantId,
      agentId: agent.id,
      resolution,
      startMs,
      starts: finer,
      gathered: gathered?.startMs === startMs ? gathered : undefined,
      isOpen: startMs === openMs,
      isWorthGathering: isLarge,
    }));
  });
}

function partOf({ starts }: Touched, { aggregate }: CountedBatch, peaks: ReadonlyMap<number, number>): WindowPart {
  return { aggregate, starts, peak: Math.max(0, ...starts.map((startMs) => peaks.get(startMs)!)) };
}

/** Starts of finer windows by those of the windows of a resolution, seconds, that hold them. */
export function byWindow(starts: readonly number[], resolution: number): Map<number, number[]> {
  const windows = new Map<number, number[]>();
  for (const startMs of starts) {
    const coarseMs = rollupStart(startMs, resolution);
    const finer = windows.get(coarseMs);
    if (finer === undefined) windows.set(coarseMs, [startMs]);
    else finer.push(startMs);
  }
  return windows;
}

/** Those that begin with this batch: nothing is stored of them. */
async function untouched(
  tx: Transaction,
  batches: readonly BatchOfAgent[],
  touched: readonly Touched[][],
): Promise<ReadonlySet<Touched>> {
  const known = new Set<Touched>();
  const asked: Touched[] = [];
  batches.forEach(({ counted: { agent } }, i) => {
    for (const one of touched[i]) {
      if (one.gathered !== undefined || (one.isOpen && !one.isWorthGathering)) continue;
      // All that the agent ever sent is older.
      if (agent.lastEventMs === null || one.startMs > agent.lastEventMs) known.add(one);
      else asked.push(one);
    }
  });
  for (const place of await untouchedWindows(tx.sql, asked)) known.add(asked[place]);
  return known;
}

function finish(
  part: WindowPart,
  resolution: number,
  gathered: GatheredWindow | undefined,
): { totals: Totals; breakdown: EncodedBreakdown } {
  if (gathered === undefined)
    return { totals: totalsOf(part), breakdown: part.aggregate.encodedBreakdownOf(part.starts, resolution) };
  gathered.add(part);
  return gathered.finish();
}
