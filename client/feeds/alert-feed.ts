import {
  type AlertEventCard,
  AlertEventsSubscription,
  type AlertRuleCard,
  AlertRulesQuery,
  AlertsQuery,
  SetThresholdMutation,
} from '../../schema/operations/alerts.js';
import type { Readable, Store } from '../connection/store.js';
import type { Timer } from '../connection/timer.js';
import { type AlertBook, addEvents, EMPTY_BOOK, reconcile } from '../model/alerts.js';
import { type FeedContext, notifyFailure, pollWhileConnected } from './context.js';

/** History at login, of the tenant and of each server that is opened. */
const HISTORY = 50;
/** Without a cursor nothing says what came between the question and the subscription: it is asked once more. */
const ASK_AGAIN_AFTER_MS = 1_000;

export interface AlertState {
  book: AlertBook;
  rules: readonly AlertRuleCard[];
  loaded: boolean;
}

/** Alerts of all servers: history by query, then each event once, from the cursor of the last one seen. */
export class AlertFeed {
  private readonly store: Store<AlertState>;
  private readonly stopPolling: () => void;
  private stopFollowing: (() => void) | undefined;
  private cursor: string | null = null;
  private timer: Timer;
  private closed = false;
  private readonly listeners = new Set<(event: AlertEventCard) => void>();

  constructor(private readonly context: FeedContext) {
    this.store = context.frames.store<AlertState>({ book: EMPTY_BOOK, rules: [], loaded: false });
    this.stopPolling = pollWhileConnected(context, () => this.refresh());
  }

  get state(): Readable<AlertState> {
    return this.store;
  }

  /** Calls a listener with each event that comes; returns what ends it. */
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
    const knownBefore = new Set(this.store.get().book.events.keys());
    try {
      const data = await this.context.api.ask(AlertsQuery, {
        agentIds: agentId === null ? null : [agentId],
        first: HISTORY,
      });
      if (this.closed) return;
      const history = data.alertEvents?.nodes ?? [];
      const active = data.activeAlerts ?? [];
      this.store.update((held) => {
        const book = addEvents(held.book, history);
        // One server's list says nothing about the others'.
        return {
          ...held,
          loaded: true,
          book: agentId ? addEvents(book, active) : reconcile(book, active, knownBefore),
        };
      });
      if (agentId === null) this.follow(history[0]?.cursor ?? null);
    } catch (error) {
      notifyFailure(this.context, 'alerts', error);
    }
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
        this.store.update((held) => ({ ...held, book: addEvents(held.book, [event]) }));
        for (const listener of this.listeners) listener(event);
      },
      failed: (error) => notifyFailure(this.context, 'live alerts', error),
    });
  }
}
