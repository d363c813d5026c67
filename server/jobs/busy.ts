import { performance } from 'node:perf_hooks';

/** Asks whether this thread was busy for more than `share` (0 to 1) of the time since it was last asked. */
export function busyFor(share: number): () => boolean {
  let last = performance.eventLoopUtilization();
  return () => {
    const { utilization } = performance.eventLoopUtilization(last);
    last = performance.eventLoopUtilization();
    return utilization > share;
  };
}
