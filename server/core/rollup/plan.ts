import { RESOLUTIONS, rollupEnd, rollupStart } from '../windows/resolutions.js';

/** Rows of one resolution that begin in `[fromMs, toMs)`. */
export interface Range {
  /** Seconds, one of RESOLUTIONS. */
  resolution: number;
  fromMs: number;
  toMs: number;
}

/** A window to be computed anew. */
export interface Mark {
  resolution: number;
  startMs: number;
}

/** Event ms below which windows of each of RESOLUTIONS are not kept: never rising from one to the next coarser. */
export type Floors = readonly number[];

export const NO_FLOORS: Floors = RESOLUTIONS.map(() => 0);

/** What is dirty: each marked window, and every coarser one that holds it. */
export class DirtyWindows {
  private readonly starts = new Map<number, number[]>();

  constructor(private readonly marks: readonly Mark[]) {}

  /** Starts of the dirty windows of a resolution that begin in `[fromMs, toMs)`, ascending. */
  within(resolution: number, fromMs: number, toMs: number): number[] {
    const all = this.of(resolution);
    return all.slice(firstAtLeast(all, fromMs), firstAtLeast(all, toMs));
  }

  private of(resolution: number): number[] {
    let starts = this.starts.get(resolution);
    if (starts === undefined) {
      const dirty = this.marks.filter((mark) => mark.resolution <= resolution);
      starts = [...new Set(dirty.map((mark) => rollupStart(mark.startMs, resolution)))].sort((a, b) => a - b);
      this.starts.set(resolution, starts);
    }
    return starts;
  }
}

/** Place of the first of ascending numbers that is `value` or more. */
function firstAtLeast(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The finest resolution that is kept at an event time; the coarsest where none is. Seconds. */
export function finestKept(floors: Floors, eventMs: number): number {
  const place = floors.findIndex((floorMs) => floorMs <= eventMs);
  return RESOLUTIONS[place === -1 ? RESOLUTIONS.length - 1 : place];
}

/** A span aligned outwards to the windows that are kept at its ends. */
export function alignToKept({ fromMs, toMs }: { fromMs: number; toMs: number }, floors: Floors) {
  return {
    fromMs: rollupStart(fromMs, finestKept(floors, fromMs)),
    toMs: roundUp(toMs, finestKept(floors, toMs - 1)),
  };
}

/** The first border of a resolution's windows that is not before `ms`. */
export function roundUp(ms: number, resolution: number): number {
  const startMs = rollupStart(ms, resolution);
  return startMs === ms ? ms : rollupEnd(startMs, resolution);
}

/** The coarsest resolution whose windows a step is made of whole; a month's only where `stepMs` is infinite. Seconds. */
export function coarsestWithin(stepMs: number): number {
  if (!Number.isFinite(stepMs)) return RESOLUTIONS[RESOLUTIONS.length - 1];
  const fixed = RESOLUTIONS.slice(0, -1);
  return fixed.findLast((resolution) => stepMs % (resolution * 1_000) === 0) ?? RESOLUTIONS[0];
}

export interface PlanOptions {
  /** None coarser is read, but where only coarser ones are kept. */
  coarsest: number;
  /** None finer is read: what that leaves goes to `rest`, and so does what is dirty where no finer is kept. */
  finest?: number;
  dirty: DirtyWindows;
  floors: Floors;
}

export interface ReadPlan {
  ranges: Range[];
  /** What the resolutions named do not cover: ragged edges, and what is dirty. */
  rest: { fromMs: number; toMs: number }[];
}

/**
 * Which rows tell of a span: the coarsest that fit and are clean, finer ones at ragged edges and where dirty. Every
 * event second of the span lies in exactly one of them.
 *
 * Below the floor of a resolution the next coarser is the truth, and is read whatever its marks; a span must be aligned
 * to what is kept at its ends (`alignToKept`).
 */
export function planRead(span: { fromMs: number; toMs: number }, options: PlanOptions): ReadPlan {
  const plan: ReadPlan = { ranges: [], rest: [] };
  const top = RESOLUTIONS.indexOf(options.coarsest);
  planBelow(top, span.fromMs, span.toMs, options, plan);
  return plan;
}

/** Plans with windows of at most `RESOLUTIONS[top]`; what lies below that one's floor, with coarser ones. */
function planBelow(top: number, fromMs: number, toMs: number, options: PlanOptions, plan: ReadPlan): void {
  if (fromMs >= toMs) return;
  const floorMs = options.floors[top];
  const keptFromMs = top === RESOLUTIONS.length - 1 ? fromMs : Math.min(Math.max(fromMs, floorMs), toMs);
  planBelow(top + 1, fromMs, keptFromMs, options, plan);
  cover(top, keptFromMs, toMs, options, plan);
}

function cover(level: number, fromMs: number, toMs: number, options: PlanOptions, plan: ReadPlan): void {
  if (fromMs >= toMs) return;
  const resolution = RESOLUTIONS[level];
  if (options.finest !== undefined && resolution < options.finest) {
    plan.rest.push({ fromMs, toMs });
    return;
  }
  const [innerFromMs, innerToMs] = [roundUp(fromMs, resolution), rollupStart(toMs, resolution)];
  const isTruth = level === 0 || (options.finest === undefined && toMs <= options.floors[level - 1]);
  if (isTruth) {
    plan.ranges.push({ resolution, fromMs: rollupStart(fromMs, resolution), toMs: roundUp(toMs, resolution) });
    return;
  }
  if (innerFromMs >= innerToMs) {
    cover(level - 1, fromMs, toMs, options, plan);
    return;
  }
  cover(level - 1, fromMs, innerFromMs, options, plan);
  let cleanFromMs = innerFromMs;
  for (const dirtyMs of options.dirty.within(resolution, innerFromMs, innerToMs)) {
    const finerKept = dirtyMs >= options.floors[level - 1];
    if (!finerKept && options.finest === undefined) continue;
    pushRange(plan, resolution, cleanFromMs, dirtyMs);
    cleanFromMs = rollupEnd(dirtyMs, resolution);
    if (finerKept) cover(level - 1, dirtyMs, cleanFromMs, options, plan);
    else plan.rest.push({ fromMs: dirtyMs, toMs: cleanFromMs });
  }
  pushRange(plan, resolution, cleanFromMs, innerToMs);
  cover(level - 1, innerToMs, toMs, options, plan);
}

function pushRange(plan: ReadPlan, resolution: number, fromMs: number, toMs: number): void {
  if (fromMs < toMs) plan.ranges.push({ resolution, fromMs, toMs });
}

/** Windows that a plan reads at most: what it costs. */
export function windowsIn(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { resolution, fromMs, toMs }) => sum + (toMs - fromMs) / (resolution * 1_000), 0);
}
