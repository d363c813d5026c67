import { Bell } from './bell.js';

/** A batch that was taken in, as far as a tail must know of it. */
export interface TailBatch {
  agentId: string;
  streamId: string;
  /** Position of its stream at which it begins. */
  from: number;
  /** All of its entries: what it costs to read it. */
  lines: number;
  /** Those that the filter admits: one at least. */
  admitted: number;
}

/** What waits for a subscriber, in the order of ingestion. */
export interface TailNews {
  batches: TailBatch[];
  /** Admitted entries that were left out so far. */
  missed: number;
}

/** Entries of one message at most: more than anybody reads in the time until the next. */
export const ENTRIES_OF_A_MESSAGE_MAX = 200;

/**
 * The one place in which a tail's news waits: names of the newest batches, as many as one message can tell of, and how many
 * entries were left out. Bounded, however long nobody takes it; exact in its counts.
 */
export class TailSlot {
  private batches: TailBatch[] = [];
  /** Entries of the batches. */
  private held = 0;
  private missed = 0;
  private readonly bell = new Bell();

  put(batch: TailBatch): void {
    this.batches.push(batch);
    this.held += batch.admitted;
    while (this.held - this.batches[0].admitted >= ENTRIES_OF_A_MESSAGE_MAX) {
      const { admitted } = this.batches.shift()!;
      this.held -= admitted;
      this.missed += admitted;
    }
    this.bell.ring();
  }

  /** Admitted entries that nobody will tell. */
  leaveOut(count: number): void {
    this.missed += count;
    if (count > 0) this.bell.ring();
  }

  get isEmpty(): boolean {
    return this.batches.length === 0 && this.missed === 0;
  }

  /** Waits until there is news; false once closed. */
  filled(): Promise<boolean> {
    return this.bell.rung(() => !this.isEmpty);
  }

  /** The news; empties the slot. */
  take(): TailNews {
    const { batches, missed } = this;
    this.batches = [];
    this.held = 0;
    this.missed = 0;
    return { batches, missed };
  }

  close(): void {
    this.bell.close();
  }

  /** Places taken: for those who watch memory. */
  get size(): number {
    return this.batches.length;
  }
}
