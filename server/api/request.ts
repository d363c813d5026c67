import { type Context, caller } from './context.js';
import { TrafficLoader } from './traffic/loader.js';

/** What the fields of one request share. */
interface RequestReads {
  traffic: TrafficLoader;
  now: Promise<number> | null;
}

const requests = new WeakMap<Context, RequestReads>();

function readsOf(context: Context): RequestReads {
  let reads = requests.get(context);
  if (reads === undefined) {
    reads = { traffic: new TrafficLoader(context.services.db, caller(context).tenantId), now: null };
    requests.set(context, reads);
  }
  return reads;
}

/** Reads traffic for all fields of a request together. */
export function trafficLoader(context: Context): TrafficLoader {
  return readsOf(context).traffic;
}

/** One now for all timeframes of a request; milliseconds, the database's clock. */
export function requestNow(context: Context): Promise<number> {
  const reads = readsOf(context);
  reads.now ??= context.services.db.now();
  return reads.now;
}
