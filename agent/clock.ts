/** Time and chance, the one place where the agent takes them from the machine. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  wallMs(): number;
  /** For intervals: never set back, milliseconds. */
  monotonicMs(): number;
  /** In [0, 1). */
  random(): number;
  /** Resolves after `ms`, or at once when `signal` is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  random: () => Math.random(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      signal?.addEventListener('abort', finish);
    }),
};
