import { Bell } from './bell.js';

/** Windows of an agent that changed since its subscriber was last told. Bounded: what is too much becomes a span. */
export interface Changes {
  /** Starts of the newest windows that changed, milliseconds. */
  starts: Set<number>;
  /** What else changed; null: nothing. */
  stale: Span | null;
}

/** Half-open, milliseconds. */
export interface Span {
  fromMs: number;
  toMs: number;
}

function widen(changes: Changes, { fromMs, toMs }: Span): void {
  const { stale } = changes;
  changes.stale =
    stale === null ? { fromMs, toMs } : { fromMs: Math.min(stale.fromMs, fromMs), toMs: Math.max(stale.toMs, toMs) };
}

/** Windows of one agent in one message, at most: ten minutes. */
export const WINDOWS_OF_A_MESSAGE_MAX = 60;

/**
 * The one place in which a subscriber's news waits. Not a queue: what comes while the subscriber takes nothing is
 * merged into what waits, so that a stalled subscriber costs the same for ever, and nobody else anything.
 */
export class Slot {
  private waiting = new Map<string, Changes>();
  private readonly bell = new Bell();

  constructor(private readonly windowMs: number) {}

  /** @param stale a span that changed besides */
  put(agentId: string, starts: readonly number[], stale: Span | null = null): void {
    let changes = this.waiting.get(agentId);
    if (!changes) this.waiting.set(agentId, (changes = { starts: new Set(), stale: null }));
    for (const start of starts) changes.starts.add(start);
    if (changes.starts.size > WINDOWS_OF_A_MESSAGE_MAX) this.spill(changes);
    if (stale !== null) widen(changes, stale);
    this.bell.ring();
  }

  private spill(changes: Changes): void {
    const sorted = [...changes.starts].sort((a, b) => b - a);
    const spilled = sorted.slice(WINDOWS_OF_A_MESSAGE_MAX);
    changes.starts = new Set(sorted.slice(0, WINDOWS_OF_A_MESSAGE_MAX));
    widen(changes, { fromMs: spilled[spilled.length - 1], toMs: spilled[0] + this.windowMs });
  }

  /** Waits until there is news; false once closed. */
  filled(): Promise<boolean> {
    return this.bell.rung(() => this.waiting.size > 0);
  }

  /** The news by agent; empties the slot. */
  take(): Map<string, Changes> {
    const taken = this.waiting;
    this.waiting = new Map();
    return taken;
  }

  close(): void {
    this.bell.close();
  }

  /** Places taken: for those who watch memory. */
  get size(): number {
    return [...this.waiting.values()].reduce((sum, changes) => sum + changes.starts.size, this.waiting.size);
  }
}
