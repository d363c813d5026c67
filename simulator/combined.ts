import type { SimulatedRequest } from './traffic.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

/** Lines of one second follow each other: its text is made once. */
let last = { second: Number.NaN, text: '' };

/** A time as access logs write it, in UTC: `24/Nov/2026:11:46:03 +0000`. */
export function logTime(ms: number): string {
  const second = Math.floor(ms / 1_000);
  if (second !== last.second) last = { second, text: textOf(new Date(ms)) };
  return last.text;
}

function textOf(at: Date): string {
  const day = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}

/** A request as a line of the Combined Log Format, without its end; `time` as `logTime` writes it. */
export function combinedLine(request: SimulatedRequest, time: string): string {
  const { host, user, requestLine, status, bytes, referrer, userAgent } = request;
  return `${host} - ${user ?? '-'} [${time}] "${requestLine}" ${status} ${bytes || '-'} "${referrer ?? '-'}" "${userAgent ?? '-'}"`;
}
