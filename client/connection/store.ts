import type { Timer } from './timer.js';

/** State outside of React that pages and the plain lines read alike. */

export interface Readable<T> {
  get(): T;
  /** Calls the listener after a change; returns what ends it. */
  subscribe(listener: () => void): () => void;
}

export interface Store<T> extends Readable<T> {
  set(next: T): void;
  update(change: (held: T) => T): void;
}

/** At most so many screens a second, however fast the messages come: nobody reads faster. */
const FRAME_MS = 250;

/**
 * Tells the listeners of all stores together: at once after a quiet time, then at most every `FRAME_MS`, so that ten
 * messages that arrive at one time cost one screen.
 */
export class FrameClock {
  private readonly waiting = new Set<() => void>();
  private timer: Timer;
  private lastMs = Number.NEGATIVE_INFINITY;
  private stopped = false;

  constructor(
    private readonly monotonicMs: () => number,
    private readonly frameMs = FRAME_MS,
  ) {}

  store<T>(initial: T): Store<T> {
    let held = initial;
    const listeners = new Set<() => void>();
    const tell = () => {
      for (const listener of [...listeners]) listener();
    };
    const set = (next: T) => {
      if (Object.is(next, held)) return;
      held = next;
      this.waiting.add(tell);
      this.schedule();
    };
    return {
      get: () => held,
      set,
      update: (change) => set(change(held)),
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
  }

  /** For good: what comes afterwards is told to nobody. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting.clear();
  }

  private schedule(): void {
    if (this.timer || this.stopped) return;
    const sinceMs = this.monotonicMs() - this.lastMs;
    this.timer = setTimeout(() => this.flush(), Math.max(0, this.frameMs - sinceMs));
  }

  private flush(): void {
    this.timer = undefined;
    this.lastMs = this.monotonicMs();
    const due = [...this.waiting];
    this.waiting.clear();
    for (const tell of due) tell();
  }
}
