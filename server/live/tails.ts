import { createHash } from 'node:crypto';
import type { DecodedBatch } from '../../schema/log-batch.js';
import { ADMITS_NONE, admitting, type LogFilter } from '../core/retention/filter.js';
import { rateLimited } from '../errors.js';
import type { Bus } from '../store/bus.js';
import type { Database } from '../store/database.js';
import { subscription } from './subscription.js';
import { type TailMessage, TailReader } from './tail-reader.js';
import { type TailBatch, type TailNews, TailSlot } from './tail-slot.js';

/** What somebody follows. */
export interface TailScope {
  tenantId: string;
  /** Null: all of the tenant's, those to come too. */
  agentIds: readonly string[] | null;
  filter: LogFilter;
}

/** A batch as it was taken in. */
export interface TakenIn {
  tenantId: string;
  agentId: string;
  streamId: string;
  from: number;
  batch: DecodedBatch;
  /** 1 where an entry was not. */
  left: Uint8Array;
  accepted: number;
}

interface CohortKey {
  tenantId: string;
  /** The same for all who follow the same, on whatever server. */
  key: string;
}

type Want = TailScope & CohortKey;

/** Those who follow the same: what a batch has for them is counted once. */
interface Cohort {
  want: Want;
  /** Null: all. */
  agents: ReadonlySet<string> | null;
  slots: Set<TailSlot>;
  /** What waits to be said to other servers, where somebody follows it too. */
  abroad: { slot: TailSlot; untilMs: number } | null;
}

/** What servers tell each other: what is followed on one of them, and what another took in of it. */
type Said = { wants: Want[] } | { asks: true } | (CohortKey & TailNews);

/** A server says so often what is followed there; the others believe it for so long. */
const SAY_WANTS_EVERY_MS = 5_000;
const WANTED_MS = 15_000;
const ASK_AGAIN_MS = 5_000;

/**
 * Carries what is taken in to those who follow it. A batch is counted for each filter as it comes, from what ingest has
 * decoded anyway; what waits are names of batches (TailSlot), and entries are read from the store when a subscriber takes
 * them (TailReader). Where nobody follows anything nothing is done, on this server nor between servers.
 */
export class Tails {
  private readonly byTenant = new Map<string, Map<string, Cohort>>();
  private readonly reader: TailReader;
  private saysWants = false;
  private asks = false;
  private timer: NodeJS.Timeout | undefined;

  /** @param cohortsMax different tails of a tenant, on this server: each is counted for */
  constructor(
    db: Database,
    private readonly bus: Bus,
    private readonly cohortsMax: number,
  ) {
    this.reader = new TailReader(db);
    bus.join('tails', {
      collect: () => this.collect(),
      take: (message) => this.heard(message as Said),
      connected: () => {
        this.asks = true;
        this.sayWants();
      },
    });
  }

  /** Entries as they are taken in from now on, at first none. @throws ApiError RATE_LIMITED where too much is followed. */
  follow(scope: TailScope): AsyncIterableIterator<TailMessage> {
    const slot = new TailSlot();
    const cohort = this.cohortOf(wantOf(scope));
    if (cohort.slots.size === 0 && this.ownCohorts(scope.tenantId) >= this.cohortsMax) {
      this.forget(cohort);
      throw rateLimited(`${this.cohortsMax} different log tails of this tenant are followed`, ASK_AGAIN_MS);
    }
    cohort.slots.add(slot);
    this.sayWants();
    const leave = () => {
      slot.close();
      cohort.slots.delete(slot);
      this.forget(cohort);
    };
    return subscription(leave, () => this.tell(cohort.want, slot));
  }

  /** Committed: a batch was taken in. */
  takenIn({ tenantId, agentId, streamId, from, batch, left, accepted }: TakenIn): void {
    const cohorts = this.byTenant.get(tenantId);
    if (cohorts === undefined || accepted === 0) return;
    for (const cohort of cohorts.values()) {
      if (cohort.agents !== null && !cohort.agents.has(agentId)) continue;
      const admitted = countAdmitted(batch, left, cohort.want.filter);
      if (admitted > 0) this.put(cohort, { agentId, streamId, from, lines: batch.count, admitted });
    }
  }

  /** Tails that are followed now. */
  get subscribers(): number {
    return this.cohorts().reduce((sum, { slots }) => sum + slots.size, 0);
  }

  /** Ends all of them: the server stops. */
  close(): void {
    clearInterval(this.timer);
    for (const { slots } of this.cohorts()) for (const slot of slots) slot.close();
  }

