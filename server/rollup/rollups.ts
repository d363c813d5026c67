import type { Logger } from 'pino';
import { Repeated, reportFailure } from '../jobs/repeated.js';
import type { Database } from '../store/database.js';
import { type DueOwner, dueMarks, dueOwners } from '../store/sql/due-mark.sql.js';
import { TENANT_WIDE } from '../store/sql/window-key.js';
import { rollUpAgent, rollUpTenant, WINDOWS_AT_ONCE } from './roll.js';

/** How often is looked for what is due. */
const LOOK_MS = 2_000;
/** An owner whose rollup failed is left alone so long, and longer with each failure. */
const BACK_OFF_MS = 2_000;
const BACK_OFF_MAX_MS = 5 * 60_000;
/** Transactions of an owner before the next has its turn, of each resolution: fine windows must not starve coarse ones. */
const TRANSACTIONS_A_TURN = 4;

/**
 * Computes coarser windows from finer ones, as marks ask for. Any number of servers may do so at once, and each may be
 * killed at any instant: a mark goes with the rollup that answers it, or not at all.
 */
export class Rollups {
  private readonly looks: Repeated;
  private readonly failed = new Map<string, { times: number; untilMs: number }>();

  constructor(
    private readonly db: Database,
    private readonly log: Logger,
  ) {
    this.looks = new Repeated(() => this.rollUpDue(), {
      everyMs: LOOK_MS,
      log,
      failure: 'looking for due rollups failed',
    });
  }

  start(): void {
    this.looks.start();
  }

  /** Waits for the transaction that is under way. */
  stop(): Promise<void> {
    return this.looks.stop();
  }

  /** Computes all that is due now: owners have turns, so that one with much to do does not hold up the others. */
  async rollUpDue(): Promise<void> {
    for (let rolled = 1; rolled > 0; ) {
      rolled = 0;
      // Nothing rolled: others hold the locks of all that is left, or it failed; the next look comes soon.
      for (const owner of await dueOwners(this.db)) if (this.isReady(owner)) rolled += await this.turnOf(owner);
    }
  }

  private isReady(owner: DueOwner): boolean {
    return !this.looks.isStopped && (this.failed.get(nameOf(owner))?.untilMs ?? 0) <= performance.now();
  }

  /** One owner's turn; returns how many transactions it took. */
  private async turnOf(owner: DueOwner): Promise<number> {
    const name = nameOf(owner);
    try {
      const count = await this.rollUp(owner);
      this.failed.delete(name);
      return count;
    } catch (error) {
      const times = (this.failed.get(name)?.times ?? 0) + 1;
      this.failed.set(name, {
        times,
        untilMs: performance.now() + Math.min(BACK_OFF_MS * 2 ** times, BACK_OFF_MAX_MS),
      });
      reportFailure(this.log, error, 'rollup failed', owner);
      return 0;
    }
  }

  /** Some of each resolution that is due of one owner, the finest first. */
  private async rollUp(owner: DueOwner): Promise<number> {
    let count = 0;
    for (const [resolution, starts] of await dueMarks(this.db, owner, TRANSACTIONS_A_TURN * WINDOWS_AT_ONCE)) {
      const scope = { ...owner, resolution };
      let left = starts;
      for (let i = 0; i < TRANSACTIONS_A_TURN && left.length > 0 && !this.looks.isStopped; i++) {
        const some = left.slice(0, WINDOWS_AT_ONCE);
        const done = await this.db.inTenants([owner.tenantId], (tx) =>
          owner.agentId === TENANT_WIDE ? rollUpTenant(tx, scope, some) : rollUpAgent(tx, scope, some),
        );
        if (done === 0) return count;
        left = left.slice(done);
        count++;
      }
    }
    return count;
  }
}

function nameOf({ tenantId, agentId }: DueOwner): string {
  return `${tenantId} ${agentId}`;
}
