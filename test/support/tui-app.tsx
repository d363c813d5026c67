import { render } from 'ink-testing-library';
import type { LinkState } from '../../client/connection/link.js';
import { FrameClock, type Store } from '../../client/connection/store.js';
import type { AlertState } from '../../client/feeds/alert-feed.js';
import type { Notice } from '../../client/feeds/context.js';
import { applyLive as applyToFleet, type FleetState } from '../../client/feeds/fleet-feed.js';
import { addEvents, EMPTY_BOOK } from '../../client/model/alerts.js';
import { EMPTY_SERIES } from '../../client/model/series.js';
import { App } from '../../client-tui/app.js';
import type { Feeds } from '../../client-tui/feeds/feeds.js';
import { applyLive as applyToServer, type ServerState } from '../../client-tui/feeds/server-feed.js';
import type { TailFilter } from '../../client-tui/feeds/tail-feed.js';
import { EMPTY_TAIL, setPaused, type TailBook } from '../../client-tui/model/tail.js';
import type { GraphSpan, TableSpan } from '../../client-tui/model/timeframes.js';
import { themeOf } from '../../client-tui/theme.js';
import type { AgentCard } from '../../schema/operations/agents.js';
import { agentCard, alertEvent, liveMessage, rule } from './tui.js';

/** The terminal client over data that stands still, with a driver that reads like its manual. */

export const EVENT_AT = '2019-02-07T21:19:03Z';
export const SERVERS: AgentCard[] = [
  agentCard(),
  agentCard({ id: 'a2', name: 'web-2', status: 'IDLE' }),
  agentCard({ id: 'a10', name: 'web-10', status: 'OFFLINE' }),
];

const fired = alertEvent({});
const ended = alertEvent({
  id: 'e2',
  type: 'RECOVERED',
  at: '2019-02-07T21:14:03Z',
  startedBy: { id: 'e1' },
  message: 'High traffic recovered - hits = 9.98, recovered at 2019-02-07T21:14:03Z',
});
const firing = alertEvent({
  id: 'e3',
  at: '2019-02-07T21:18:00Z',
  agent: { id: 'a2' },
  agentName: 'web-2',
  message: 'High traffic generated an alert - hits = 12.00, triggered at 2019-02-07T21:18:00Z',
});

export interface AppOptions {
  columns?: number;
  rows?: number;
  agentName?: string;
  env?: Record<string, string>;
  nowMs?: number;
  servers?: AgentCard[];
  setThreshold?: (ruleId: string, threshold: number) => Promise<unknown>;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** A screen that has not changed for so long is drawn to its end. */
const STILL_MS = 30;
const SEEN_WITHIN_MS = 3_000;

export async function openApp(options: AppOptions = {}) {
  const { columns = 120, rows = 40, agentName, env = {}, servers = SERVERS } = options;
  const nowMs = options.nowMs ?? Date.parse(EVENT_AT) + 1_000;
  const frames = new FrameClock(() => 0, 0);
  const messages = servers.map((agent, index) => liveMessage(agent, EVENT_AT, 100 * (index + 1)));
  const empty: FleetState = {
    loaded: true,
    agents: new Map(servers.map((each) => [each.id, each])),
    total: servers.length,
    live: new Map(),
  };
  const fleet = frames.store<FleetState>(applyToFleet(empty, messages));
  const alerts = frames.store<AlertState>({
    book: addEvents(EMPTY_BOOK, [fired, ended, firing]),
    rules: [rule()],
    loaded: true,
    older: 'none',
  });
  const link = frames.store<LinkState>({ kind: 'connected', sinceMs: 0, again: false });
  const notice = frames.store<Notice | null>(null);
  const openServer = (agent: AgentCard, span: GraphSpan, tables: TableSpan) => {
    const blank: ServerState = {
      agent,
      atMs: null,
      sliding: null,
      series: EMPTY_SERIES,
      span,
      long: null,
      tables,
      tops: null,
    };
    const message = messages.find((each) => each.agent.id === agent.id);
    const state = frames.store<ServerState>(message ? applyToServer(blank, message) : blank);
    return {
      state,
      setSpan: (next: GraphSpan) => state.update((held) => ({ ...held, span: next, long: [] })),
      setTables: (next: TableSpan) => state.update((held) => ({ ...held, tables: next })),
      refresh: async () => undefined,
      close: () => undefined,
    };
  };
  const tails: { agentId: string; filter: TailFilter; book: Store<TailBook> }[] = [];
  const openTail = (agentId: string, filter: TailFilter) => {
    const book = frames.store(EMPTY_TAIL);
    const opened = { agentId, filter, book };
    tails.push(opened);
    return {
      state: book,
      setPaused: (paused: boolean) => book.update((held) => setPaused(held, paused)),
      close: () => tails.splice(tails.indexOf(opened), 1),
    };
  };
  const feeds = {
    fleet: { state: fleet, search: () => undefined, refresh: async () => undefined },
    alerts: { state: alerts, open: async () => undefined, setThreshold: options.setThreshold },
    link,
    notice,
    context: { notice, now: () => nowMs },
    openServer,
    openTail,
    refresh: () => undefined,
    close: () => undefined,
  } as unknown as Feeds;
  const app = render(
    <App feeds={feeds} tenant="default" theme={themeOf(env)} agentName={agentName} now={() => nowMs} />,
  );
  /** Waits until nothing changes any more. */
  const settle = async () => {
    for (let before = ''; before !== app.lastFrame(); await pause(STILL_MS)) before = app.lastFrame() ?? '';
  };
  /** Waits until a text is on the screen. */
  const see = async (wanted: string | RegExp) => {
    const isThere = () => {
      const frame = app.lastFrame() ?? '';
      return typeof wanted === 'string' ? frame.includes(wanted) : wanted.test(frame);
    };
    for (let waited = 0; !isThere() && waited < SEEN_WITHIN_MS; waited += STILL_MS) await pause(STILL_MS);
    if (!isThere()) throw new Error(`"${wanted}" is not on the screen:\n${app.lastFrame()}`);
  };
  const resize = async (size: { columns: number; rows: number }) => {
    for (const [name, value] of Object.entries(size))
      Object.defineProperty(app.stdout, name, { value, configurable: true });
    app.stdout.emit('resize');
    await settle();
  };
  await resize({ columns, rows });
  return {
    /** The screen's lines, without what pads them. */
    lines: () => (app.lastFrame() ?? '').split('\n').map((line) => line.trimEnd()),
    text: () => app.lastFrame() ?? '',
    /** Presses keys one after the other. */
    press: async (...keys: string[]) => {
      for (const key of keys) {
        app.stdin.write(key);
        await settle();
      }
    },
    see,
    resize,
    settle,
    link,
    fleet,
    alerts,
    /** Logs that are followed now. */
    tails,
    close: () => {
      app.unmount();
      frames.stop();
    },
  };
}
