import type { LinkState } from '../client/connection/link.js';
import type { Readable } from '../client/connection/store.js';

/** They end the client as `q` does. */
const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** All that ends the client from outside: a signal, a reader that is gone, a token that is not taken any more. */
export function endingOf(
  { signal, stdout }: { signal?: AbortSignal | undefined; stdout: NodeJS.WritableStream },
  link: Readable<LinkState>,
): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const end = () => controller.abort();
  for (const name of ENDING) process.on(name, end);
  // Stays: what is still being written when the reader goes fails after the end.
  stdout.on('error', end);
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  const stop = link.subscribe(() => {
    if (link.get().kind === 'refused') end();
  });
  return {
    signal: controller.signal,
    release: () => {
      stop();
      signal?.removeEventListener('abort', end);
      for (const name of ENDING) process.off(name, end);
    },
  };
}
