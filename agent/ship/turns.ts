/** Bytes of lines waiting to be acknowledged, over all sources: beyond it reading rests. */
const WAITING_BYTES_MAX = 16_777_216;

/** Batches that an agent has in flight at most, whatever a server allows: each takes memory. */
const IN_FLIGHT_MAX = 2;

/** So many batches in flight at a time, over all sources. First come, first served. */
export class Turns {
  /** As many as the server allows, and the agent wants. */
  limit = 1;
  private running = 0;
  private readonly queue: (() => void)[] = [];
  private waitingBytes = 0;
  private wake: (() => void)[] = [];

  allow(inFlight: number): void {
    this.limit = Math.max(1, Math.min(inFlight, IN_FLIGHT_MAX));
    this.next();
  }

  /** @param bytes that the work holds in memory until it is done. */
  async run<Result>(bytes: number, work: () => Promise<Result>): Promise<Result> {
    this.waitingBytes += bytes;
    await new Promise<void>((resolve) => {
      this.queue.push(resolve);
      this.next();
    });
    try {
      return await work();
    } finally {
      this.running--;
      this.next();
      this.waitingBytes -= bytes;
      for (const wake of this.wake.splice(0)) wake();
    }
  }

  private next(): void {
    while (this.running < this.limit && this.queue.length > 0) {
      this.running++;
      this.queue.shift()!();
    }
  }

  /** Resolves once little enough is waiting. */
  async room(): Promise<void> {
    while (this.waitingBytes > WAITING_BYTES_MAX) await new Promise<void>((resolve) => this.wake.push(resolve));
  }
}
