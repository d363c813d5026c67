import type { Logger } from 'pino';
import { isTransient } from '../errors.js';

export interface RepeatedOptions {
  /** From its end, whatever came of it, to its next beginning. */
  everyMs: number;
  log: Logger;
  /** What the log says of a run that fails; of one that does so for what passes, nobody need hear. */
  failure: string;
  onFailure?: () => void;
}

/** Tells of a failure that somebody should look into; one that passes is only noted. */
export function reportFailure(log: Logger, error: unknown, failure: string, about: object = {}): void {
  if (isTransient(error)) log.debug({ err: error, ...about }, failure);
  else log.error({ err: error, ...about }, failure);
}

/** A task that is run over and over, never twice at a time, until it is stopped. */
export class Repeated {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly run: () => Promise<void>,
    private readonly options: RepeatedOptions,
  ) {}

  /** For a task to end early by. */
  get isStopped(): boolean {
    return this.stopped;
  }

  /** The first run is after the interval, too. */
  start(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.run()
        .catch((error: unknown) => this.report(error))
        .finally(() => this.start());
    }, this.options.everyMs);
  }

  /** Waits for the run that is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private report(error: unknown): void {
    const { log, failure, onFailure } = this.options;
    reportFailure(log, error, failure);
    onFailure?.();
  }
}
