import type { LinkState } from '../../client/connection/link.js';
import type { Readable, Store } from '../../client/connection/store.js';
import { AlertFeed } from '../../client/feeds/alert-feed.js';
import { type FeedContext, type Notice, openContext, type ServerAddress } from '../../client/feeds/context.js';
import { FleetFeed } from '../../client/feeds/fleet-feed.js';
import type { AgentCard } from '../../schema/operations/agents.js';
import { NodeSocket } from '../connection/node-socket.js';
import type { GraphSpan, TableSpan } from '../model/timeframes.js';
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

/** Connects, and begins to follow servers and alerts. */
export function openFeeds(server: Omit<ServerAddress, 'webSocket'>): Feeds {
  const context = openContext({ ...server, webSocket: NodeSocket });
  const { link } = context;
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
      context.close();
    },
  };
}
