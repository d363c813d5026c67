import { type Api, createApi } from '../connection/api.js';
import { describeFailure } from '../connection/describe.js';
import { Link, type SocketClass } from '../connection/link.js';
import { FrameClock, type Store } from '../connection/store.js';

/** What every feed works with. */
export interface FeedContext {
  api: Api;
  link: Link;
  frames: FrameClock;
  /** Wall clock, ms. */
  now: () => number;
  notice: Store<Notice | null>;
  /** Ends the connection and what is being asked: nothing is left that keeps a process alive. */
  close(): void;
}

/** A line for the user that goes by itself. */
export interface Notice {
  text: string;
  bad: boolean;
  untilMs: number;
}

export interface ServerAddress {
  /** The server's GraphQL address. */
  url: string;
  token: string;
  /** Wall clock, ms. */
  now: () => number;
  /** @default the platform's */
  webSocket?: SocketClass | undefined;
}

/** What feeds need of one server. Does not connect yet: feeds attach to the link first. */
export function openContext({ url, token, now, webSocket }: ServerAddress): FeedContext {
  const frames = new FrameClock(() => performance.now());
  const ending = new AbortController();
  const { signal } = ending;
  const link = new Link({ url, token, frames, now, random: Math.random, signal, webSocket });
  return {
    api: createApi(url, token, link, signal),
    link,
    frames,
    now,
    notice: frames.store<Notice | null>(null),
    close: () => {
      link.close();
      ending.abort();
      frames.stop();
    },
  };
}

const NOTICE_FOR_MS = 6_000;

/** Says something in the footer for some seconds. */
export function notify(context: FeedContext, text: string, bad = false): void {
  context.notice.set({ text, bad, untilMs: context.now() + NOTICE_FOR_MS });
}

/** A failed request while the connection stands is said; while it is lost, the link says enough. */
export function notifyFailure(context: FeedContext, doing: string, error: unknown): void {
  if (context.link.state.get().kind === 'connected') notify(context, `${doing}: ${describeFailure(error)}`, true);
}

/** What changes without any message (a server gone silent, a rule that someone set) is asked for this often. */
export const POLL_EVERY_MS = 10_000;

/** Calls `load` at the start of each session and every 10 s while it lasts. Returns what ends it. */
export function pollWhileConnected(context: FeedContext, load: () => Promise<void>): () => void {
  return context.link.attach(() => {
    void load();
    const timer = setInterval(() => void load(), POLL_EVERY_MS);
    return () => clearInterval(timer);
  });
}
