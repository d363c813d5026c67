import type { TrueEntry } from './truth.js';

/** Widths of windows, by the names of the API; months are told apart by the calendar, UTC. */
export const WIDTHS_MS = { SECONDS_10: 10_000, MINUTE: 60_000, HOUR: 3_600_000, DAY: 86_400_000, MONTH: null } as const;
export type Width = keyof typeof WIDTHS_MS;

export interface Window {
  startMs: number;
  endMs: number;
}

export function windowOf(timeMs: number, width: Width): Window {
  const widthMs = WIDTHS_MS[width];
  if (widthMs === null) {
    const at = new Date(timeMs);
    const month = (more: number) => Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + more, 1);
    return { startMs: month(0), endMs: month(1) };
  }
  const startMs = Math.floor(timeMs / widthMs) * widthMs;
  return { startMs, endMs: startMs + widthMs };
}

/** Entries by the start of their window, in order. */
export function byWindow<Entry extends TrueEntry>(entries: readonly Entry[], width: Width): Map<number, Entry[]> {
  const windows = new Map<number, Entry[]>();
  for (const entry of entries) {
    const { startMs } = windowOf(entry.timeMs, width);
    const window = windows.get(startMs);
    if (window === undefined) windows.set(startMs, [entry]);
    else window.push(entry);
  }
  return new Map([...windows].sort(([a], [b]) => a - b));
}

const CLASSES = ['informational', 'success', 'redirection', 'clientError', 'serverError'];

/** Whether its status is of a class: 4 is 4xx. */
export const isOf = (statusClass: number, { status }: TrueEntry): boolean => Math.floor(status / 100) === statusClass;

export interface Numbers {
  hits: number;
  bytes: number;
  peakHitsPerSecond: number;
  status: Record<string, number>;
}

/** @param agentOf who wrote an entry: the peak is that of one agent. */
export function numbersOf<Entry extends TrueEntry>(
  entries: readonly Entry[],
  agentOf: (entry: Entry) => string,
): Numbers {
  const status: Record<string, number> = Object.fromEntries([...CLASSES, 'other'].map((name) => [name, 0]));
  const seconds = new Map<string, number>();
  let bytes = 0;
  for (const entry of entries) {
    status[CLASSES[Math.floor(entry.status / 100) - 1] ?? 'other']++;
    bytes += entry.bytes;
    const second = `${agentOf(entry)} ${Math.floor(entry.timeMs / 1_000)}`;
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  let peakHitsPerSecond = 0;
  for (const hits of seconds.values()) peakHitsPerSecond = Math.max(peakHitsPerSecond, hits);
  return { hits: entries.length, bytes, peakHitsPerSecond, status };
}

/** `/` and the text up to the second slash; another path is its own. */
const sectionOf = (path: string): string => /^\/[^/]*/.exec(path)?.[0] ?? path;

const KEYS: Record<string, (entry: TrueEntry) => string | null> = {
  SECTION: ({ path }) => sectionOf(path),
  PATH: ({ path }) => path,
  HOST: ({ host }) => host,
  USER: ({ user }) => user,
  METHOD: ({ method }) => method,
  STATUS: ({ status }) => String(status),
  REFERRER: ({ referrer }) => referrer,
  USER_AGENT: ({ userAgent }) => userAgent,
};
export const DIMENSIONS = Object.keys(KEYS);

export interface Top {
  key: string;
  hits: number;
  bytes: number;
  clientErrors: number;
  serverErrors: number;
  maxError: number;
}

/** All keys of a dimension, the heaviest first, ties by key: there are few enough that all are exact. */
export function topsOf(entries: readonly TrueEntry[], dimension: string): Top[] {
  const tops = new Map<string, Top>();
  for (const entry of entries) {
    const key = KEYS[dimension](entry);
    if (key === null) continue;
    let top = tops.get(key);
    if (top === undefined)
      tops.set(key, (top = { key, hits: 0, bytes: 0, clientErrors: 0, serverErrors: 0, maxError: 0 }));
    top.hits++;
    top.bytes += entry.bytes;
    if (isOf(5, entry)) top.serverErrors++;
    if (isOf(4, entry)) top.clientErrors++;
  }
  return [...tops.values()].sort((a, b) => b.hits - a.hits || (a.key < b.key ? -1 : 1));
}

export type Sizes = { p50: number; p90: number; p95: number; p99: number; max: number };
const RANKS = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 };
/** What the sketches promise, and a little for the rounding of doubles. */
const ERROR_MAX = 0.01 + 1e-9;

/** Which percentile of the sizes lies beyond its bound: nearest rank, within 1 %, the maximum exact. Null: none. */
export function wrongSize(entries: readonly TrueEntry[], size: Sizes): string | null {
  const sorted = entries.map(({ bytes }) => bytes).sort((a, b) => a - b);
  if (size.max !== sorted.at(-1)) return `max ${size.max}, not ${sorted.at(-1)}`;
  for (const [name, rank] of Object.entries(RANKS)) {
    const exact = sorted[Math.max(0, Math.ceil(rank * sorted.length) - 1)];
    const given = size[name as keyof typeof RANKS];
    if (Math.abs(given - exact) > exact * ERROR_MAX) return `${name} ${given}, not within 1 % of ${exact}`;
  }
  return null;
}

export const distinctHostsOf = (entries: readonly TrueEntry[]): number => new Set(entries.map(({ host }) => host)).size;
