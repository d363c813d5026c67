import type { Transaction } from '../store/database.js';
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
    reads = { traffic: new TrafficLoader(context.services.db, caller(context).tenantId, context.signal), now: null };
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

/** Reads for a request, in one snapshot; ended with it where its client goes away. */
export function readSnapshot<Result>(context: Context, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
  const { signal, services } = context;
  return services.db.inTenants([caller(context).tenantId], work, { snapshot: true, signal });
}
