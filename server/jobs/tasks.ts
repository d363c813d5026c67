import type { Logger } from 'pino';
import { purgeTenants } from '../accounts/index.js';
import { dropOldCounts } from '../alerts/index.js';
import { joinDue, relayOutStale } from '../retention/index.js';
import { expireWindows } from '../rollup/index.js';
import type { Database } from '../store/database.js';
import { dropExpiredPartitions, ensurePartitions } from '../store/partitions.js';

export interface Task {
  /** Runs at the full minutes, counted from the epoch, that are multiples of it. */
  everyMinutes: number;
  run: () => Promise<void>;
}

export type TaskName = 'partitions' | 'relayout' | 'join' | 'windows' | 'tenants';

/**
 * What runs in the background. Each may be run by several servers at once, and killed at any instant: partitions are
 * made ahead, and those whose chunks have all expired are dropped; chunks are laid out by the policies as they are now;
 * small chunks are joined; windows expire; what deleted tenants held is removed.
 */
export function tasksOf(db: Database, log: Logger): Record<TaskName, Task> {
  return {
    partitions: {
      everyMinutes: 10,
      run: async () => {
        await ensurePartitions(db);
        const dropped = await dropExpiredPartitions(db);
        if (dropped.length > 0) log.info({ dropped }, 'expired partitions dropped');
      },
    },
    relayout: {
      everyMinutes: 1,
      run: async () => {
        await ensurePartitions(db);
        const batches = await relayOutStale(db);
        if (batches > 0) log.info({ batches }, 'raw entries laid out by the policies as they are now');
      },
    },
    join: {
      everyMinutes: 1,
      run: async () => {
        const { batches, into } = await joinDue(db);
        if (batches > 0) log.info({ batches, into }, 'small chunks of raw entries joined');
      },
    },
    tenants: {
      everyMinutes: 1,
      run: async () => {
        const tenants = await purgeTenants(db);
        if (tenants > 0) log.info({ tenants }, 'deleted tenants removed');
      },
    },
    windows: {
      everyMinutes: 10,
      run: async () => {
        await dropOldCounts(db);
        const { dropped } = await expireWindows(db);
        if (dropped > 0) log.info({ dropped }, 'expired windows and breakdowns dropped');
      },
    },
  };
}
