import { type GroupLimits, GroupQueue, type Waiting } from '../core/ingest/grouping.js';
import { ApiError, exhausted, isTransient } from '../errors.js';

/** Whose a request is. */
export interface Owner {
  tenant: string;
  /** The agent, among those of all tenants. */
  key: string;
}

/** What came of one of a group; nothing was done where another holds its agent, or it must be done alone. */
export type Outcome<Result> = Result | ApiError | 'HELD' | 'ALONE';

export interface TogetherOptions<Request, Result> {
  limits: GroupLimits;
  /** Does a group, each checked on its own. Where it throws nothing was done. */
  together: (requests: readonly Request[]) => Promise<Outcome<Result>[]>;
  /** Does one, and waits for its agent where another holds it. */
  alone: (request: Request) => Promise<Result>;
}

/** Groups at a time: while one is written another is computed. */
const GROUPS_AT_ONCE = 2;
/** Where none of these is light one more may be, which is: else it waited for what takes many times as long. */
const BESIDE_HEAVY = 1;
/** Requests that are done alone, at a time: each may wait for its agent's lock. */
const ALONE_AT_ONCE = 4;
const ONE_AT_A_TIME = { items: 1, weight: Number.POSITIVE_INFINITY, light: 0 };
/** One whose agent another holds joins so many groups before it waits for the lock alone. */
const TRIES_IN_GROUPS = 3;
/** When a request that found no room, or no database, may come again. */
export const RETRY_AFTER_MS = 500;

interface Pending<Request, Result> {
  request: Request;
  tries: number;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Does what arrives together in one transaction (group commit). Tenants have even shares of it; an agent's requests keep
 * their order, and one that fails fails no other: what cannot be done as a group is done one by one.
 */
export class Together<Request, Result> {
  private readonly groups: GroupQueue<Pending<Request, Result>>;
  private readonly alone = new GroupQueue<Pending<Request, Result>>(ONE_AT_A_TIME);
  /** Groups under way. */
  private readonly running = new Set<readonly Waiting<Pending<Request, Result>>[]>();
  private aloneRunning = 0;

  constructor(private readonly options: TogetherOptions<Request, Result>) {
    this.groups = new GroupQueue(options.limits);
  }

  /** Whether more of a tenant may wait, of `max` for all, in the limits' unit of weight. */
  hasRoom(tenant: string, max: number): boolean {
    return this.groups.hasRoom(tenant, max);
  }

  /**
   * @throws ApiError; RESOURCE_EXHAUSTED where the database is busy or away: nothing was done, or its outcome is found out
   * by sending again.
   */
  add({ tenant, key }: Owner, weight: number, request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.groups.add({ tenant, key, weight, item: { request, tries: 0, resolve, reject } });
      this.pump();
    });
  }

  private pump(): void {
    for (let group = this.nextGroup(); group.length > 0; group = this.nextGroup()) {
      this.running.add(group);
      void this.doGroup(group).finally(() => {
        this.running.delete(group);
        this.pump();
      });
    }
    while (this.aloneRunning < ALONE_AT_ONCE) {
      const [one] = this.alone.take();
      if (one === undefined) break;
      this.aloneRunning++;
      void this.doAlone(one).finally(() => {
        this.aloneRunning--;
        this.pump();
      });
    }
  }

  private nextGroup(): Waiting<Pending<Request, Result>>[] {
    const running = [...this.running];
    const isBesideHeavy = running.length >= GROUPS_AT_ONCE;
    if (running.length >= GROUPS_AT_ONCE + BESIDE_HEAVY) return [];
    if (isBesideHeavy && running.some((group) => this.groups.isLight(group))) return [];
    // What is small of a tenant gathers while such of it is under way: fewer groups, of more.
    return this.groups.take(isBesideHeavy ? 'LIGHT' : 'ANY', this.groups.tenantsOfSmall(running.flat()));
  }

  private async doGroup(group: readonly Waiting<Pending<Request, Result>>[]): Promise<void> {
    try {
      const outcomes = await this.options.together(group.map(({ item }) => item.request));
      group.forEach((one, i) => {
        this.note(one, outcomes[i]);
      });
    } catch (error) {
      if (isTransient(error)) for (const one of group) this.fail(one, error);
      else for (const one of group) this.alone.add(one);
    }
  }

  private note(one: Waiting<Pending<Request, Result>>, outcome: Outcome<Result>): void {
    if (outcome instanceof ApiError) this.fail(one, outcome);
    else if (outcome === 'ALONE') this.alone.add(one);
    else if (outcome !== 'HELD') this.succeed(one, outcome);
    else if (++one.item.tries >= TRIES_IN_GROUPS) this.alone.add(one);
    else this.groups.putBack([one]);
  }

  private async doAlone(one: Waiting<Pending<Request, Result>>): Promise<void> {
    try {
      this.succeed(one, await this.options.alone(one.item.request));
    } catch (error) {
      this.fail(one, error);
    } finally {
      this.alone.release(one);
    }
  }

  private succeed(one: Waiting<Pending<Request, Result>>, result: Result): void {
    this.groups.release(one);
    one.item.resolve(result);
  }

  private fail(one: Waiting<Pending<Request, Result>>, error: unknown): void {
    this.groups.release(one);
    one.item.reject(!(error instanceof ApiError) && isTransient(error) ? exhausted(RETRY_AFTER_MS) : error);
  }
}
