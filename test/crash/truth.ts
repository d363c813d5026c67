import { readFileSync } from 'node:fs';

/** A request as its line says it: read by a reader of our own, not by the agent's. */
export interface TrueEntry {
  number: number;
  timeMs: number;
  host: string;
  user: string | null;
  method: string;
  path: string;
  status: number;
  bytes: number;
  /** Response time; lines of this format have none. */
  durationMs: number | null;
  referrer: string | null;
  userAgent: string | null;
}

/** What one file of a log holds. */
export interface TrueFile {
  path: string;
  sizeBytes: number;
  entries: TrueEntry[];
  malformed: number;
  quarantined: number;
  skipped: number;
}

const LINE =
  /^(\S+) - (\S+) \[(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) \+0000\] "(\S+) ([^ ?]+)\?n=(\d+) HTTP\/1\.1" (\d{3}) (\d+|-) "((?:[^"\\]|\\.)*)" "([^"]*)"$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const FIRST_YEAR_TAKEN = 1990;

const orNull = (text: string): string | null => (text === '-' ? null : text);

/** Reads every line that a file holds. */
export function readTruth(path: string): TrueFile {
  const bytes = readFileSync(path);
  const file: TrueFile = { path, sizeBytes: bytes.length, entries: [], malformed: 0, quarantined: 0, skipped: 0 };
  for (const line of bytes.toString('utf8').split('\n').slice(0, -1)) {
    const found = LINE.exec(line);
    if (line === '') file.skipped++;
    else if (found === null) file.malformed++;
    else if (Number(found[5]) < FIRST_YEAR_TAKEN) file.quarantined++;
    else file.entries.push(entryOf(found));
  }
  return file;
}

function entryOf(found: RegExpExecArray): TrueEntry {
  const [, host, user, day, month, year, clock, method, path, number, status, bytes, referrer, userAgent] = found;
  const date = `${year}-${String(MONTHS.indexOf(month) + 1).padStart(2, '0')}-${day}`;
  return {
    number: Number(number),
    timeMs: Date.parse(`${date}T${clock}Z`),
    host,
    user: orNull(user),
    method,
    path,
    status: Number(status),
    bytes: bytes === '-' ? 0 : Number(bytes),
    durationMs: null,
    referrer: orNull(referrer.replaceAll('\\"', '"')),
    userAgent: orNull(userAgent),
  };
}
