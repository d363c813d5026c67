import type { AlertEventCard } from '../../schema/operations/alerts.js';
import type { Timer } from '../connection/timer.js';
import type { AlertFeed } from './alert-feed.js';

/** What comes within it is told together. */
const GATHER_MS = 500;

/** Calls `tell` with the events that come, those of half a second together. Returns what ends it. */
export function gatherAlerts(feed: AlertFeed, tell: (events: readonly AlertEventCard[]) => void): () => void {
  let gathered: AlertEventCard[] = [];
  let timer: Timer;
  const tellAll = () => {
    const events = gathered;
    gathered = [];
    timer = undefined;
    tell(events);
  };
  const stop = feed.onLive((event) => {
    gathered.push(event);
    timer ??= setTimeout(tellAll, GATHER_MS);
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}
