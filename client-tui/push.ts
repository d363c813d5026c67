import type { AlertFeed } from '../client/feeds/alert-feed.js';
import { gatherAlerts } from '../client/feeds/gather.js';
import { pushText } from '../client/model/push.js';

/** Has `push` called with a line of text whenever alerts fire. Returns what ends it. */
export function pushAlerts(feed: AlertFeed, push: (text: string) => void, now: () => number): () => void {
  return gatherAlerts(feed, (events) => {
    const text = pushText(events, now());
    if (text !== null) push(text);
  });
}
