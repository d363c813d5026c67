import { setTimeout as sleep } from 'node:timers/promises';
import { type AlertEventRow, latestEventNumber, readAlertEvents } from '../alerts/index.js';
import { NO_FLOORS } from '../core/rollup/plan.js';
import type { Breakdown, Part } from '../core/windows/breakdown.js';
import { decodeSeconds } from '../core/windows/encoding.js';
import { RESOLUTIONS } from '../core/windows/resolutions.js';
import { SLIDING_SECONDS, slidingTotals } from '../core/windows/sliding.js';
import { tumblingWindowStart, WINDOW_MS } from '../core/windows/tumbling.js';
import type { Totals } from '../core/windows/window.js';
import type { Database, Transaction } from '../store/database.js';
import { type AgentRow, readAgents } from '../store/sql/agents.sql.js';
import { readSeconds } from '../store/sql/traffic.sql.js';
import { addBreakdowns, type Bucket, type Buckets, emptyBucket, readBuckets } from '../store/traffic/buckets.js';
import type { ScopeAgent } from '../store/traffic/ranges.js';
import { readScopeAgents } from '../store/traffic/scope.js';
import { type Changes, Slot, type Span } from './slot.js';
import { subscription } from './subscription.js';

/** A subscriber hears of changes at most so often; the first change after a quiet while goes at once. */
const TICK_MS = 1_000;
/** Alert events read at a time. */
const EVENTS_AT_ONCE = 100;

export interface WindowScope {
  tenantId: string;
  /** Null: all of the tenant's, those to come too. */
  agentIds: readonly string[] | null;
  /** Parts of breakdowns asked for of the windows, and of the sliding window. */
  windowParts: readonly Part[];
  slidingParts: readonly Part[];
}

/** What changed of one agent. */
export interface AgentChange {
  agent: AgentRow;
  /** Emptied ones too. */
  windows: { startMs: number; bucket: Bucket }[];
  /** Of a window without a row. */
  emptyRevision: number;
  stale: { fromMs: number; toMs: number } | null;
  sliding: { atSecond: number; totals: Totals; breakdown: Breakdown | null };
}

export interface AlertScope {
  tenantId: string;
  agentIds: readonly string[] | null;
  ruleIds: readonly string[] | null;
  /** Number of the last event known; null: only what comes. */
  after: number | null;
}

interface Subscriber<Listening> {
  tenantId: string;
  listening: Listening;
}

/**
 * Carries changes to subscribers. A hint, never the truth: what a subscriber is told is read from the store, when it
 * is ready to take it.
 */
export class Live {
  private readonly windowSubscribers = new Set<Subscriber<{ slot: Slot; admits: (agentId: string) => boolean }>>();
  private readonly alertSubscribers = new Set<Subscriber<Slot>>();

  constructor(private readonly db: Database) {}

  /** Committed: these windows of the agent changed, and what else lies in `stale`. */
  changedWindows(tenantId: string, agentId: string, windowStarts: readonly number[], stale: Span | null = null): void {
    for (const { tenantId: own, listening } of this.windowSubscribers) {
      if (own === tenantId && listening.admits(agentId)) listening.slot.put(agentId, windowStarts, stale);
    }
  }

  /** Alert events were committed. */
  alertsRecorded(tenantId: string): void {
    for (const { tenantId: own, listening } of this.alertSubscribers) if (own === tenantId) listening.put('', []);
  }

  /** At once the state as it is, then, at most once a second, the agents whose windows changed. */
  windows(scope: WindowScope): AsyncIterableIterator<AgentChange[]> {
    const slot = new Slot(WINDOW_MS);
    const admits = (agentId: string) => scope.agentIds === null || scope.agentIds.includes(agentId);
    const subscriber = { tenantId: scope.tenantId, listening: { slot, admits } };
    return subscription(join(this.windowSubscribers, subscriber, slot), () => this.tellWindows(scope, slot));
  }

  private async *tellWindows(scope: WindowScope, slot: Slot): AsyncGenerator<AgentChange[]> {
    yield await this.snapshot(scope);
    for (;;) {
      const toldAtMs = performance.now();
      if (!(await slot.filled())) return;
      await sleep(Math.max(0, toldAtMs + TICK_MS - performance.now()));
      yield await this.changed(scope, slot.take());
    }
  }

  /** Events recorded after the cursor, then new ones as they come: none missed, none twice. */
  alertEvents(scope: AlertScope): AsyncIterableIterator<AlertEventRow> {
    const slot = new Slot(WINDOW_MS);
    const subscriber = { tenantId: scope.tenantId, listening: slot };
    return subscription(join(this.alertSubscribers, subscriber, slot), () => this.tellAlertEvents(scope, slot));
  }

  private async *tellAlertEvents(scope: AlertScope, slot: Slot): AsyncGenerator<AlertEventRow> {
    const read = <Result>(work: (sql: Transaction['sql']) => Promise<Result>) =>
      this.db.inTenants([scope.tenantId], ({ sql }) => work(sql));
    let after = scope.after ?? (await read((sql) => latestEventNumber(sql, scope.tenantId)));
    for (;;) {
      // Emptied before reading: an event recorded while we read fills it again.
      slot.take();
      const query = { ...scope, after, fromMs: null, toMs: null, newestFirst: false, limit: EVENTS_AT_ONCE };
      const events = await read((sql) => readAlertEvents(sql, query));
      for (const event of events) {
        after = event.number;
        yield event;
      }
      if (events.length < EVENTS_AT_ONCE && !(await slot.filled())) return;
    }
  }

