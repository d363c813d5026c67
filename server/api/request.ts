import DataLoader from 'dataloader';
import { type NotificationRow, readNotifications } from '../notify/index.js';
import type { Transaction } from '../store/database.js';
import { type AgentRow, readAgents } from '../store/sql/agents.sql.js';
import { type Context, caller } from './context.js';
import { TrafficLoader } from './traffic/loader.js';

/** What the fields of one request share. */
interface RequestReads {
  traffic: TrafficLoader;
  agents: DataLoader<string, AgentRow | null>;
  notifications: DataLoader<string, NotificationRow[]>;
  now: Promise<number> | null;
  once: Map<(tx: Transaction, tenantId: string) => unknown, Promise<unknown>>;
}

const requests = new WeakMap<Context, RequestReads>();

function readsOf(context: Context): RequestReads {
  let reads = requests.get(context);
  if (reads === undefined) {
    reads = {
      traffic: new TrafficLoader(context.services.db, caller(context).tenantId, context.signal),
      agents: new DataLoader((ids) => agentsOf(context, ids), { cache: false }),
      notifications: new DataLoader((ids) => notificationsOfEvents(context, ids), { cache: false }),
      now: null,
      once: new Map(),
    };
    requests.set(context, reads);
  }
  return reads;
}

/** Reads traffic for all fields of a request together. */
export function trafficLoader(context: Context): TrafficLoader {
  return readsOf(context).traffic;
}

/** The caller's agent of this id, read together with those that other fields of the request ask for; null: none. */
export function agentOf(context: Context, id: string): Promise<AgentRow | null> {
  return readsOf(context).agents.load(id);
}

async function agentsOf(context: Context, ids: readonly string[]): Promise<(AgentRow | null)[]> {
  const rows = await readSnapshot(context, ({ sql }) => readAgents(sql, caller(context).tenantId, ids));
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id) ?? null);
}

/** The notifications of an event, read together with those of others. */
export function notificationsOf(context: Context, eventId: string): Promise<NotificationRow[]> {
  return readsOf(context).notifications.load(eventId);
}

async function notificationsOfEvents(context: Context, ids: readonly string[]): Promise<NotificationRow[][]> {
  const rows = await readSnapshot(context, ({ sql }) => readNotifications(sql, caller(context).tenantId, ids));
  return ids.map((id) => rows.filter(({ eventId }) => eventId === id));
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

/** The same, made once for all fields of a request that ask for it. */
export function readOnce<Result>(
  context: Context,
  read: (tx: Transaction, tenantId: string) => Promise<Result>,
): Promise<Result> {
  const { once } = readsOf(context);
  const known = once.get(read) ?? readSnapshot(context, (tx) => read(tx, caller(context).tenantId));
  once.set(read, known);
  return known as Promise<Result>;
}
