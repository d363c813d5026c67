import { AlertFeed } from '../client/feeds/alert-feed.js';
import { type FeedContext, openContext } from '../client/feeds/context.js';
import { FleetFeed } from '../client/feeds/fleet-feed.js';
import { apiUrl } from './address.js';
import { browserDesktop } from './browser-desktop.js';
import { DesktopPush } from './desktop-push.js';

/** All that the page knows of the server, and the desktop that it tells. */
export interface Board {
  alerts: AlertFeed;
  fleet: FleetFeed;
  push: DesktopPush;
  context: FeedContext;
  close(): void;
}

/** Connects, and begins to follow servers and alerts. */
export function openBoard(token: string): Board {
  const context = openContext({ url: apiUrl(), token, now: Date.now });
  const fleet = new FleetFeed(context);
  const alerts = new AlertFeed(context);
  const push = new DesktopPush(browserDesktop(), localStorage, context.frames, Date.now);
  const stops = [
    push.follow(alerts),
    // A device that slept, or was without a network, does not wait for the next attempt.
    onWindow(['online', 'visibilitychange'], () => void context.link.retry()),
    onWindow(['focus', 'storage'], () => push.look()),
  ];
  context.link.connect();
  return {
    alerts,
    fleet,
    push,
    context,
    close: () => {
      for (const stop of stops) stop();
      fleet.close();
      alerts.close();
      context.close();
    },
  };
}

function onWindow(names: readonly string[], listener: () => void): () => void {
  for (const name of names) addEventListener(name, listener);
  return () => {
    for (const name of names) removeEventListener(name, listener);
  };
}
