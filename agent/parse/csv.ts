import { ENTRY_BYTES_MAX, type Entry } from '../../schema/log-batch.js';
import { digitsValue } from './digits.js';
import type { ParsedLine } from './parsed.js';
import { readRequest } from './request.js';

const COLUMNS = ['remotehost', 'rfc931', 'authuser', 'date', 'request', 'status', 'bytes'];
const HEADER = /^"?remotehost"?,/;
const QUOTE = 34;
const COMMA = 44;
/** What a Date can hold, 100 million days either side of the epoch (ECMAScript §21.4.1.1). */
const SECONDS_MAX = 8.64e12;

/** Fields as RFC 4180 has them; a reason where a quoted one is not closed, or has text after its closing quote. */
function splitFields(line: string): string[] | string {
  const fields: string[] = [];
  let at = 0;
  while (fields.length <= COLUMNS.length) {
    if (line.charCodeAt(at) !== QUOTE) {
      const comma = line.indexOf(',', at);
      const field = line.slice(at, comma < 0 ? undefined : comma);
      if (field.includes('\r')) return 'a carriage return in the middle of the line';
      fields.push(field);
      if (comma < 0) return fields;
      at = comma + 1;
      continue;
    }
    let close = line.indexOf('"', at + 1);
    let doubled = false;
    while (close >= 0 && line.charCodeAt(close + 1) === QUOTE) {
      doubled = true;
      close = line.indexOf('"', close + 2);
    }
    if (close < 0) return `column ${fields.length + 1} has no closing quote`;
    const field = line.slice(at + 1, close);
    fields.push(doubled ? field.replaceAll('""', '"') : field);
    if (close + 1 >= line.length) return fields;
    if (line.charCodeAt(close + 1) !== COMMA) return `column ${fields.length} has text after its closing quote`;
    at = close + 2;
  }
  return fields;
}

/** Comma-separated with the columns above, with or without its header; the date in Unix seconds. */
export function parseCsv(line: string): ParsedLine {
  if (HEADER.test(line)) return null;
  const fields = splitFields(line);
  if (typeof fields === 'string') return fields;
  if (fields.length !== COLUMNS.length) {
    const found = fields.length > COLUMNS.length ? 'more than 7' : String(fields.length);
    return `${found} columns instead of 7 (${COLUMNS.join(', ')})`;
  }
  const [host, , user, date, request, status, size] = fields;
  const seconds = digitsValue(date, 0, date.length);
  if (seconds < 0 || seconds > SECONDS_MAX) return 'date is not in Unix seconds';
  const code = digitsValue(status, 0, status.length);
  if (code < 0 || status.length !== 3) return 'status is not three digits';
  const bytes = size === '-' || size === '' ? 0 : digitsValue(size, 0, size.length);
  if (bytes < 0) return 'bytes are no number';
  if (bytes > ENTRY_BYTES_MAX) return `bytes are more than ${ENTRY_BYTES_MAX}`;
  const entry: Entry = {
    timeMs: seconds * 1_000,
    host: host === '' ? '-' : host,
    user: user === '-' || user === '' ? null : user,
    method: null,
    target: null,
    protocol: null,
    status: code,
    bytes,
    durationMs: null,
    referrer: null,
    userAgent: null,
  };
  readRequest(request, 0, request.length, entry);
  return entry;
}
