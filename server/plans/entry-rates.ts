import { EntryBucket } from '../core/plans/entry-bucket.js';
import { rateLimited } from '../errors.js';
import type { Database } from '../store/database.js';
import { PlanCache } from './plan.js';

/** Holds each tenant to the entries a second of its plan, as this server takes them in. */
export class EntryRates {
  private readonly plans: PlanCache;
  private readonly buckets = new Map<string, EntryBucket>();

  constructor(
    db: Pick<Database, 'inTenants'>,
    private readonly monotonicMs: () => number,
  ) {
    this.plans = new PlanCache(db, monotonicMs);
  }

  /**
   * Takes the entries of a batch out of what the plan allows. Batches of a tenant are decided in the order in which they
   * come.
   *
   * @returns gives them back, where nothing came of them
   * @throws ApiError RATE_LIMITED with `retryAfterMs`: nothing was done.
   */
  async take(tenantId: string, entries: number): Promise<() => void> {
    const { entriesPerSecondMax } = await this.plans.read(tenantId);
    if (entriesPerSecondMax === null) {
      this.buckets.delete(tenantId);
      return () => undefined;
    }
    const bucket = this.bucketOf(tenantId, entriesPerSecondMax);
    const waitMs = bucket.take(entries, this.monotonicMs());
    if (waitMs > 0) {
      throw rateLimited(`The plan allows ${entriesPerSecondMax} entries a second, and more are sent`, waitMs);
    }
    return () => bucket.giveBack(entries);
  }

  private bucketOf(tenantId: string, rate: number): EntryBucket {
    const nowMs = this.monotonicMs();
    let bucket = this.buckets.get(tenantId);
    if (bucket === undefined) this.buckets.set(tenantId, (bucket = new EntryBucket(rate, nowMs)));
    bucket.changeRate(rate, nowMs);
    return bucket;
  }
}
