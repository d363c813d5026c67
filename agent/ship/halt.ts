/** Work was given up because the process is to stop, or because the agent is to connect again. */
export class Halted extends Error {
  override name = 'Halted';
}

/**
 * How work is stopped, in two steps: `soft`: begin nothing new, finish what is under way; `hard`: give that up, too.
 */
export class Halt {
  private readonly softly = new AbortController();
  private readonly hardly = new AbortController();
  /** The first reason given, for whoever waits for the end. */
  reason: Error | null = null;

  get soft(): AbortSignal {
    return this.softly.signal;
  }

  get hard(): AbortSignal {
    return this.hardly.signal;
  }

  /** @param graceMs what is under way may take so long still. */
  stop(graceMs: number, reason: Error | null = null): void {
    if (this.soft.aborted) return;
    this.reason = reason;
    this.softly.abort();
    if (graceMs === 0) this.hardly.abort();
    else setTimeout(() => this.hardly.abort(), graceMs).unref();
  }
}
