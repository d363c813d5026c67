import { type AgentCard, AgentsQuery } from '../../schema/operations/agents.js';
import type { ResultOf } from '../../schema/operations/graphql.js';
import { type Figures, LiveFleetSubscription } from '../../schema/operations/live.js';
import type { Readable, Store } from '../connection/store.js';
import type { Timer } from '../connection/timer.js';
import { dropBefore, EMPTY_SERIES, LIVE_STEP_MS, mergeWindows, pointOf, type Series } from '../model/series.js';
import { type FeedContext, notifyFailure, pollWhileConnected } from './context.js';

/** A page of servers; small enough for any limit on a query's cost. */
const PAGE = 50;
/** A list that a person scrolls; more are found by searching. */
const AGENTS_MAX = 500;
/** What a list shows of the past: the whole windows of the last two minutes. */
export const RECENT_WINDOWS = 12;
const SEARCH_AFTER_MS = 200;

type LiveMessage = ResultOf<typeof LiveFleetSubscription>['liveWindows'][number];

export interface AgentLive {
  series: Series;
  /** The newest event's second. */
  atMs: number;
  sliding: Figures;
}

export interface FleetState {
  /** The server has answered at least once. */
  loaded: boolean;
  agents: ReadonlyMap<string, AgentCard>;
  total: number;
  live: ReadonlyMap<string, AgentLive>;
}

/** The servers that the search leaves, by name. */
export function visibleAgents(agents: FleetState['agents'], search: string): AgentCard[] {
  const wanted = search.toLowerCase();
  return [...agents.values()]
    .filter((agent) => agent.name.toLowerCase().includes(wanted))
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }) || (a.id < b.id ? -1 : 1));
}

/** What a live message does to the fleet: pure. */
export function applyLive(state: FleetState, messages: readonly LiveMessage[]): FleetState {
  const agents = new Map(state.agents);
  const live = new Map(state.live);
  for (const { agent, windows, sliding } of messages) {
    agents.set(agent.id, agent);
    const atMs = Date.parse(sliding.at);
    const series = mergeWindows(live.get(agent.id)?.series ?? EMPTY_SERIES, windows.map(pointOf));
    const kept = dropBefore(series, atMs - (RECENT_WINDOWS + 1) * LIVE_STEP_MS);
    live.set(agent.id, { series: kept, atMs, sliding: sliding.stats });
  }
  return { ...state, loaded: true, agents, total: Math.max(state.total, agents.size), live };
}

/** All servers of the tenant: their cards by query, their windows live. */
export class FleetFeed {
  private readonly store: Store<FleetState>;
  private readonly stops: (() => void)[];
  private searchTimer: Timer;

  constructor(private readonly context: FeedContext) {
    this.store = context.frames.store<FleetState>({
      loaded: false,
      agents: new Map(),
      total: 0,
      live: new Map(),
    });
    this.stops = [
      pollWhileConnected(context, () => this.refresh()),
      context.api.follow(LiveFleetSubscription, () => ({}), {
        next: (data) => this.store.update((held) => applyLive(held, data.liveWindows)),
        failed: (error) => notifyFailure(context, 'live windows', error),
      }),
    ];
  }

  get state(): Readable<FleetState> {
    return this.store;
  }

  /** Asks the server for what a search may find beyond the servers that are known. */
  search(text: string): void {
    clearTimeout(this.searchTimer);
    const { agents, total } = this.store.get();
    if (text !== '' && agents.size < total) {
      this.searchTimer = setTimeout(() => void this.load(text), SEARCH_AFTER_MS);
    }
  }

  refresh(): Promise<void> {
    return this.load('');
  }

  close(): void {
    clearTimeout(this.searchTimer);
    for (const stop of this.stops) stop();
  }

  private async load(search: string): Promise<void> {
    const found = new Map<string, AgentCard>();
    try {
      let after: string | null = null;
      let total = 0;
      do {
        const page: ResultOf<typeof AgentsQuery> = await this.context.api.ask(AgentsQuery, {
          first: PAGE,
          after,
          search: search === '' ? null : search,
        });
        total = page.agents.totalCount;
        for (const agent of page.agents.nodes) found.set(agent.id, agent);
        after = page.agents.pageInfo.hasNextPage ? page.agents.pageInfo.endCursor : null;
      } while (after !== null && found.size < AGENTS_MAX);
      this.take(search, found, total);
    } catch (error) {
      notifyFailure(this.context, 'list of servers', error);
    }
  }

  private take(search: string, found: ReadonlyMap<string, AgentCard>, total: number): void {
    this.store.update((held) => {
      if (search !== '') return { ...held, agents: new Map([...held.agents, ...found]) };
      // A whole list also tells which are gone; a cut one does not.
      const agents = found.size >= total ? found : new Map([...held.agents, ...found]);
      return { ...held, loaded: true, agents, total };
    });
  }
}
