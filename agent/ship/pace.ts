/** Lets lines through at a steady rate, all sources together. */
export interface Pace {
  /** Milliseconds until the next line may go; 0: now. */
  waitMs(nowMs: number): number;
  /** A line went. */
  take(): void;
}

export const UNPACED: Pace = { waitMs: () => 0, take: () => {} };

/** So much is caught up with after a hold-up, and no more: a replay that rested goes on, it does not leap. */
const ARREARS_MS = 1_000;

/** @param linesPerSecond above 0. */
export function steadyPace(linesPerSecond: number): Pace {
  const stepMs = 1_000 / linesPerSecond;
  let dueMs = Number.NEGATIVE_INFINITY;
  return {
    waitMs(nowMs) {
      if (dueMs < nowMs - ARREARS_MS) dueMs = dueMs === Number.NEGATIVE_INFINITY ? nowMs : nowMs - ARREARS_MS;
      return Math.max(0, dueMs - nowMs);
    },
    take() {
      dueMs += stepMs;
    },
  };
}
