/** What `setTimeout` gives, in Node and in browsers. */
export type Timer = ReturnType<typeof setTimeout> | undefined;

/** Waits so many milliseconds, or until the signal says that nobody does any more. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
