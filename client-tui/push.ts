import type { AlertFeed } from '../client/feeds/alert-feed.js';
import { pushText } from '../client/model/push.js';
import type { AlertEventCard } from '../schema/operations/alerts.js';

/** What comes within it is told together. */
const GATHER_MS = 500;

/** Has `push` called with a line of text whenever alerts fire. Returns what ends it. */
export function pushAlerts(feed: AlertFeed, push: (text: string) => void, now: () => number): () => void {
  let gathered: AlertEventCard[] = [];
  let timer: NodeJS.Timeout | undefined;
  const tell = () => {
    const text = pushText(gathered, now());
    gathered = [];
    timer = undefined;
    if (text !== null) push(text);
  };
  const stop = feed.onLive((event) => {
    gathered.push(event);
    timer ??= setTimeout(tell, GATHER_MS);
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}
