import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger as JobLogger, makeWorkerUtils, runTaskList, type WorkerPool, type WorkerUtils } from 'graphile-worker';
import type { Logger } from 'pino';
import { isTransient } from '../errors.js';
import type { Database } from '../store/database.js';
import type { Task } from './tasks.js';

const MINUTE_MS = 60_000;
/** LISTEN wakes the queue at once; the poll is for what a lost connection missed. */
const POLL_MS = 60_000;
/** A worker that the database's end took with it is replaced after this. */
const REPLACE_AFTER_MS = 1_000;

/**
 * Background jobs on graphile-worker, asked for by the clock.
 *
 * The clock is ours: graphile-worker's own ends the process where the database is away at a full minute, and of a
 * worker that could not say that its job is done it makes no other.
 */
export class Jobs<Name extends string> {
  private pool: WorkerPool | null = null;
  private timer: NodeJS.Timeout | undefined;
  private replacing: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();

  private constructor(
    private readonly db: Database,
    private readonly log: Logger,
    private readonly tasks: Record<Name, Task>,
    private readonly utils: WorkerUtils,
    private readonly logger: JobLogger,
    private readonly ended: AbortController,
  ) {}

  /** @throws the database's error where it cannot be reached. */
  static async start<Name extends string>(db: Database, log: Logger, tasks: Record<Name, Task>): Promise<Jobs<Name>> {
    // graphile-worker listens to the pool's connections for ever: to one that is closed as the database ends, too.
    const ended = new AbortController();
    const logger = new JobLogger(() => (level, message) => {
      if (level === 'error' && !ended.signal.aborted) log.error({ message }, 'job queue');
      else log.debug({ message }, 'job queue');
    });
    const utils = await makeWorkerUtils({ pgPool: db.ownerPool, logger });
    await utils.migrate();
    const jobs = new Jobs(db, log, tasks, utils, logger, ended);
    jobs.work();
    jobs.schedule();
    return jobs;
  }

  /** Has a task run soon: once, however often it is asked for until then. */
  async add(task: Name): Promise<void> {
    await this.utils.addJob(task as string, {}, { jobKey: task });
  }

  /** Asks for all that is due at a full minute, counted from the epoch. What cannot be asked for is, the next time. */
  async addDue(minute: number): Promise<void> {
    for (const [name, { everyMinutes }] of Object.entries<Task>(this.tasks)) {
      if (minute % everyMinutes !== 0) continue;
      await this.add(name as Name).catch((error: unknown) => {
        if (!isTransient(error)) this.log.error({ err: error, task: name }, 'job cannot be asked for');
      });
    }
  }

  /** Waits for the job that is under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    await this.replacing;
    await this.pool?.gracefulShutdown();
    await this.utils.release();
    this.ended.abort();
  }

  private schedule(): void {
    const minute = Math.floor(Date.now() / MINUTE_MS) + 1;
    this.timer = setTimeout(
      () => {
        void this.addDue(minute);
        this.schedule();
      },
      minute * MINUTE_MS - Date.now() + 1,
    );
  }

  private work(): void {
    const events = new EventEmitter();
    events.once('worker:fatalError', () => {
      this.replacing = this.replace();
    });
    const tasks = Object.fromEntries(Object.entries<Task>(this.tasks).map(([name, { run }]) => [name, run]));
    const options = { concurrency: 1, pollInterval: POLL_MS, noHandleSignals: true, logger: this.logger, events };
    this.pool = runTaskList(options, tasks, this.db.ownerPool);
  }

  private async replace(): Promise<void> {
    const { pool } = this;
    this.pool = null;
    await sleep(REPLACE_AFTER_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    await pool
      ?.gracefulShutdown()
      .catch((error: unknown) => this.log.warn({ err: error }, 'job queue cannot be ended'));
    if (!this.stopping.signal.aborted) this.work();
  }
}
