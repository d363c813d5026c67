import type { Readable, Store } from '../../client/connection/store.js';
import { type FeedContext, notifyFailure } from '../../client/feeds/context.js';
import { LogTailSubscription } from '../../schema/operations/live.js';
import { addGap, addTold, EMPTY_TAIL, setPaused, type TailBook } from '../model/tail.js';

/** What of a log is followed; null: whatever. */
export interface TailFilter {
  statusMin: number | null;
  /** Somewhere in the path. */
  search: string | null;
}

/** One server's log, as lines come in; from when it is opened. */
export class TailFeed {
  private readonly store: Store<TailBook>;
  readonly close: () => void;

  constructor(context: FeedContext, agentId: string, filter: TailFilter) {
    this.store = context.frames.store(EMPTY_TAIL);
    this.close = context.api.follow(LogTailSubscription, () => ({ agentIds: [agentId], filter: { ...filter } }), {
      started: () => this.store.update(addGap),
      next: ({ logTail }) => this.store.update((held) => addTold(held, logTail)),
      failed: (error) => notifyFailure(context, 'log', error),
    });
  }

  get state(): Readable<TailBook> {
    return this.store;
  }

  /** Holds the lines still; what comes meanwhile is kept. */
  setPaused(paused: boolean): void {
    this.store.update((held) => setPaused(held, paused));
  }
}
