import { BREAKDOWN, differenceOf, differenceOfNumbers, NUMBERS, type Stats } from '../crash/check-windows.js';
import { byWindow, windowOf } from '../crash/expected.js';
import { equal } from './equal.js';
import { BASE_MS, CLUSTER_SECONDS, CLUSTERS_MS } from './lines.js';
import type { Model, ModelEntry } from './model.js';
import type { Real } from './real.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

interface Span {
  fromMs: number;
  toMs: number;
}
/** What one query sees: windows of a width, or the sum of a span. */
interface View extends Span {
  width: 'SECONDS_10' | 'MINUTE' | 'HOUR' | 'DAY' | null;
}

const floor = (ms: number, widthMs: number): number => Math.floor(ms / widthMs) * widthMs;
const LATEST_MS = CLUSTERS_MS.at(-1)! + CLUSTER_SECONDS * 1_000;

/** Around each cluster, an empty window on either side. */
const around = (width: View['width'], widthMs: number): View[] =>
  CLUSTERS_MS.map((fromMs) => ({
    width,
    fromMs: floor(fromMs, widthMs) - widthMs,
    toMs: floor(fromMs + CLUSTER_SECONDS * 1_000 - 1, widthMs) + 2 * widthMs,
  }));

const ALL_TIME: View = { width: null, fromMs: 0, toMs: Date.UTC(2025, 0, 1) };
const VIEWS: readonly View[] = [
  ...around('SECONDS_10', 10_000),
  ...around('MINUTE', MINUTE_MS),
  ...around('HOUR', HOUR_MS),
  { width: 'DAY', fromMs: floor(BASE_MS, DAY_MS) - DAY_MS, toMs: floor(LATEST_MS, DAY_MS) + DAY_MS },
  ...[0, 1, 2].map((month) => ({
    width: null,
    fromMs: Date.UTC(2024, month, 1),
    toMs: windowOf(Date.UTC(2024, month, 1), 'MONTH').endMs,
  })),
  ALL_TIME,
];

interface Scope {
  name: string;
  /** Null: all agents. */
  agentIds: string[] | null;
  entries: ModelEntry[];
}

const timeframeOf = ({ fromMs, toMs }: Span) =>
  `{ from: "${new Date(fromMs).toISOString()}", to: "${new Date(toMs).toISOString()}" }`;

/** Compares windows of every width, with all their figures. */
export const compareTraffic = (model: Model, real: Real): Promise<void> => compareOf(model, real, VIEWS, () => true);

/** Compares the sums of all time, with all their figures, and a part of the windows, in turn. */
export async function compareSomeTraffic(model: Model, real: Real): Promise<void> {
  const inTurn = VIEWS.filter((view, at) => view === ALL_TIME || at % TURNS === model.steps % TURNS);
  await compareOf(model, real, inTurn, (view, at) => view === ALL_TIME || at % 2 === 0);
}

/** Windows finer than an hour are asked of all agents together: they are told by each agent's. */
async function compareOf(model: Model, real: Real, views: readonly View[], isWhole: IsWhole): Promise<void> {
  const coarse = views.filter(({ width }) => width !== 'SECONDS_10' && width !== 'MINUTE');
  await Promise.all(
    scopesOf(model).map((scope) => compareViews(real, scope, scope.agentIds === null ? views : coarse, isWhole)),
  );
}
type IsWhole = (view: View, at: number) => boolean;
/** Steps after which all windows were looked at. */
const TURNS = 3;

/** Compares the sum of any span, as the API tells it. */
export async function compareSpan(model: Model, real: Real, span: Span): Promise<void> {
  await Promise.all(scopesOf(model).map((scope) => compareViews(real, scope, [{ ...span, width: null }], () => true)));
}

function scopesOf({ agents }: Model): Scope[] {
  const scopes: Scope[] = agents.map(({ name, id, entries }) => ({ name, agentIds: [id], entries }));
  return [...scopes, { name: 'all agents', agentIds: null, entries: agents.flatMap(({ entries }) => entries) }];
}

async function compareViews(real: Real, scope: Scope, views: readonly View[], isWhole: IsWhole): Promise<void> {
  const parts = views.map((view, at) => {
    const { width, ...span } = view;
    const stats = isWhole(view, at) ? '{ ...Numbers ...Breakdown }' : '{ ...Numbers }';
    const asked = width === null ? `total ${stats}` : `windows(resolution: ${width}) { start stats ${stats} }`;
    return `v${at}: traffic(agentIds: $agentIds, timeframe: ${timeframeOf(span)}) { ${asked} }`;
  });
  const breakdown = views.some(isWhole) ? `fragment Breakdown on TrafficStats { ${BREAKDOWN} }` : '';
  const fragments = `fragment Numbers on TrafficStats { ${NUMBERS} } ${breakdown}`;
  const query = `query ($agentIds: [ID!]) { ${parts.join('\n')} } ${fragments}`;
  const data = await real.ask(query, { agentIds: scope.agentIds });
  const counted = scope.entries.filter((entry) => entry.counted);
  const differ = (what: string, stats: Stats, entries: readonly ModelEntry[], whole: boolean) => {
    const difference = (whole ? differenceOf : differenceOfNumbers)(stats, entries, ({ agent }) => agent);
    equal(difference, null, `traffic of ${scope.name}, ${what}: ${difference}`);
  };
  for (const [at, view] of views.entries()) {
    const { width, fromMs, toMs } = view;
    const within = counted.filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs);
    const { total, windows } = data[`v${at}`] as { total: Stats; windows: { start: string; stats: Stats }[] };
    const name = `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`;
    if (width === null) {
      differ(name, total, within, isWhole(view, at));
      continue;
    }
    const expected = byWindow(within, width);
    for (const { start, stats } of windows) {
      const startMs = Date.parse(start);
      differ(`${width} ${start}`, stats, expected.get(startMs) ?? [], isWhole(view, at));
      expected.delete(startMs);
    }
    equal([...expected.keys()], [], `traffic of ${scope.name}, ${width} in ${name}: windows are missing`);
  }
}
