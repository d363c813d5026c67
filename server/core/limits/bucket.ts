/** A token bucket: holds `burst` at most, and gains `perSecond` of it every second. */
export interface BucketSpec {
  /** Above 0. */
  perSecond: number;
  /** Above 0. */
  burst: number;
}

/** What a bucket held, and when; milliseconds of any clock that only goes forward. */
export interface Bucket {
  held: number;
  atMs: number;
}

/** `waitMs`: 0 where it was taken; else how long until it can be. */
export interface Taken {
  bucket: Bucket;
  waitMs: number;
}

/**
 * Takes `amount` out of a bucket, or nothing where it holds less. What is more than a full bucket is taken from a full one,
 * which then owes: else it could never be.
 */
export function take(spec: BucketSpec, bucket: Bucket | null, amount: number, nowMs: number): Taken {
  const held = heldAt(spec, bucket, nowMs);
  const needed = Math.min(amount, spec.burst);
  if (held >= needed) return { bucket: { held: held - amount, atMs: nowMs }, waitMs: 0 };
  return { bucket: { held, atMs: nowMs }, waitMs: Math.ceil(((needed - held) * 1_000) / spec.perSecond) };
}

function heldAt({ perSecond, burst }: BucketSpec, bucket: Bucket | null, nowMs: number): number {
  if (bucket === null) return burst;
  return Math.min(burst, bucket.held + (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1_000);
}
