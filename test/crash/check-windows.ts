import { isDeepStrictEqual } from 'node:util';
import type { Truth } from './check.js';
import {
  byWindow,
  DIMENSIONS,
  distinctHostsOf,
  type Numbers,
  numbersOf,
  type Sizes,
  type Top,
  topsOf,
  type Width,
  windowOf,
  wrongSize,
} from './expected.js';
import type { ServerUnderFire } from './processes.js';
import type { TrueEntry } from './truth.js';

/** Windows of one query; where so many in a row are empty, the next query begins. */
const WINDOWS_AT_ONCE = 60;
const EMPTY_WINDOWS_MAX = 12;
const QUERIES_AT_ONCE = 2;
/** Above the keys that a dimension has. */
const KEYS_MAX = 1_000;

export const NUMBERS = `hits bytes peakHitsPerSecond
  status { informational success redirection clientError serverError other }`;
export const BREAKDOWN = `distinctHosts size { p50 p90 p95 p99 max } ${DIMENSIONS.map(
  (name) =>
    `${name}: top(dimension: ${name}, first: ${KEYS_MAX}) { key hits bytes clientErrors serverErrors maxError }`,
).join(' ')}`;
const STATS = `{ ${NUMBERS} ${BREAKDOWN} }`;
const SERIES = `query ($agentIds: [ID!], $timeframe: TimeframeInput!, $resolution: Resolution!) {
  traffic(agentIds: $agentIds, timeframe: $timeframe) {
    windows(resolution: $resolution) { start stats ${STATS} } } }`;
const TOTAL = `query ($agentIds: [ID!], $timeframe: TimeframeInput!) {
  traffic(agentIds: $agentIds, timeframe: $timeframe) { total ${STATS} } }`;

export interface Stats extends Numbers {
  distinctHosts: number;
  size: Sizes | null;
  [dimension: string]: unknown;
}

interface Scope {
  name: string;
  /** Null: all agents. */
  agentIds: string[] | null;
  entries: TrueEntry[];
}

/**
 * Compares every window that holds an entry, and the empty ones near it, at every resolution: each agent's, and all
 * agents' together. Returns what differs, and how many were compared.
 */
export async function checkWindows(server: ServerUnderFire, truth: Truth): Promise<{ wrong: string[]; count: number }> {
  const scopes: Scope[] = truth.agents.map(({ name, id, entries }) => ({ name, agentIds: [id], entries }));
  scopes.push({ name: 'all', agentIds: null, entries: truth.agents.flatMap(({ entries }) => entries) });
  const wrong: string[] = [];
  let count = 0;
  const compare = (what: string, startMs: number, stats: Stats, entries: readonly TrueEntry[]) => {
    count++;
    const difference = differenceOf(stats, entries, truth.agentOf);
    if (difference !== null) wrong.push(`${what} ${new Date(startMs).toISOString()}: ${difference}`);
  };
  const tasks: (() => Promise<void>)[] = [];
  for (const scope of scopes) {
    for (const width of ['SECONDS_10', 'MINUTE', 'HOUR', 'DAY'] as const) {
      const windows = byWindow(scope.entries, width);
      for (const span of spansOf([...windows.keys()], width)) {
        tasks.push(async () => {
          const variables = { agentIds: scope.agentIds, timeframe: span, resolution: width };
          const { traffic } = await ask(server, SERIES, variables);
          for (const { start, stats } of traffic.windows as { start: string; stats: Stats }[]) {
            const startMs = Date.parse(start);
            compare(`${scope.name} ${width}`, startMs, stats, windows.get(startMs) ?? []);
          }
        });
      }
    }
    for (const [startMs, entries] of byWindow(scope.entries, 'MONTH')) {
      const timeframe = timeframeOf(startMs, windowOf(startMs, 'MONTH').endMs);
      tasks.push(async () => {
        const { traffic } = await ask(server, TOTAL, { agentIds: scope.agentIds, timeframe });
        compare(`${scope.name} MONTH`, startMs, traffic.total, entries);
      });
    }
    tasks.push(async () => {
      const { traffic } = await ask(server, TOTAL, { agentIds: scope.agentIds, timeframe: timeframeOf(0, Date.now()) });
      compare(`${scope.name} all time`, 0, traffic.total, scope.entries);
    });
  }
  await Promise.all(
    Array.from({ length: QUERIES_AT_ONCE }, async () => {
      for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) await task();
    }),
  );
  return { wrong, count };
}

async function ask(server: ServerUnderFire, query: string, variables: object) {
  const { data, errors } = await server.gql(query, variables);
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const timeframeOf = (fromMs: number, toMs: number) => ({
  from: new Date(fromMs).toISOString(),
  to: new Date(toMs).toISOString(),
});

/** Spans that hold all these windows, each with an empty one at its edges. */
function spansOf(starts: readonly number[], width: Width) {
  const widthMs = windowOf(0, width).endMs;
  const spans: { fromMs: number; toMs: number }[] = [];
  for (const startMs of starts) {
    const span = spans.at(-1);
    const fits =
      span && startMs <= span.toMs + EMPTY_WINDOWS_MAX * widthMs && startMs - span.fromMs < WINDOWS_AT_ONCE * widthMs;
    if (fits) span.toMs = startMs + widthMs;
    else spans.push({ fromMs: startMs, toMs: startMs + widthMs });
  }
  return spans.map(({ fromMs, toMs }) => timeframeOf(fromMs - widthMs, toMs + widthMs));
}

/** The first of a window's figures that its entries contradict; null: none. */
export function differenceOf<Entry extends TrueEntry>(
  stats: Stats,
  entries: readonly Entry[],
  agentOf: (entry: Entry) => string,
): string | null {
  return differenceOfNumbers(stats, entries, agentOf) ?? differenceOfBreakdown(stats, entries);
}

export function differenceOfNumbers<Entry extends TrueEntry>(
  { hits, bytes, peakHitsPerSecond, status }: Numbers,
  entries: readonly Entry[],
  agentOf: (entry: Entry) => string,
): string | null {
  const numbers = numbersOf(entries, agentOf);
  const given = { hits, bytes, peakHitsPerSecond, status: { ...status } };
  return isDeepStrictEqual(given, numbers) ? null : `${JSON.stringify(given)}, not ${JSON.stringify(numbers)}`;
}

function differenceOfBreakdown(stats: Stats, entries: readonly TrueEntry[]): string | null {
  const { distinctHosts, size } = stats;
  if (distinctHosts !== distinctHostsOf(entries))
    return `${distinctHosts} distinct hosts, not ${distinctHostsOf(entries)}`;
  if ((size === null) !== (entries.length === 0)) return `size ${JSON.stringify(size)} of ${entries.length} entries`;
  const wrong = size && wrongSize(entries, size);
  if (wrong !== null) return `size ${wrong}`;
  for (const dimension of DIMENSIONS) {
    const tops = stats[dimension] as Top[];
    const expected = topsOf(entries, dimension);
    const at = expected.findIndex((top, i) => !isDeepStrictEqual({ ...tops[i] }, top));
    if (at >= 0 || tops.length !== expected.length)
      return `${dimension}: ${tops.length} keys, not ${expected.length}: ${JSON.stringify(tops[at])}, not ${JSON.stringify(expected[at])}`;
  }
  return null;
}
