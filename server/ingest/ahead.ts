import { BatchAggregate } from '../core/windows/aggregate.js';
import { RESOLUTIONS } from '../core/windows/resolutions.js';
import type { LockedAgentRow } from '../store/sql/agent.sql.js';
import { Breather } from './breather.js';
import type { AppendRequest } from './request.js';
import { byWindow } from './whole-windows.js';

const [FINEST, MINUTE] = RESOLUTIONS;
/** Smaller batches are counted in their turn: it takes no time. */
export const AHEAD_FROM_ENTRIES = 1_024;
/** Batches that are counted ahead at a time, of all tenants: each takes a megabyte or so. */
const AT_ONCE = 4;
/** Windows at either end of a batch, of which others mostly have a part. */
const SHARED = { [FINEST]: 2, [MINUTE]: 1 };

/**
 * Large batches counted before their turn: an agent's are written one after the other, and while PostgreSQL writes, locks
 * or commits one, this thread would stand still.
 */
export class CountsAhead {
  private readonly counted = new Map<AppendRequest, BatchAggregate>();
  /** From where breakdowns of 10 seconds are kept, by tenant, as it was for its last batch: to be of use, not to be right. */
  private readonly floors = new Map<string, number>();

  /** Counts a large batch as it is if all its entries count, in pieces, until it is taken or forgotten. */
  async count(request: AppendRequest): Promise<void> {
    const { batch, tenantId } = request;
    if (this.counted.size >= AT_ONCE || batch.invalidCount > 0) return;
    const aggregate = new BatchAggregate(batch, batch.invalid);
    this.counted.set(request, aggregate);
    if (aggregate.starts[0] < (this.floors.get(tenantId) ?? Number.POSITIVE_INFINITY)) return;
    const breather = new Breather();
    for (const resolution of [FINEST, MINUTE])
      for (const starts of innerWindows(aggregate, resolution)) {
        await breather.counts(aggregate.leftToCount(starts, resolution));
        if (!this.counted.has(request)) return;
        aggregate.encodeAhead(starts, resolution);
      }
  }

  /** What was counted of a batch all of whose entries count, once its turn has come; undefined: nothing. */
  take(request: AppendRequest, { breakdownFloors }: LockedAgentRow): BatchAggregate | undefined {
    this.floors.set(request.tenantId, breakdownFloors[0]);
    const aggregate = this.counted.get(request);
    this.forget(request);
    return aggregate;
  }

  /** Its turn is over. */
  forget(request: AppendRequest): void {
    this.counted.delete(request);
  }
}

/** Starts of the finer windows of each window that most likely lies whole in the batch, and is new. */
function innerWindows(aggregate: BatchAggregate, resolution: number): number[][] {
  return [...byWindow(aggregate.starts, resolution).values()].slice(SHARED[resolution], -SHARED[resolution]);
}
