import { MONTH, nextCoarser, RESOLUTIONS, rollupStart } from '../windows/resolutions.js';

/** How long windows of one resolution are kept, seconds; null: for ever. */
export interface WindowKeep {
  keep: number | null;
  /**
   * Their tops, distinct hosts and percentiles, counted back from the newest entry: of an old file the last days are as
   * detailed as of today's. Never longer than the windows.
   */
  keepBreakdowns: number | null;
}

/** By resolution in seconds; absent: for ever. A month's windows are kept as long as a day's. */
export type WindowKeeps = Readonly<Record<string, WindowKeep | undefined>>;

/** Event ms below which windows of each of RESOLUTIONS, and their breakdowns, are kept no longer. */
export interface FloorTargets {
  windowFloors: number[];
  breakdownFloors: number[];
}

/** Floors lie on borders of coarser windows, so that each of these is made of windows that are all kept, or none. */
const BORDERS: Readonly<Record<number, number>> = { 10: 3_600, 60: 3_600, 3600: 86_400, 86400: MONTH, [MONTH]: MONTH };

/**
 * @param nowMs the database's clock
 * @param newestMs the newest entry's event time; null: there is none
 */
export function floorTargets(keeps: WindowKeeps, nowMs: number, newestMs: number | null): FloorTargets {
  const floorOf = (resolution: number, keep: number | null, fromMs = nowMs) =>
    keep === null ? 0 : Math.max(0, rollupStart(fromMs - keep * 1_000, BORDERS[resolution]));
  const keepOf = (resolution: number) => keeps[Math.min(resolution, 86_400)];
  const windowFloors = RESOLUTIONS.map((resolution) => floorOf(resolution, keepOf(resolution)?.keep ?? null));
  const breakdownFloors = RESOLUTIONS.map((resolution, place) =>
    // A month's are kept as long as its numbers: nothing is left without any.
    Math.max(
      windowFloors[place],
      resolution === MONTH
        ? 0
        : floorOf(resolution, keepOf(resolution)?.keepBreakdowns ?? null, Math.min(nowMs, newestMs ?? 0)),
    ),
  );
  return { windowFloors, breakdownFloors };
}

/** Floors only ever rise. */
export function raised(floors: readonly number[], targets: readonly number[]): number[] {
  return floors.map((floorMs, place) => Math.max(floorMs, targets[place]));
}

/** Windows that must be computed before floors rise, because they are made of what goes: below an event time each. */
export function neededBefore(targets: FloorTargets): { resolution: number; beforeMs: number }[] {
  return RESOLUTIONS.slice(0, -1).map((resolution, place) => ({
    resolution: nextCoarser(resolution)!,
    beforeMs: Math.max(targets.windowFloors[place], targets.breakdownFloors[place]),
  }));
}
