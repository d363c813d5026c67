import type { Logger } from 'pino';
import { isTransient } from '../errors.js';
import type { Database } from '../store/database.js';
import { type DueOwner, dueMarks, dueOwners } from '../store/sql/due-mark.sql.js';
import { TENANT_WIDE } from '../store/sql/window.sql.js';
import { rollUpAgent, rollUpTenant } from './roll.js';

/** How often is looked for what is due. */
const LOOK_MS = 2_000;
/** Windows of one transaction: short, because ingest of the agent waits for it. */
const WINDOWS_AT_ONCE = 60;

/**
 * Computes coarser windows from finer ones, as marks ask for. Any number of servers may do so at once, and each may be
 * killed at any instant: a mark goes with the rollup that answers it, or not at all.
 */
export class Rollups {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly db: Database,
    private readonly log: Logger,
  ) {}

  start(): void {
    this.schedule();
  }

  /** Waits for the transaction that is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.rollUpDue()
        .catch((error: unknown) => {
          if (!isTransient(error)) this.log.error({ err: error }, 'rollup failed');
        })
        .finally(() => this.schedule());
    }, LOOK_MS);
  }

  /** Computes all that is due now. */
  async rollUpDue(): Promise<void> {
    for (let owners = await dueOwners(this.db); owners.length > 0; owners = await dueOwners(this.db)) {
      let rolled = 0;
      for (const owner of owners) rolled += await this.rollUp(owner);
      // Others hold the locks of all that is left: they do it, or will let us.
      if (rolled === 0) return;
    }
  }

  /** Everything due of one owner, the finest first; returns how many transactions that took. */
  private async rollUp(owner: DueOwner): Promise<number> {
    for (let count = 0; ; count++) {
      const due = this.stopped ? null : await dueMarks(this.db, owner, WINDOWS_AT_ONCE);
      if (due === null) return count;
      const scope = { ...owner, resolution: due.resolution };
      const done = await this.db.inTenants([owner.tenantId], (tx) =>
        owner.agentId === TENANT_WIDE ? rollUpTenant(tx, scope, due.starts) : rollUpAgent(tx, scope, due.starts),
      );
      if (!done) return count;
    }
  }
}