  private async *tell({ tenantId, filter }: Want, slot: TailSlot): AsyncGenerator<TailMessage> {
    yield { tenantId, entries: [], missed: 0 };
    while (await slot.filled()) yield await this.reader.next(tenantId, filter, slot);
  }

  private put(cohort: Cohort, batch: TailBatch): void {
    for (const slot of cohort.slots) slot.put(batch);
    if (cohort.abroad === null) return;
    if (cohort.abroad.untilMs < performance.now()) {
      cohort.abroad = null;
      this.forget(cohort);
      return;
    }
    cohort.abroad.slot.put(batch);
    this.bus.wake();
  }

  /** What this server has to say to the others. */
  private collect(): Said[] {
    const said: Said[] = [];
    if (this.asks) said.push({ asks: true });
    this.asks = false;
    const own = this.cohorts().filter(({ slots }) => slots.size > 0);
    if (this.saysWants && own.length > 0) said.push({ wants: own.map(({ want }) => want) });
    this.saysWants = false;
    for (const { want, abroad } of this.cohorts()) {
      const { tenantId, key } = want;
      if (abroad !== null && !abroad.slot.isEmpty) said.push({ tenantId, key, ...abroad.slot.take() });
    }
    return said;
  }

  private heard(said: Said): void {
    if ('asks' in said) this.sayWants();
    else if ('wants' in said) this.wanted(said.wants);
    else {
      for (const slot of this.byTenant.get(said.tenantId)?.get(said.key)?.slots ?? []) {
        slot.leaveOut(said.missed);
        for (const batch of said.batches) slot.put(batch);
      }
    }
  }

  private wanted(wants: readonly Want[]): void {
    const nowMs = performance.now();
    for (const want of wants) {
      const cohort = this.cohortOf(want);
      cohort.abroad = { slot: cohort.abroad?.slot ?? new TailSlot(), untilMs: nowMs + WANTED_MS };
    }
    for (const cohort of this.cohorts()) {
      if (cohort.abroad !== null && cohort.abroad.untilMs < nowMs) cohort.abroad = null;
      this.forget(cohort);
    }
  }

  /** Says what is followed here, soon, and over and over as long as anything is. */
  private sayWants(): void {
    this.saysWants = true;
    this.bus.wake();
    this.timer ??= setInterval(() => {
      if (this.subscribers > 0) this.sayWants();
      else {
        clearInterval(this.timer);
        this.timer = undefined;
      }
    }, SAY_WANTS_EVERY_MS).unref();
  }

  private cohorts(): Cohort[] {
    return [...this.byTenant.values()].flatMap((cohorts) => [...cohorts.values()]);
  }

  private ownCohorts(tenantId: string): number {
    return [...(this.byTenant.get(tenantId)?.values() ?? [])].filter(({ slots }) => slots.size > 0).length;
  }

  private cohortOf(want: Want): Cohort {
    const cohorts = this.byTenant.get(want.tenantId) ?? new Map<string, Cohort>();
    this.byTenant.set(want.tenantId, cohorts);
    const agents = want.agentIds && new Set(want.agentIds);
    const cohort = cohorts.get(want.key) ?? { want, agents, slots: new Set(), abroad: null };
    cohorts.set(want.key, cohort);
    return cohort;
  }

  /** Once nobody follows it. */
  private forget(cohort: Cohort): void {
    const { want, slots, abroad } = cohort;
    const cohorts = this.byTenant.get(want.tenantId);
    if (slots.size > 0 || abroad !== null || cohorts?.get(want.key) !== cohort) return;
    cohorts.delete(want.key);
    if (cohorts.size === 0) this.byTenant.delete(want.tenantId);
  }
}

function wantOf({ tenantId, agentIds, filter }: TailScope): Want {
  const scope = {
    tenantId,
    agentIds: agentIds?.toSorted() ?? null,
    filter: Object.fromEntries(
      Object.entries(filter)
        .filter(([, value]) => value != null)
        .toSorted(),
    ) as LogFilter,
  };
  return { ...scope, key: createHash('sha256').update(JSON.stringify(scope)).digest('base64url') };
}

function countAdmitted(batch: DecodedBatch, left: Uint8Array, filter: LogFilter): number {
  const admits = admitting(batch, filter);
  if (admits === ADMITS_NONE) return 0;
  let count = 0;
  for (let i = 0; i < batch.count; i++) if (left[i] === 0 && admits(i)) count++;
  return count;
}
