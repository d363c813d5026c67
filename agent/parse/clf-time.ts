import { digitsValue } from './digits.js';

/** Characters of `17/May/2015:10:05:03 +0000`. */
export const CLF_TIME_LENGTH = 26;
/** Characters up to the minutes: `17/May/2015:10:05`. */
const MINUTE_LENGTH = 17;

const SHAPE = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d)$/;
const ZONE = /^ ([+-])(\d\d)(\d\d)$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MS_PER_MINUTE = 60_000;

/** The start of a minute of the log's local time, milliseconds since the epoch as if it were UTC; NaN where it is none. */
function minuteStartMs(text: string): number {
  const match = SHAPE.exec(text);
  if (!match) return Number.NaN;
  const [day, month, year, hour, minute] = [+match[1], MONTHS.indexOf(match[2]), +match[3], +match[4], +match[5]];
  if (month < 0 || hour > 23 || minute > 59) return Number.NaN;
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  if (date.getUTCDate() !== day || date.getUTCMonth() !== month) return Number.NaN; // 30 February
  date.setUTCHours(hour, minute);
  return date.getTime();
}

function zoneMs(text: string): number {
  const match = ZONE.exec(text);
  if (!match || +match[2] > 23 || +match[3] > 59) return Number.NaN;
  const ms = (+match[2] * 60 + +match[3]) * MS_PER_MINUTE;
  return match[1] === '-' ? -ms : ms;
}

let lastMinute = '';
let lastZone = '';
/** Of `lastMinute` in `lastZone`; lines of a log mostly share it, so that only their seconds are read. */
let lastMs = Number.NaN;

/**
 * The time that stands at `line[at]` in the Common Log Format, milliseconds since the epoch; NaN where there is none.
 *
 * The date must be a real one; a leap second (`:60`) counts as the next minute's first.
 */
export function clfTimeMs(line: string, at: number): number {
  const second = digitsValue(line, at + MINUTE_LENGTH + 1, at + MINUTE_LENGTH + 3);
  if (second < 0 || second > 60 || line.charCodeAt(at + MINUTE_LENGTH) !== 58) return Number.NaN;
  const minute = line.slice(at, at + MINUTE_LENGTH);
  const zone = line.slice(at + MINUTE_LENGTH + 3, at + CLF_TIME_LENGTH);
  if (minute !== lastMinute || zone !== lastZone) {
    const ms = minuteStartMs(minute) - zoneMs(zone);
    if (Number.isNaN(ms)) return Number.NaN;
    lastMinute = minute;
    lastZone = zone;
    lastMs = ms;
  }
  return lastMs + second * 1_000;
}
