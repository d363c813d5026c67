import type { LinkState } from '../client/connection/link.js';
import type { Readable } from '../client/connection/store.js';
import { span } from '../client/format/times.js';

/** One line when the connection goes, one when it is there again. */
export function linkLines(state: Readable<LinkState>, stderr: NodeJS.WritableStream, now: () => number): () => void {
  let lost = false;
  return () => {
    const link = state.get();
    if (link.kind === 'lost' && !lost && link.retryAtMs !== null) {
      lost = true;
      stderr.write(`connection lost (${link.reason}), retrying in ${span(Math.max(1_000, link.retryAtMs - now()))}\n`);
    } else if (link.kind === 'connected' && lost) {
      lost = false;
      stderr.write('connected again\n');
    }
  };
}
