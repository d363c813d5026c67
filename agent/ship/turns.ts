/** Bytes of lines waiting to be acknowledged, over all sources: beyond it reading rests. */
const WAITING_BYTES_MAX = 16_777_216;

/**
 * One batch in flight at a time, over all sources: the server takes an agent's batches one by one anyway. First come,
 * first served.
 */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();
  private waitingBytes = 0;
  private wake: (() => void)[] = [];

  /** @param bytes that the work holds in memory until it is done. */
  run<Result>(bytes: number, work: () => Promise<Result>): Promise<Result> {
    this.waitingBytes += bytes;
    const done = this.last.then(work).finally(() => {
      this.waitingBytes -= bytes;
      for (const wake of this.wake.splice(0)) wake();
    });
    this.last = done.catch(() => {});
    return done;
  }

  /** Resolves once little enough is waiting. */
  async room(): Promise<void> {
    while (this.waitingBytes > WAITING_BYTES_MAX) await new Promise<void>((resolve) => this.wake.push(resolve));
  }
}
