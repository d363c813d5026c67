import type { Entry } from '../../schema/log-batch.js';

const METHOD = /^[A-Za-z][A-Za-z0-9_-]*$/;
const SLASH = 47;

/**
 * Reads the request line `line[from, to)` into `entry`.
 *
 * It is `METHOD target HTTP/…`, three parts at single blanks, or `GET /path` (HTTP/0.9). Anything else (empty, `-`, TLS
 * bytes, `GET /foo http`) is a hit all the same, whose method, target and protocol stay null. The target stays as
 * logged, escapes included: a log's own way to write a quote is not worth two spellings of one path.
 */
export function readRequest(line: string, from: number, to: number, entry: Entry): void {
  const methodEnd = line.indexOf(' ', from);
  if (methodEnd < 0 || methodEnd >= to) return;
  const targetFrom = methodEnd + 1;
  const targetEnd = line.indexOf(' ', targetFrom);
  if (targetEnd < 0 || targetEnd >= to) {
    if (methodEnd - from !== 3 || !line.startsWith('GET', from) || line.charCodeAt(targetFrom) !== SLASH) return;
    if (targetFrom >= to) return;
    entry.method = 'GET';
    entry.target = line.slice(targetFrom, to);
    return;
  }
  if (targetEnd === targetFrom || !line.startsWith('HTTP/', targetEnd + 1) || targetEnd + 6 > to) return;
  const more = line.indexOf(' ', targetEnd + 1);
  if (more >= 0 && more < to) return;
  const method = line.slice(from, methodEnd);
  if (!METHOD.test(method)) return;
  entry.method = method;
  entry.target = line.slice(targetFrom, targetEnd);
  entry.protocol = line.slice(targetEnd + 1, to);
}
