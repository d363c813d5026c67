/** Sums never pass what a double holds exactly: they stay at 2^53 − 1 instead of becoming wrong. */
export function saturatingSum(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER);
}
