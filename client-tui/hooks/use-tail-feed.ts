import { useEffect, useState } from 'react';
import type { Readable } from '../../client/connection/store.js';
import { useStore } from '../../client/hooks/use-store.js';
import type { Feeds } from '../feeds/feeds.js';
import type { TailFeed } from '../feeds/tail-feed.js';
import type { Tailing } from '../model/screen.js';
import { EMPTY_TAIL, type TailBook } from '../model/tail.js';

const NOTHING: Readable<TailBook> = { get: () => EMPTY_TAIL, subscribe: () => () => undefined };

/** Follows the log of the server whose page is open, while it is looked at. */
export function useTailFeed(feeds: Feeds, agent: { id: string } | undefined, tailing: Tailing | null): TailBook {
  const [feed, setFeed] = useState<TailFeed | null>(null);
  const agentId = tailing ? agent?.id : undefined;
  const statusMin = tailing?.statusMin ?? null;
  const search = tailing?.text || null;
  useEffect(() => {
    if (agentId === undefined) return;
    const opened = feeds.openTail(agentId, { statusMin, search });
    setFeed(opened);
    return () => {
      opened.close();
      setFeed(null);
    };
  }, [feeds, agentId, statusMin, search]);
  const paused = tailing?.paused ?? false;
  useEffect(() => feed?.setPaused(paused), [feed, paused]);
  return useStore(feed ? feed.state : NOTHING);
}
