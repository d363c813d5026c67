import fc from 'fast-check';
import type { LogBatch, TextColumn } from '../../schema/log-batch.js';
import type { TrueEntry } from '../crash/truth.js';
import type { EntryInput } from '../support/ingest.js';

/** Half a minute before a leap year's February: windows of every width begin soon after. */
export const BASE_MS = Date.UTC(2024, 0, 31, 23, 59, 30);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Where entries lie, so that few queries see all windows: each on both sides of a day's border, two of a month's. */
export const CLUSTERS_MS = [0, DAY_MS, 29 * DAY_MS].map((laterMs) => BASE_MS + laterMs);
export const CLUSTER_SECONDS = 100;

export type Kind = 'entry' | 'malformed' | 'blank' | 'before 1990' | 'in an hour' | 'out of range';

/** A line of a source, as it is drawn: what it says, without its number. */
export interface Draft extends Omit<TrueEntry, 'number'> {
  kind: Kind;
}

export interface Line {
  kind: Kind;
  entry: TrueEntry;
  /** As its source holds it, the line's end included. */
  text: Buffer;
}

const times = fc
  .record({
    cluster: fc.constantFrom(0, 0, ...CLUSTERS_MS.keys()),
    second: fc.integer({ min: 0, max: CLUSTER_SECONDS - 1 }),
    ms: fc.constantFrom(0, 0, 1, 999),
  })
  .map(({ cluster, second, ms }) => CLUSTERS_MS[cluster] + second * 1_000 + ms);

const kinds = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Kind>('entry') },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Kind>('malformed', 'blank', 'before 1990', 'in an hour', 'out of range'),
  },
);

const draft = fc.record<Draft>({
  kind: kinds,
  timeMs: times,
  host: fc.integer({ min: 1, max: 30 }).map((n) => `192.0.2.${n}`),
  user: fc.constantFrom(null, null, 'ann', 'bob'),
  method: fc.constantFrom('GET', 'GET', 'POST'),
  path: fc.constantFrom('/', '/api', '/api/user', '/api/help', '/static/a.css', '/x'),
  status: fc.constantFrom(200, 200, 101, 301, 404, 500, 503, 700),
  bytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100_000 })),
  durationMs: fc.oneof(fc.constantFrom(null, 0, 100), fc.integer({ min: 1, max: 2_000 })),
  referrer: fc.constantFrom(null, 'https://example.org/'),
  userAgent: fc.constantFrom(null, 'curl/8.0', 'Mozilla/5.0'),
});

/** Many of one second, as a burst is: rules fire. */
const burst = fc
  .tuple(draft, fc.integer({ min: 4, max: 12 }))
  .map(([one, count]) => Array.from({ length: count }, (_, i) => ({ ...one, timeMs: one.timeMs + (i % 3) * 500 })));

/** What a batch brings. */
export const drafts: fc.Arbitrary<Draft[]> = fc
  .tuple(fc.array(draft, { minLength: 1, maxLength: 8 }), fc.oneof(fc.constant([]), fc.constant([]), burst))
  .map((parts) => parts.flat());

/** The line of a draft, under its number; those of a time ahead count it from now. */
export function lineOf({ kind, ...said }: Draft, number: number): Line {
  const entry = { ...said, number };
  if (kind === 'before 1990') entry.timeMs = Date.UTC(1990, 0, 1) - 1 - number;
  if (kind === 'in an hour') entry.timeMs = Date.now() + HOUR_MS;
  const text = kind === 'blank' ? '' : kind === 'malformed' ? `line ${number} is none` : JSON.stringify(entry);
  return { kind, entry, text: Buffer.from(`${text}\n`) };
}

/** Whether the agent sends it as an entry; the others it counts. */
export const isSent = ({ kind }: Line): boolean => kind !== 'malformed' && kind !== 'blank';

const targetOf = ({ path, number }: TrueEntry): string => `${path}?n=${number}`;

export function entryInput({ entry }: Line): EntryInput {
  const { timeMs, host, user, method, status, bytes, durationMs, referrer, userAgent } = entry;
  const time = new Date(timeMs).toISOString();
  return { time, host, user, method, path: targetOf(entry), status, bytes, durationMs, referrer, userAgent };
}

/** The compact form, as docs/INGEST.md specifies it; a line out of range has bytes below 0. */
export function wireOf(lines: readonly Line[]): LogBatch {
  const entries = lines.map(({ entry }) => entry);
  const base = entries[0]?.timeMs ?? 0;
  return {
    version: 1,
    count: lines.length,
    base,
    time: entries.map(({ timeMs }, i) => timeMs - (entries[i - 1]?.timeMs ?? base)),
    status: entries.map(({ status }) => status),
    bytes: lines.map(({ kind, entry }) => (kind === 'out of range' ? -1 : entry.bytes)),
    duration: entries.map(({ durationMs }) => durationMs),
    columns: {
      host: column(entries.map(({ host }) => host)),
      user: column(entries.map(({ user }) => user)),
      method: column(entries.map(({ method }) => method)),
      target: column(entries.map(targetOf)),
      referrer: column(entries.map(({ referrer }) => referrer)),
      userAgent: column(entries.map(({ userAgent }) => userAgent)),
    },
  };
}

function column(texts: readonly (string | null)[]): TextColumn {
  const dict = [...new Set(texts)].filter((text) => text !== null);
  return { dict, index: texts.map((text) => (text === null ? 0 : dict.indexOf(text) + 1)) };
}
