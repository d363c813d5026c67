import {
  AcknowledgeAlertMutation,
  type AlertEventCard,
  type AlertEventDetails,
  AlertEventQuery,
  AlertEventsSubscription,
  type AlertRuleCard,
  AlertRulesQuery,
  AlertsQuery,
  OlderAlertsQuery,
  SetThresholdMutation,
} from '../../schema/operations/alerts.js';
import type { Readable, Store } from '../connection/store.js';
import type { Timer } from '../connection/timer.js';
import { type AlertBook, addEvents, EMPTY_BOOK, EVENTS_MAX, reconcile } from '../model/alerts.js';
import { type FeedContext, notifyFailure, pollWhileConnected } from './context.js';

/** History at login, of the tenant and of each server that is opened; and of each page further back. */
const HISTORY = 50;
/** Without a cursor nothing says what came between the question and the subscription: it is asked once more. */
const ASK_AGAIN_AFTER_MS = 1_000;

export interface AlertState {
  book: AlertBook;
  rules: readonly AlertRuleCard[];
  loaded: boolean;
  /** Whether there are events before those of the book. */
  older: 'none' | 'there' | 'loading';
}

/** Alerts of all servers: history by query, then each event once, from the cursor of the last one seen. */
export class AlertFeed {
  private readonly store: Store<AlertState>;
  private readonly stopPolling: () => void;
  private stopFollowing: (() => void) | undefined;
  private cursor: string | null = null;
  /** Where the history goes on backwards. */
  private oldest: string | null = null;
  private eventsMax = EVENTS_MAX;
  private timer: Timer;
  private closed = false;
  private readonly listeners = new Set<(event: AlertEventCard) => void>();
  /** Told of though they came by a query: before there was a cursor. */
  private readonly toldBefore = new Set<string>();

  constructor(private readonly context: FeedContext) {
    this.store = context.frames.store<AlertState>({ book: EMPTY_BOOK, rules: [], loaded: false, older: 'none' });
    this.stopPolling = pollWhileConnected(context, () => this.refresh());
  }

  get state(): Readable<AlertState> {
    return this.store;
  }

  /** Calls a listener with each event that comes, once; returns what ends it. */
  onLive(listener: (event: AlertEventCard) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async refresh(): Promise<void> {
    await Promise.all([this.loadEvents(null), this.loadRules()]);
  }

  /** The history of one server. */
  async open(agentId: string): Promise<void> {
    await this.loadEvents(agentId);
  }

  /** Goes further back in the history, until something is found that was not known. */
  async loadOlder(): Promise<void> {
    if (this.store.get().older !== 'there') return;
    this.store.update((held) => ({ ...held, older: 'loading' }));
    let isMore = true;
    try {
      let found = 0;
      while (isMore && found === 0 && this.oldest !== null && !this.closed) {
        const { alertEvents } = await this.context.api.ask(OlderAlertsQuery, { after: this.oldest, first: HISTORY });
        const nodes = alertEvents?.nodes ?? [];
        isMore = alertEvents?.pageInfo.hasNextPage ?? false;
        this.oldest = alertEvents?.pageInfo.endCursor ?? this.oldest;
        found = nodes.filter(({ id }) => !this.store.get().book.events.has(id)).length;
        this.eventsMax += found;
        this.store.update((held) => this.added(held, nodes));
      }
    } catch (error) {
      notifyFailure(this.context, 'older alerts', error);
    }
    this.store.update((held) => ({ ...held, older: isMore ? 'there' : 'none' }));
  }

  /** One event with what it was about, of whatever age; null: there is none. @throws what the server says against it. */
  async find(id: string, entries: number): Promise<AlertEventDetails | null> {
    return (await this.context.api.ask(AlertEventQuery, { id, entries })).alertEvent;
  }

  /** @throws what the server says against it. */
  async acknowledge(id: string): Promise<AlertEventCard> {
    const { acknowledgeAlert: event } = await this.context.api.change(AcknowledgeAlertMutation, { eventId: id });
    this.store.update((held) => this.added(held, [event]));
    return event;
  }

  /** @throws what the server says against it. */
  async setThreshold(ruleId: string, threshold: number): Promise<AlertRuleCard> {
    const { updateAlertRule: rule } = await this.context.api.change(SetThresholdMutation, { id: ruleId, threshold });
    this.store.update((held) => ({ ...held, rules: held.rules.map((each) => (each.id === rule.id ? rule : each)) }));
    return rule;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.stopPolling();
    this.stopFollowing?.();
  }

  private async loadRules(): Promise<void> {
    try {
      const { alertRules } = await this.context.api.ask(AlertRulesQuery, {});
      this.store.update((held) => ({ ...held, rules: alertRules }));
    } catch (error) {
      notifyFailure(this.context, 'alert rules', error);
    }
  }

  private async loadEvents(agentId: string | null): Promise<void> {
    const { book: before, loaded } = this.store.get();
    const knownBefore = new Set(before.events.keys());
    try {
      const data = await this.context.api.ask(AlertsQuery, {
        agentIds: agentId === null ? null : [agentId],
        first: HISTORY,
      });
      if (this.closed) return;
      const history = data.alertEvents?.nodes ?? [];
      const active = data.activeAlerts ?? [];
      this.store.update((held) => {
        const known = { ...this.added(held, history), loaded: true };
        // One server's list says nothing about the others'.
        if (agentId) return this.added(known, active);
        return { ...known, book: reconcile(known.book, active, knownBefore, this.eventsMax) };
      });
      if (agentId === null) this.begin(history, loaded);
    } catch (error) {
      notifyFailure(this.context, 'alerts', error);
    }
  }

  /** After the tenant's history is in: from where to go on, both ways. */
  private begin(history: readonly AlertEventCard[], isLater: boolean): void {
    if (this.oldest === null && history.length > 0) {
      this.oldest = history.at(-1)!.cursor;
      if (history.length === HISTORY) this.store.update((held) => ({ ...held, older: 'there' }));
    }
    if (this.cursor === null && isLater) {
      for (const event of [...history].reverse()) if (!this.toldBefore.has(event.id)) this.tellEarly(event);
    }
    this.follow(history[0]?.cursor ?? null);
  }

  /** An event that a query found, in a list that was empty before: the subscription may tell it again, or not at all. */
  private tellEarly(event: AlertEventCard): void {
    this.toldBefore.add(event.id);
    this.tell(event);
  }

  private tell(event: AlertEventCard): void {
    for (const listener of this.listeners) listener(event);
  }

  private follow(newest: string | null): void {
    this.cursor ??= newest;
    this.stopFollowing ??= this.context.api.follow(AlertEventsSubscription, () => ({ after: this.cursor }), {
      started: () => {
        if (this.cursor !== null) return;
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.loadEvents(null), ASK_AGAIN_AFTER_MS);
      },
      next: ({ alertEvents: event }) => {
        this.cursor = event.cursor;
        this.store.update((held) => this.added(held, [event]));
        if (!this.toldBefore.delete(event.id)) this.tell(event);
      },
      failed: (error) => notifyFailure(this.context, 'live alerts', error),
    });
  }

  private added(held: AlertState, events: readonly AlertEventCard[]): AlertState {
    const book = addEvents(held.book, events, this.eventsMax);
    const fresh = events.filter(({ id }) => !held.book.events.has(id)).length;
    if (book.events.size === held.book.events.size + fresh || this.cursor === null) return { ...held, book };
    // What went of the book's older half is found again from the newest event backwards.
    this.oldest = this.cursor;
    return { ...held, book, older: 'there' };
  }
}
