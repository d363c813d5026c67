import type { AlertEventCard } from '../../schema/operations/alerts.js';
import type { Timer } from '../connection/timer.js';
import type { AlertFeed } from './alert-feed.js';

/** What comes within it is told together. */
const GATHER_MS = 500;

/**
 * Calls `tell` with the events that come, those of half a second together. Returns what ends it.
 *
 * @param isWanted asked when an event comes; what is wanted later only is not told of what was before
 */
export function gatherAlerts(
  feed: AlertFeed,
  tell: (events: readonly AlertEventCard[]) => void,
  isWanted: () => boolean = () => true,
): () => void {
  let gathered: AlertEventCard[] = [];
  let timer: Timer;
  const tellAll = () => {
    const events = gathered;
    gathered = [];
    timer = undefined;
    tell(events);
  };
  const stop = feed.onLive((event) => {
    if (!isWanted()) return;
    gathered.push(event);
    timer ??= setTimeout(tellAll, GATHER_MS);
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}
