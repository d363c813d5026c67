import { tumblingWindowStart, WINDOW_MS } from './tumbling.js';

/** A calendar month, UTC, under the nominal width of 30 days. */
export const MONTH = 2_592_000;

/** Widths of stored windows, seconds, each made of the one before it. */
export const RESOLUTIONS: readonly number[] = [WINDOW_MS / 1_000, 60, 3_600, 86_400, MONTH];

/** A whole tenant has windows of its own from here up, seconds. */
export const TENANT_WIDE_FROM = 3_600;

export function nextCoarser(resolution: number): number | null {
  return RESOLUTIONS[RESOLUTIONS.indexOf(resolution) + 1] ?? null;
}

export function nextFiner(resolution: number): number | null {
  return RESOLUTIONS[RESOLUTIONS.indexOf(resolution) - 1] ?? null;
}

/** Start of the window of a resolution that holds an instant; milliseconds. */
export function rollupStart(ms: number, resolution: number): number {
  if (resolution !== MONTH) return tumblingWindowStart(ms, resolution * 1_000);
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

/** End, exclusive, of the window of a resolution that begins at `startMs`. */
export function rollupEnd(startMs: number, resolution: number): number {
  if (resolution !== MONTH) return startMs + resolution * 1_000;
  const date = new Date(startMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}
