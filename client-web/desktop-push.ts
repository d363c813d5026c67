import type { FrameClock, Readable, Store } from '../client/connection/store.js';
import type { AlertFeed } from '../client/feeds/alert-feed.js';
import { gatherAlerts } from '../client/feeds/gather.js';
import { isBeginning } from '../client/model/alerts.js';
import { isNews, pushLine } from '../client/model/push.js';
import type { Kept } from '../client/token.js';
import type { AlertEventCard } from '../schema/operations/alerts.js';

const STORAGE_KEY = 'hlm-notify';
/** Of what comes at once so many are shown one by one: a desktop covered by them tells nothing. */
const SHOWN_AT_ONCE = 5;

/** What a browser shows on the desktop. */
export interface Note {
  title: string;
  body: string;
  /** One that is shown again under its tag takes its own place. */
  tag: string;
  /** The event that a click opens; null: the page alone. */
  eventId: string | null;
}

/** What a browser can do. */
export interface Desktop {
  /** Why it shows nothing to this page at all. */
  readonly obstacle: 'insecure' | 'unsupported' | null;
  permission(): NotificationPermission;
  /** Asks the user, at a click of theirs. */
  ask(): Promise<NotificationPermission>;
  /** @throws where only pages that were installed may (Chrome on Android). */
  show(note: Note): void;
}

type NotificationPermission = 'default' | 'granted' | 'denied';

export type PushState = 'off' | 'asking' | 'on' | 'refused' | 'insecure' | 'unsupported';

/** Alerts as notifications of the browser: switched on and off on this device, for all tabs. */
export class DesktopPush {
  private readonly store: Store<PushState>;
  private failed = false;

  /** @param now wall clock, ms */
  constructor(
    private readonly desktop: Desktop,
    private readonly kept: Kept,
    frames: FrameClock,
    private readonly now: () => number,
  ) {
    this.store = frames.store(this.standing());
  }

  get state(): Readable<PushState> {
    return this.store;
  }

  /** Shows what comes, while it is on. Returns what ends it. */
  follow(feed: AlertFeed): () => void {
    return gatherAlerts(
      feed,
      (events) => this.tell(events),
      () => this.standing() === 'on',
    );
  }

  async turnOn(): Promise<void> {
    this.kept.setItem(STORAGE_KEY, 'on');
    if (this.desktop.obstacle === null && this.desktop.permission() === 'default') {
      this.store.set('asking');
      await this.desktop.ask();
    }
    this.look();
  }

  turnOff(): void {
    this.kept.removeItem(STORAGE_KEY);
    this.look();
  }

  /** One of no event, to see that it works. */
  try(): void {
    this.show([{ title: 'HTTP Logs Monitor', body: 'Alerts are shown here.', tag: 'hlm-try', eventId: null }]);
  }

  /** Looks again whether it is on: another tab, or the browser's settings, may have changed it. */
  look(): void {
    this.store.set(this.standing());
  }

  private tell(events: readonly AlertEventCard[]): void {
    const news = events.filter((event) => isNews(event, this.now()));
    if (this.standing() === 'on') this.show(notesOf(news));
  }

  private show(notes: readonly Note[]): void {
    try {
      for (const note of notes) this.desktop.show(note);
    } catch {
      this.failed = true;
      this.look();
    }
  }

  private standing(): PushState {
    const { obstacle } = this.desktop;
    if (obstacle !== null) return obstacle;
    if (this.failed) return 'unsupported';
    const permission = this.desktop.permission();
    if (permission === 'denied') return 'refused';
    return permission === 'granted' && this.kept.getItem(STORAGE_KEY) === 'on' ? 'on' : 'off';
  }
}

/** What is shown of events that came together. */
function notesOf(events: readonly AlertEventCard[]): Note[] {
  const notes = events.slice(0, SHOWN_AT_ONCE).map(noteOf);
  const more = events.length - notes.length;
  if (more === 0) return notes;
  return [...notes, { title: `${more} more alerts`, body: 'At the same time.', tag: 'hlm-more', eventId: null }];
}

function noteOf(event: AlertEventCard): Note {
  const sign = isBeginning(event) ? '▲' : '▼';
  return {
    title: pushLine(`${sign} ${event.agentName}: ${event.ruleName}`),
    body: pushLine(event.message),
    tag: event.id,
    eventId: event.id,
  };
}
