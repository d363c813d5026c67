/** Width of the finest windows, milliseconds; all coarser ones are multiples. */
export const WINDOW_MS = 10_000;
export const SECONDS_PER_WINDOW = WINDOW_MS / 1_000;

/** Start of the window `[start, start + size)`, aligned to the epoch, that holds an event time. All milliseconds. */
export function tumblingWindowStart(eventMs: number, sizeMs = WINDOW_MS): number {
  return Math.floor(eventMs / sizeMs) * sizeMs;
}

/** Further ahead of the server's clock than this is no skew but a mistake. */
export const FUTURE_MS_MAX = 600_000;
/** 1990: before the web; what claims to be older has no time at all (a Unix time of 0, say). */
export const EVENT_MS_MIN = Date.UTC(1990, 0, 1);

export type QuarantineReason = 'more than 10 minutes in the future' | 'before 1990' | 'older than what is kept';

/**
 * Why an entry's time cannot be; null: it can.
 *
 * @param floorMs below it no window of any resolution is kept
 */
export function quarantineReason(eventMs: number, nowMs: number, floorMs = 0): QuarantineReason | null {
  if (eventMs > nowMs + FUTURE_MS_MAX) return 'more than 10 minutes in the future';
  if (eventMs < EVENT_MS_MIN) return 'before 1990';
  return eventMs < floorMs ? 'older than what is kept' : null;
}

/**
 * Whether an entry is late: its own stream's watermark, as it stood before the batch, had passed its window's end. A
 * late entry is not dropped, it amends the window.
 *
 * @param watermarkMs null: the stream has no entry yet
 */
export function isLate(eventMs: number, watermarkMs: number | null): boolean {
  return watermarkMs !== null && watermarkMs >= tumblingWindowStart(eventMs) + WINDOW_MS;
}