  /** Subscriptions that are held now. */
  get subscribers(): number {
    return this.windowSubscribers.size + this.alertSubscribers.size;
  }

  /** Ends all subscriptions: the server stops. */
  close(): void {
    for (const { listening } of this.windowSubscribers) listening.slot.close();
    for (const { listening } of this.alertSubscribers) listening.close();
  }

  private snapshot(scope: WindowScope): Promise<AgentChange[]> {
    return this.read(scope, { agentIds: scope.agentIds, hidden: false }, () => null);
  }

  private changed(scope: WindowScope, changes: Map<string, Changes>): Promise<AgentChange[]> {
    // A deleted agent is told of once more: its windows are empty.
    return this.read(scope, { agentIds: [...changes.keys()], hidden: true }, (agent) => changes.get(agent.id) ?? null);
  }

  private read(
    scope: WindowScope,
    { agentIds, hidden }: { agentIds: readonly string[] | null; hidden: boolean },
    changesOf: (agent: AgentRow) => Changes | null,
  ): Promise<AgentChange[]> {
    return this.db.inTenants(
      [scope.tenantId],
      async (tx) => {
        const told: AgentChange[] = [];
        const scoped = await readScopeAgents(tx.sql, scope.tenantId, agentIds, { hidden });
        const known = new Map(scoped.map((row) => [row.id, row]));
        for (const agent of await readAgents(tx.sql, scope.tenantId, agentIds, { hidden })) {
          told.push(await readChange(tx, scope, agent, known.get(agent.id)!, changesOf(agent)));
        }
        return told;
      },
      { snapshot: true },
    );
  }
}

/** Listens from now on; returns what ends it. */
function join<Listening>(
  subscribers: Set<Subscriber<Listening>>,
  subscriber: Subscriber<Listening>,
  slot: Slot,
): () => void {
  subscribers.add(subscriber);
  return () => {
    slot.close();
    subscribers.delete(subscriber);
  };
}

/** What an agent's subscribers are told; without changes, the windows of the two minutes up to its newest event. */
async function readChange(
  tx: Transaction,
  scope: WindowScope,
  agent: AgentRow,
  { deletedRevision }: ScopeAgent,
  changes: Changes | null,
): Promise<AgentChange> {
  const { tenantId } = scope;
  const atSecond = Math.floor((agent.lastEventAt?.getTime() ?? 0) / 1_000);
  const fromMs = tumblingWindowStart((atSecond - SLIDING_SECONDS + 1) * 1_000);
  const toMs = tumblingWindowStart(atSecond * 1_000) + WINDOW_MS;
  const spans = changes === null ? [{ fromMs, toMs }] : spansOf(changes.starts);
  const windows = await readFinest(tx, scope, agent.id, spans, WINDOW_MS, scope.windowParts);
  const whole = await readFinest(tx, scope, agent.id, [{ fromMs, toMs }], Number.POSITIVE_INFINITY, scope.slidingParts);
  const span = { fromSecond: atSecond - SLIDING_SECONDS + 1, toSecond: atSecond, beyondRevision: -1 };
  const [seconds] = await readSeconds(tx.sql, [{ tenantId, agentId: agent.id, ...span }]);
  const decoded = seconds.map((row) => ({ startMs: row.startMs, seconds: decodeSeconds(row.seconds) }));
  const starts = [...(changes?.starts ?? windows.keys())].sort((a, b) => a - b);
  return {
    agent,
    windows: starts.map((startMs) => ({ startMs, bucket: windows.get(startMs) ?? emptyBucket() })),
    emptyRevision: deletedRevision,
    stale: changes?.stale ?? null,
    sliding: {
      atSecond,
      totals: slidingTotals(decoded, atSecond),
      breakdown: whole.get(0)?.breakdown ?? null,
    },
  };
}

/** Windows that follow each other are read as one range. */
function spansOf(starts: ReadonlySet<number>): { fromMs: number; toMs: number }[] {
  const spans: { fromMs: number; toMs: number }[] = [];
  for (const startMs of [...starts].sort((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last?.toMs === startMs) last.toMs += WINDOW_MS;
    else spans.push({ fromMs: startMs, toMs: startMs + WINDOW_MS });
  }
  return spans;
}

async function readFinest(
  { sql }: Transaction,
  { tenantId }: WindowScope,
  agentId: string,
  spans: readonly { fromMs: number; toMs: number }[],
  stepMs: number,
  parts: readonly Part[],
): Promise<Buckets> {
  const ranges = spans.map((span) => ({ ...span, agentId, resolution: RESOLUTIONS[0] }));
  const query = { tenantId, ranges, stepMs, byAgent: false };
  const owners = await readBuckets(sql, query);
  await addBreakdowns(sql, owners, { ...query, parts, floors: NO_FLOORS, keysOf: RESOLUTIONS[0] });
  return owners.get(null) ?? new Map();
}
