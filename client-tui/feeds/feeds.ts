import { performance } from 'node:perf_hooks';
import type { AgentCard } from '../../schema/operations/agents.js';
import { createApi } from '../connection/api.js';
import { Link, type LinkState } from '../connection/link.js';
import { FrameClock, type Readable, type Store } from '../connection/store.js';
import type { GraphSpan, TableSpan } from '../model/timeframes.js';
import { AlertFeed } from './alert-feed.js';
import type { FeedContext, Notice } from './context.js';
import { FleetFeed } from './fleet-feed.js';
import { ServerFeed } from './server-feed.js';
import { TailFeed, type TailFilter } from './tail-feed.js';

/** All that the client knows of the server: what pages and plain lines are made from. */
export interface Feeds {
  fleet: FleetFeed;
  alerts: AlertFeed;
  link: Readable<LinkState>;
  notice: Store<Notice | null>;
  context: FeedContext;
  openServer(agent: AgentCard, span: GraphSpan, tables: TableSpan): ServerFeed;
  /** A server's log, as lines come in. */
  openTail(agentId: string, filter: TailFilter): TailFeed;
  /** Asks again for everything; while disconnected, tries to connect at once. */
  refresh(): void;
  /** Ends all subscriptions and the connection: nothing is left that keeps a process alive. */
  close(): void;
}

export interface FeedsOptions {
  url: string;
  token: string;
  /** Wall clock, ms. */
  now: () => number;
}

/** The way to the server, which is made again whenever it is lost. */
export interface Connection {
  context: FeedContext;
  link: Link;
  close(): void;
}

/** Connects once what is to be followed is attached: `link.connect()`. */
export function openConnection({ url, token, now }: FeedsOptions): Connection {
  const frames = new FrameClock(() => performance.now());
  const ending = new AbortController();
  const { signal } = ending;
  const link = new Link({ url, token, frames, now, random: Math.random, signal });
  const api = createApi(url, token, link, signal);
  const context: FeedContext = { api, link, frames, now, notice: frames.store<Notice | null>(null) };
  return {
    context,
    link,
    close: () => {
      link.close();
      ending.abort();
      frames.stop();
    },
  };
}

/** Connects, and begins to follow servers and alerts. */
export function openFeeds(options: FeedsOptions): Feeds {
  const { context, link, close } = openConnection(options);
  const fleet = new FleetFeed(context);
  const alerts = new AlertFeed(context);
  link.connect();
  return {
    fleet,
    alerts,
    link: link.state,
    notice: context.notice,
    context,
    openServer: (agent, span, tables) => new ServerFeed(context, agent, span, tables),
    openTail: (agentId, filter) => new TailFeed(context, agentId, filter),
    refresh: () => {
      void link.retry();
      void fleet.refresh();
      void alerts.refresh();
    },
    close: () => {
      fleet.close();
      alerts.close();
      close();
    },
  };
}
