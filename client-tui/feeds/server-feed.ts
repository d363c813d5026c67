import type { Readable, Store } from '../../client/connection/store.js';
import { type FeedContext, notifyFailure, pollWhileConnected } from '../../client/feeds/context.js';
import {
  dropBefore,
  EMPTY_SERIES,
  inOrder,
  LIVE_STEP_MS,
  mergeWindows,
  pointOf,
  type Series,
  type WindowPoint,
  wholeWindowStart,
} from '../../client/model/series.js';
import type { AgentCard } from '../../schema/operations/agents.js';
import type { ResultOf } from '../../schema/operations/graphql.js';
import {
  type Figures,
  LiveServerSubscription,
  SeriesQuery,
  type Tops,
  TopsQuery,
} from '../../schema/operations/live.js';
import { GRAPH_POINTS_MAX, GRAPH_SPANS, type GraphSpan, type TableSpan, timeframeUpTo } from '../model/timeframes.js';

type LiveMessage = ResultOf<typeof LiveServerSubscription>['liveWindows'][number];

export interface ServerState {
  agent: AgentCard | null;
  /** The newest event's second; the graph and the figures end there. */
  atMs: number | null;
  sliding: (Figures & Tops) | null;
  /** The 10-second windows: of the graph's shortest span and of the figures. */
  series: Series;
  span: GraphSpan;
  /** The windows of a longer span, as last asked for; null until they are there. */
  long: readonly WindowPoint[] | null;
  tables: TableSpan;
  /** The tables' content where it is not the sliding window's; null until it is there. */
  tops: Tops | null;
}

/** A server's page before anything has come: what its card says. */
export function blankServer(agent: AgentCard, span: GraphSpan, tables: TableSpan): ServerState {
  const atMs = agent.lastEventAt === null ? null : Date.parse(agent.lastEventAt);
  return { agent, atMs, sliding: null, series: EMPTY_SERIES, span, long: null, tables, tops: null };
}

/** Keeps the shortest span and its ragged edge. */
const SERIES_KEPT_MS = GRAPH_SPANS[0]!.ms + 6 * LIVE_STEP_MS;

/** What a live message does to a server's page: pure. */
export function applyLive(state: ServerState, message: LiveMessage): ServerState {
  const atMs = Date.parse(message.sliding.at);
  const series = mergeWindows(state.series, message.windows.map(pointOf));
  return {
    ...state,
    agent: message.agent,
    atMs,
    sliding: message.sliding.stats,
    series: dropBefore(series, atMs - SERIES_KEPT_MS),
  };
}

/** One server: stored windows by query, then live ones merged into them. */
export class ServerFeed {
  private readonly store: Store<ServerState>;
  private readonly stops: (() => void)[];
  /** Answers of an earlier question are not taken. */
  private seriesAsked = 0;
  private topsAsked = 0;
  private changed = true;

  constructor(
    private readonly context: FeedContext,
    agent: AgentCard,
    span: GraphSpan,
    tables: TableSpan,
  ) {
    this.store = context.frames.store(blankServer(agent, span, tables));
    this.stops = [
      // First, so that the poll of a new session finds that everything may have changed.
      context.api.follow(LiveServerSubscription, () => ({ agentId: agent.id }), {
        started: () => {
          this.changed = true;
        },
        next: (data) => {
          for (const message of data.liveWindows) if (message.agent.id === agent.id) this.take(message);
        },
        failed: (error) => notifyFailure(context, 'live windows', error),
      }),
      pollWhileConnected(context, () => this.poll()),
    ];
  }

  get state(): Readable<ServerState> {
    return this.store;
  }

  setSpan(span: GraphSpan): void {
    this.store.update((held) => ({ ...held, span, long: null, tops: held.tables === 'graph' ? null : held.tops }));
    void this.refresh();
  }

  setTables(tables: TableSpan): void {
    this.store.update((held) => ({ ...held, tables, tops: null }));
    void this.loadTops();
  }

  async refresh(): Promise<void> {
    await Promise.all([this.loadSeries(), this.loadTops()]);
  }

  close(): void {
    // Answers that are still on their way find nobody.
    this.seriesAsked += 1;
    this.topsAsked += 1;
    for (const stop of this.stops) stop();
  }

  private take(message: LiveMessage): void {
    const before = this.store.get().atMs;
    this.store.update((held) => applyLive(held, message));
    const first = before === null;
    // The snapshot holds two minutes; what lies before, or was missed, is asked for.
    const { span, tables, atMs } = this.store.get();
    if (message.stale || first) void this.loadSeries();
    if (!span.live || tables === 'graph') this.changed = true;
    if (tables === 'tenSeconds' && windowOf(before) !== windowOf(atMs)) void this.loadTops();
  }

  /** At a session's start everything; then what does not come live, where something changed. */
  private async poll(): Promise<void> {
    if (!this.changed) return;
    this.changed = false;
    await this.refresh();
  }

  private async loadSeries(): Promise<void> {
    const { agent, atMs, span } = this.store.get();
    if (!agent || atMs === null) return;
    this.seriesAsked += 1;
    const asked = this.seriesAsked;
    try {
      const data = await this.context.api.ask(SeriesQuery, {
        agentId: agent.id,
        timeframe: timeframeUpTo(atMs, span.ms),
        maxPoints: GRAPH_POINTS_MAX,
      });
      const points = (data.agent?.traffic?.windows ?? []).map(pointOf);
      // An answer merges by revision whenever it comes; as a whole it is taken only if it is the latest.
      if (span.live) this.store.update((held) => ({ ...held, series: mergeWindows(held.series, points) }));
      else if (asked === this.seriesAsked) this.store.update((held) => ({ ...held, long: points }));
    } catch (error) {
      this.changed = true;
      notifyFailure(this.context, 'graph', error);
    }
  }

  private async loadTops(): Promise<void> {
    const { agent, atMs, span, tables } = this.store.get();
    if (!agent || atMs === null || tables === 'sliding') return;
    this.topsAsked += 1;
    const asked = this.topsAsked;
    const timeframe = tables === 'graph' ? timeframeUpTo(atMs, span.ms) : tenSecondsUpTo(atMs);
    try {
      const data = await this.context.api.ask(TopsQuery, { agentId: agent.id, timeframe });
      const tops = data.agent?.traffic?.total ?? null;
      if (asked === this.topsAsked) this.store.update((held) => ({ ...held, tops }));
    } catch (error) {
      notifyFailure(this.context, 'tables', error);
    }
  }
}

const windowOf = (atMs: number | null): number => Math.floor((atMs ?? 0) / LIVE_STEP_MS);

/** The newest 10 s that are whole, as the figures' middle line has them. */
function tenSecondsUpTo(atMs: number): { from: string; to: string } {
  const start = wholeWindowStart(atMs);
  return { from: new Date(start).toISOString(), to: new Date(start + LIVE_STEP_MS).toISOString() };
}

/** What the graph covers and holds, ended by the newest event; null while there is none. */
export function graphOf(state: ServerState): { fromMs: number; toMs: number; points: WindowPoint[] } | null {
  if (state.atMs === null) return null;
  if (state.span.live) {
    const toMs = (windowOf(state.atMs) + 1) * LIVE_STEP_MS;
    return { fromMs: toMs - state.span.ms, toMs, points: inOrder(state.series) };
  }
  if (state.long === null) return null;
  const toMs = state.atMs + 1_000;
  return { fromMs: toMs - state.span.ms, toMs, points: [...state.long] };
}
