/** Many may pass at once, or one alone: who asks to be alone waits for those inside, and those who come wait for it. */
export class Gate {
  private inside = new Set<Promise<unknown>>();
  private closed: Promise<unknown> = Promise.resolve();

  async together<Result>(work: () => Promise<Result>): Promise<Result> {
    for (let closed = null; closed !== this.closed; ) {
      closed = this.closed;
      await closed;
    }
    const run = work();
    this.inside.add(run);
    return run.finally(() => this.inside.delete(run));
  }

  async alone(work: () => Promise<void>): Promise<void> {
    const before = this.closed;
    const run = (async () => {
      await before;
      await Promise.allSettled(this.inside);
      await work();
    })();
    this.closed = run.catch(() => undefined);
    return run;
  }
}
