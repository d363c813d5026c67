import { type Bucket, type BucketSpec, take } from './bucket.js';

/**
 * A bucket for each key, of bounded memory: where there are too many keys, the one that was not used for longest is
 * forgotten, and with it what it had taken. Time is a parameter.
 */
export class Limiter {
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    private readonly spec: BucketSpec,
    private readonly keysMax: number,
  ) {}

  /** Milliseconds to wait; 0: taken. */
  take(key: string, amount: number, nowMs: number): number {
    const { bucket, waitMs } = take(this.spec, this.buckets.get(key) ?? null, amount, nowMs);
    // Put last: the first one is the one that was not used for longest.
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    if (this.buckets.size > this.keysMax) this.buckets.delete(this.buckets.keys().next().value as string);
    return waitMs;
  }

  /** Gives back what was taken and not used; a bucket that was forgotten meanwhile is full anyway. */
  giveBack(key: string, amount: number): void {
    const bucket = this.buckets.get(key);
    // More than full counts as full when it is looked at.
    if (bucket) this.buckets.set(key, { ...bucket, held: bucket.held + amount });
  }

  /** Keys known now. */
  get size(): number {
    return this.buckets.size;
  }
}
