import { setImmediate } from 'node:timers/promises';

/** Entries that are counted at once, about a millisecond's work. */
const ENTRIES_AT_ONCE = 1_024;

/**
 * Parts what is counted into pieces, between which the event loop does what else waits: others' batches, and what
 * PostgreSQL has answered meanwhile.
 */
export class Breather {
  private counted = 0;

  /** After so many entries have been counted. */
  async counts(entries: number): Promise<void> {
    this.counted += entries;
    if (this.counted < ENTRIES_AT_ONCE) return;
    this.counted = 0;
    await setImmediate();
  }
}
