import { type GroupLimits, GroupQueue, type Waiting } from '../core/ingest/grouping.js';
import { ApiError, exhausted, isTransient } from '../errors.js';

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
/** Requests that are done alone, at a time: each may wait for its agent's lock. */
const ALONE_AT_ONCE = 4;
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
 * Does what arrives together in one transaction (group commit). An agent's requests keep their order, and one that fails
 * fails no other: what cannot be done as a group is done one by one.
 */
export class Together<Request, Result> {
  private readonly groups: GroupQueue<Pending<Request, Result>>;
  private readonly alone: Waiting<Pending<Request, Result>>[] = [];
  private groupsRunning = 0;
  private aloneRunning = 0;

  constructor(private readonly options: TogetherOptions<Request, Result>) {
    this.groups = new GroupQueue(options.limits);
  }

  /** What waits, in the limits' unit of weight. */
  get weight(): number {
    return this.groups.weight;
  }

  /**
   * @param key the agent
   * @throws ApiError; RESOURCE_EXHAUSTED where the database is busy or away: nothing was done, or its outcome is found out
   * by sending again.
   */
  add(key: string, weight: number, request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.groups.add({ key, weight, item: { request, tries: 0, resolve, reject } });
      this.pump();
    });
  }

  private pump(): void {
    while (this.groupsRunning < GROUPS_AT_ONCE) {
      const group = this.groups.take();
      if (group.length === 0) break;
      this.groupsRunning++;
      void this.doGroup(group).finally(() => {
        this.groupsRunning--;
        this.pump();
      });
    }
    while (this.aloneRunning < ALONE_AT_ONCE && this.alone.length > 0) {
      const one = this.alone.shift()!;
      this.aloneRunning++;
      void this.doAlone(one).finally(() => {
        this.aloneRunning--;
        this.pump();
      });
    }
  }

  private async doGroup(group: readonly Waiting<Pending<Request, Result>>[]): Promise<void> {
    try {
      const outcomes = await this.options.together(group.map(({ item }) => item.request));
      group.forEach((one, i) => {
        this.note(one, outcomes[i]);
      });
    } catch (error) {
      if (isTransient(error)) for (const one of group) this.fail(one, error);
      else this.alone.push(...group);
    }
  }

  private note(one: Waiting<Pending<Request, Result>>, outcome: Outcome<Result>): void {
    if (outcome instanceof ApiError) this.fail(one, outcome);
    else if (outcome === 'ALONE') this.alone.push(one);
    else if (outcome !== 'HELD') this.succeed(one, outcome);
    else if (++one.item.tries >= TRIES_IN_GROUPS) this.alone.push(one);
    else this.groups.putBack([one]);
  }

  private async doAlone(one: Waiting<Pending<Request, Result>>): Promise<void> {
    try {
      this.succeed(one, await this.options.alone(one.item.request));
    } catch (error) {
      this.fail(one, error);
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
