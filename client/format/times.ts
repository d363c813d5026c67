/** Times in UTC, and spans of time in words. Every function takes the present as an argument. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365.25 * DAY_MS;

/** Older than this, the newest event is worth a notice. */
export const STALE_AFTER_MS = 30 * SECOND_MS;

const iso = (ms: number): string => new Date(ms).toISOString();

/** `21:19:00` */
export const clockTime = (ms: number): string => iso(ms).slice(11, 19);

/** `2019-02-07 21:19:00Z` */
export const fullTime = (ms: number): string => `${iso(ms).slice(0, 10)} ${clockTime(ms)}Z`;

/** `21:19:00Z` of the present day, `2019-02-07 21:19:00Z` of any other. */
export function shortTime(ms: number, nowMs: number): string {
  return iso(ms).slice(0, 10) === iso(nowMs).slice(0, 10) ? `${clockTime(ms)}Z` : fullTime(ms);
}

/** `21:19` on an axis of minutes and hours, with the day where the axis does not end on the present one. */
export function axisTime(ms: number, withDate: boolean): string {
  return withDate ? `${iso(ms).slice(0, 10)} ${iso(ms).slice(11, 16)}` : iso(ms).slice(11, 16);
}

/** A span in its greatest unit: `42 s`, `5 min`, `2 h`, `3 d`, `7 y`. */
export function span(ms: number): string {
  const known = Math.max(0, ms);
  if (known < MINUTE_MS) return `${Math.floor(known / SECOND_MS)} s`;
  if (known < HOUR_MS) return `${Math.floor(known / MINUTE_MS)} min`;
  if (known < DAY_MS) return `${Math.floor(known / HOUR_MS)} h`;
  if (known < YEAR_MS) return `${Math.floor(known / DAY_MS)} d`;
  return `${Math.floor(known / YEAR_MS)} y`;
}

/** `just now`, `42 s ago`, `7 y ago`. */
export function ago(ms: number, nowMs: number): string {
  return nowMs - ms < 2 * SECOND_MS ? 'just now' : `${span(nowMs - ms)} ago`;
}

/** How far back the newest event lies, and whether that is worth a notice. */
export function newestEvent(ms: number, nowMs: number): { text: string; stale: boolean } {
  const stale = nowMs - ms > STALE_AFTER_MS;
  return { text: `newest event ${shortTime(ms, nowMs)}${stale ? `, ${ago(ms, nowMs)}` : ''}`, stale };
}

const ISO_DURATION = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** Milliseconds of an ISO 8601 duration without months and years; NaN where it is none. */
export function durationMs(duration: string): number {
  const parts = ISO_DURATION.exec(duration);
  if (!parts) return Number.NaN;
  const [weeks, days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0));
  return weeks! * 7 * DAY_MS + days! * DAY_MS + hours! * HOUR_MS + minutes! * MINUTE_MS + seconds! * SECOND_MS;
}
