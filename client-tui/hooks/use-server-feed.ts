import { useEffect, useState } from 'react';
import type { Readable } from '../../client/connection/store.js';
import { useStore } from '../../client/hooks/use-store.js';
import type { AgentCard } from '../../schema/operations/agents.js';
import type { Feeds } from '../feeds/feeds.js';
import { blankServer, type ServerFeed, type ServerState } from '../feeds/server-feed.js';
import { GRAPH_SPANS, type TableSpan } from '../model/timeframes.js';

const NOBODY: Readable<ServerState | null> = { get: () => null, subscribe: () => () => undefined };

/** Follows the server whose page is open, and no other. */
export function useServerFeed(
  feeds: Feeds,
  agent: AgentCard | undefined,
  spanIndex: number,
  tables: TableSpan,
): { feed: ServerFeed | null; state: ServerState | null } {
  const [feed, setFeed] = useState<ServerFeed | null>(null);
  const agentId = agent?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a server's page is opened once; what changes later is set below.
  useEffect(() => {
    if (!agent) return;
    const opened = feeds.openServer(agent, GRAPH_SPANS[spanIndex]!, tables);
    setFeed(opened);
    void feeds.alerts.open(agent.id);
    return () => {
      opened.close();
      setFeed(null);
    };
  }, [agentId, feeds]);
  useEffect(() => {
    if (feed && feed.state.get().span !== GRAPH_SPANS[spanIndex]) feed.setSpan(GRAPH_SPANS[spanIndex]!);
  }, [feed, spanIndex]);
  useEffect(() => {
    if (feed && feed.state.get().tables !== tables) feed.setTables(tables);
  }, [feed, tables]);
  const state = useStore<ServerState | null>(feed ? feed.state : NOBODY);
  // Until its feed is there, and while that of the page before still is, the card has to do.
  if (agent && state?.agent?.id !== agentId) {
    return { feed: null, state: blankServer(agent, GRAPH_SPANS[spanIndex]!, tables) };
  }
  return agent ? { feed, state } : { feed: null, state: null };
}
