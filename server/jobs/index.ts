import { Logger as JobLogger, parseCronItems, type Runner, run } from 'graphile-worker';
import type { Logger } from 'pino';
import { relayOutStale } from '../retention/index.js';
import { expireWindows } from '../rollup/index.js';
import type { Database } from '../store/database.js';
import { dropExpiredPartitions, ensurePartitions } from '../store/partitions.js';

/** LISTEN wakes the queue at once; the poll is for what a lost connection missed. */
const POLL_MS = 60_000;

/**
 * Background jobs on graphile-worker: partitions are made ahead, and those whose chunks have all expired are dropped,
 * every ten minutes.
 */
export async function startJobs(db: Database, log: Logger): Promise<Runner> {
  return run({
    pgPool: db.ownerPool,
    concurrency: 1,
    pollInterval: POLL_MS,
    noHandleSignals: true,
    logger: new JobLogger(() => (level, message) => {
      if (level === 'error') log.error({ message }, 'job queue');
      else log.debug({ message }, 'job queue');
    }),
    parsedCronItems: parseCronItems([
      {
        task: 'relayout',
        match: '* * * * *',
        identifier: 'relayout',
        options: { backfillPeriod: 0, queueName: 'relayout', jobKey: 'relayout' },
      },
      {
        task: 'windows',
        match: '*/10 * * * *',
        identifier: 'windows',
        options: { backfillPeriod: 0, queueName: 'windows' },
      },
      {
        task: 'partitions',
        match: '*/10 * * * *',
        identifier: 'partitions',
        options: { backfillPeriod: 0, queueName: 'partitions' },
      },
    ]),
    taskList: {
      partitions: async () => {
        await ensurePartitions(db);
        const dropped = await dropExpiredPartitions(db);
        if (dropped.length > 0) log.info({ dropped }, 'expired partitions dropped');
      },
      relayout: async () => {
        await ensurePartitions(db);
        const batches = await relayOutStale(db);
        if (batches > 0) log.info({ batches }, 'raw entries laid out by the policies as they are now');
      },
      windows: async () => {
        const { dropped } = await expireWindows(db);
        if (dropped > 0) log.info({ dropped }, 'expired windows and breakdowns dropped');
      },
    },
  });
}
