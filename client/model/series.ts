import type { Figures, SeriesWindow } from '../../schema/operations/live.js';

/**
 * The windows of one server by their start, whatever order they come in.
 *
 * A window is replaced only by the same or a later revision, so that a query's answer which was on its way while the
 * live message overtook it takes nothing back. Two answers of one revision count the same and may differ in `complete`
 * alone, which never goes back either: so any order of messages gives the same series.
 */
export type Series = ReadonlyMap<number, WindowPoint>;

export interface WindowPoint {
  startMs: number;
  endMs: number;
  revision: number;
  complete: boolean;
  stats: Figures;
}

export const EMPTY_SERIES: Series = new Map();

/** The width of the windows that come live. */
export const LIVE_STEP_MS = 10_000;
/** The sliding window. */
const SLIDING_MS = 120_000;

export function pointOf(window: SeriesWindow): WindowPoint {
  return {
    startMs: Date.parse(window.start),
    endMs: Date.parse(window.end),
    revision: window.revision,
    complete: window.complete,
    stats: window.stats,
  };
}

/** Merges windows into a series; the series itself is left as it was. */
export function mergeWindows(series: Series, windows: readonly WindowPoint[]): Series {
  if (windows.length === 0) return series;
  const merged = new Map(series);
  for (const window of windows) {
    const held = merged.get(window.startMs);
    if (!held || window.revision > held.revision) merged.set(window.startMs, window);
    else if (window.revision === held.revision && window.complete && !held.complete) {
      merged.set(window.startMs, { ...held, complete: true });
    }
  }
  return merged;
}

/** The series without what lies before an instant: memory stays bounded however long the client runs. */
export function dropBefore(series: Series, floorMs: number): Series {
  const kept = [...series].filter(([, window]) => window.endMs > floorMs);
  return kept.length === series.size ? series : new Map(kept);
}

/** Its windows, oldest first. */
export const inOrder = (series: Series): WindowPoint[] => [...series.values()].sort((a, b) => a.startMs - b.startMs);

/** What a quiet window counts. */
export const NO_FIGURES: Figures = {
  hits: 0,
  hitsPerSecond: 0,
  bytes: 0,
  errorRate: 0,
  status: { informational: 0, success: 0, redirection: 0, clientError: 0, serverError: 0, other: 0 },
};

/** The start of the newest 10 seconds that are whole: an event in a window's last second leaves nothing to come. */
export function wholeWindowStart(atMs: number): number {
  return Math.floor((atMs + 1_000) / LIVE_STEP_MS) * LIVE_STEP_MS - LIVE_STEP_MS;
}

/** Hits of the windows that the two minutes up to an instant touch: what their tops count. */
export function touchedHits(series: Series, atMs: number): number {
  const firstMs = Math.floor((Math.floor(atMs / 1_000) * 1_000 - SLIDING_MS + 1_000) / LIVE_STEP_MS) * LIVE_STEP_MS;
  let hits = 0;
  for (const { startMs, stats } of series.values()) if (startMs >= firstMs && startMs <= atMs) hits += stats.hits;
  return hits;
}

/** Hits a second of so many windows up to one, oldest first, a quiet one as 0: what a sparkline shows. */
export function recentRates(series: Series, newestStart: number, windows: number): number[] {
  return Array.from({ length: windows }, (_, index) => {
    const start = newestStart - (windows - 1 - index) * LIVE_STEP_MS;
    return series.get(start)?.stats.hitsPerSecond ?? 0;
  });
}
