import { ENTRY_BYTES_MAX, type Entry } from '../../schema/log-batch.js';
import { isSpace } from './blank.js';
import { CLF_TIME_LENGTH, clfTimeMs } from './clf-time.js';
import { digitsValue, isDigit } from './digits.js';
import { readRequest } from './request.js';

const BLANK = 32;
const QUOTE = 34;
const DASH = 45;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;

/** The end of a field without white space that a blank follows; -1 where there is none. */
function fieldEnd(line: string, from: number): number {
  for (let i = from; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if (code === BLANK) return i > from ? i : -1;
    if ((code < BLANK || code > 126) && isSpace(code)) return -1;
  }
  return -1;
}

/** Where the quoted text that begins after `from` has its closing quote; backslashes escape; -1 where it has none. */
export function closingQuote(line: string, from: number): number {
  let at = line.indexOf('"', from);
  while (at >= 0) {
    let firstBackslash = at;
    while (firstBackslash > from && line.charCodeAt(firstBackslash - 1) === BACKSLASH) firstBackslash--;
    if ((at - firstBackslash) % 2 === 0) return at;
    at = line.indexOf('"', at + 1);
  }
  return -1;
}

/**
 * Reads what Common and Combined share: `host ident user [time] "request" status bytes`.
 *
 * Host, ident and user are blank-free; one blank stands between the fields. Status `-` and bytes `-` are 0.
 *
 * @param readRest reads what follows the bytes at `at` into the entry, and returns why it cannot be, else null.
 */
export function parseClf(
  line: string,
  readRest: (line: string, at: number, entry: Entry) => string | null,
): Entry | string {
  const hostEnd = fieldEnd(line, 0);
  const identEnd = hostEnd < 0 ? -1 : fieldEnd(line, hostEnd + 1);
  const userEnd = identEnd < 0 ? -1 : fieldEnd(line, identEnd + 1);
  if (userEnd < 0) return 'does not begin with host, ident and user';

  const timeFrom = userEnd + 2;
  const timeEnd = timeFrom + CLF_TIME_LENGTH;
  if (line.charCodeAt(timeFrom - 1) !== OPEN_BRACKET) return 'no [time] after host, ident and user';
  const timeMs = line.charCodeAt(timeEnd) === CLOSE_BRACKET ? clfTimeMs(line, timeFrom) : Number.NaN;
  if (Number.isNaN(timeMs)) return 'time is not a real dd/Mon/yyyy:HH:MM:SS +zzzz';

  const requestFrom = timeEnd + 3;
  if (line.charCodeAt(timeEnd + 1) !== BLANK || line.charCodeAt(timeEnd + 2) !== QUOTE)
    return 'no "request" after the time';
  const requestEnd = closingQuote(line, requestFrom);
  if (requestEnd < 0) return 'the request has no closing quote';

  let at = requestEnd + 2;
  const noStatus = line.charCodeAt(at) === DASH;
  const status = noStatus ? 0 : digitsValue(line, at, Math.min(at + 3, line.length));
  at += noStatus ? 1 : 3;
  if (status < 0 || line.charCodeAt(requestEnd + 1) !== BLANK || line.charCodeAt(at) !== BLANK) {
    return 'no status of three digits after the request';
  }

  const bytesFrom = ++at;
  let bytes = 0;
  if (line.charCodeAt(at) === DASH) at++;
  else {
    while (at < line.length && isDigit(line.charCodeAt(at))) at++;
    bytes = digitsValue(line, bytesFrom, at);
    if (bytes < 0) return 'no number of bytes after the status';
    if (bytes > ENTRY_BYTES_MAX) return `bytes are more than ${ENTRY_BYTES_MAX}`;
  }

  const user = line.slice(identEnd + 1, userEnd);
  const entry: Entry = {
    timeMs,
    host: line.slice(0, hostEnd),
    user: user === '-' ? null : user,
    method: null,
    target: null,
    protocol: null,
    status,
    bytes,
    durationMs: null,
    referrer: null,
    userAgent: null,
  };
  const trouble = readRest(line, at, entry);
  if (trouble !== null) return trouble;
  readRequest(line, requestFrom, requestEnd, entry);
  return entry;
}
