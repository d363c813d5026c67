/** What may come at once after a quiet while, seconds of the rate: a live agent's batches are not held up. */
export const BURST_SECONDS = 5;

/**
 * A token bucket of entries that goes into debt: whatever comes while anything is left is let in whole, and what comes
 * after it waits until the debt is paid. So a batch of any size passes in the end, small ones cannot keep a large one
 * waiting for ever, and in any time t there are at most `rate × (BURST_SECONDS + t)` entries and one batch.
 */
export class EntryBucket {
  private level: number;

  /**
   * @param rate entries a second, above 0
   * @param atMs monotonic, as all times here
   */
  constructor(
    private rate: number,
    private atMs: number,
  ) {
    this.level = rate * BURST_SECONDS;
  }

  /** Takes entries where any are left. @returns milliseconds until it may be tried again; 0: taken. */
  take(entries: number, nowMs: number): number {
    this.refill(nowMs);
    if (this.level <= 0 && entries > 0) return Math.max(1, Math.ceil((-this.level / this.rate) * 1_000));
    this.level -= entries;
    return 0;
  }

  /** What was taken came to nothing. */
  giveBack(entries: number): void {
    this.level = Math.min(this.level + entries, this.rate * BURST_SECONDS);
  }

  /** From now on; a debt stays, and is paid at the new rate. */
  changeRate(rate: number, nowMs: number): void {
    if (rate === this.rate) return;
    this.refill(nowMs);
    this.rate = rate;
    this.level = Math.min(this.level, rate * BURST_SECONDS);
  }

  private refill(nowMs: number): void {
    const seconds = Math.max(0, nowMs - this.atMs) / 1_000;
    this.level = Math.min(this.level + seconds * this.rate, this.rate * BURST_SECONDS);
    this.atMs = nowMs;
  }
}
