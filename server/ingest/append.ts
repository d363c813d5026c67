import type { Logger } from 'pino';
import type { LogBatch } from '../../schema/log-batch.js';
import { GroupQueue, type Waiting } from '../core/ingest/grouping.js';
import { ApiError, exhausted, isTransient } from '../errors.js';
import { RetentionCache } from '../retention/index.js';
import { deflated } from '../store/chunk-body.js';
import type { Database, Transaction } from '../store/database.js';
import { withPartitions } from '../store/partitions.js';
import { lockFree, lockWaiting } from './agents.js';
import { appendGroup, type Outcome } from './append-group.js';
import { appendWithoutGuilty, refusesBatch } from './isolate.js';
import type { AppendRequest, AppendResult, Attempt } from './request.js';

/** Batches and lines that share a transaction at most: a large batch has one to itself. */
const GROUP = { items: 128, weight: 8_192 };
/** Groups at a time: while one is written another is computed. */
const GROUPS_AT_ONCE = 4;
/** Batches that are done alone, at a time: each may wait for its agent's lock. */
const ALONE_AT_ONCE = 4;
/** A batch whose agent another holds joins so many groups before it waits for the lock alone. */
const TRIES_IN_GROUPS = 3;
/** Lines that wait at most; more are told to come again: a decoded batch takes memory. */
const WAITING_LINES_MAX = 32 * 8_192;
const RETRY_AFTER_MS = 500;

interface Pending extends Attempt {
  tries: number;
  resolve: (result: AppendResult) => void;
  reject: (error: unknown) => void;
}

/**
 * Takes batches in, each exactly once: compare and append in one transaction, which those that arrive together share
 * (group commit). Each is checked on its own: one that is refused fails no other.
 */
export class Ingest {
  private readonly retention = new RetentionCache();
  private readonly groups = new GroupQueue<Pending>(GROUP);
  private readonly alone: Waiting<Pending>[] = [];
  private groupsRunning = 0;
  private aloneRunning = 0;

  constructor(
    private readonly db: Database,
    private readonly log: Logger,
    private readonly onAppended: (tenantId: string, result: AppendResult) => void,
  ) {}

  /**
   * Appends a batch, or says why not; sent again, it changes nothing.
   *
   * @throws ApiError RESOURCE_EXHAUSTED where the server or the database is busy or away: nothing was done, or its
   * outcome is found out by sending again.
   */
  async append(request: AppendRequest): Promise<AppendResult> {
    if (this.groups.weight > WAITING_LINES_MAX) throw exhausted(RETRY_AFTER_MS);
    const body = deflated(chunkOf(request.wire));
    body.catch(() => undefined);
    return new Promise((resolve, reject) => {
      const item = { request, body, refusal: null, tries: 0, resolve, reject };
      this.groups.add({ key: `${request.tenantId} ${request.agentName}`, weight: request.batch.count, item });
      this.pump();
    });
  }

  private pump(): void {
    while (this.groupsRunning < GROUPS_AT_ONCE) {
      const group = this.groups.take();
      if (group.length === 0) break;
      this.groupsRunning++;
      void this.together(group).finally(() => {
        this.groupsRunning--;
        this.pump();
      });
    }
    while (this.aloneRunning < ALONE_AT_ONCE && this.alone.length > 0) {
      const one = this.alone.shift()!;
      this.aloneRunning++;
      void this.settle(one, () => this.takeAlone(one.item)).finally(() => {
        this.aloneRunning--;
        this.pump();
      });
    }
  }

  /** What fails as a group is done one by one, so that the guilty one fails alone. */
  private async together(group: readonly Waiting<Pending>[]): Promise<void> {
    try {
      const outcomes = await this.inTransaction(group, (tx) =>
        appendGroup(
          tx,
          group.map(({ item }) => item),
          { lock: lockFree, retention: this.retention },
        ),
      );
      await Promise.all(group.map((one, i) => this.note(one, outcomes[i])));
    } catch (error) {
      if (isTransient(error)) await Promise.all(group.map((one) => this.settle(one, () => Promise.reject(error))));
      else this.alone.push(...group);
    }
  }

  private async note(one: Waiting<Pending>, outcome: Outcome): Promise<void> {
    if (outcome === 'UNKNOWN_AGENT' || (outcome === 'HELD' && ++one.item.tries >= TRIES_IN_GROUPS))
      this.alone.push(one);
    else if (outcome === 'HELD') this.groups.putBack([one]);
    else await this.settle(one, async () => settled(outcome));
  }

  private async takeAlone(attempt: Attempt): Promise<AppendResult> {
    const append = async (tx: Transaction, refusal: Attempt['refusal']) => {
      const how = { lock: lockWaiting, retention: this.retention };
      return settled((await appendGroup(tx, [{ ...attempt, refusal }], how))[0]);
    };
    const own = [{ item: attempt }];
    try {
      return await this.inTransaction(own, (tx) => append(tx, null));
    } catch (error) {
      if (!refusesBatch(error)) throw error;
      return this.inTransaction(own, (tx) =>
        appendWithoutGuilty(tx, attempt.request, error, (refusal) => append(tx, refusal), this.log),
      );
    }
  }

  private inTransaction<Result>(group: readonly { item: Attempt }[], work: (tx: Transaction) => Promise<Result>) {
    const tenantIds = [...new Set(group.map(({ item }) => item.request.tenantId))];
    return withPartitions(this.db, () => this.db.inTenants(tenantIds, work));
  }

  /** Answers, and lets the agent's next batch come. */
  private async settle(one: Waiting<Pending>, work: () => Promise<AppendResult>): Promise<void> {
    const { request, resolve, reject } = one.item;
    try {
      const result = await work();
      if (result.outcome === 'APPENDED') this.onAppended(request.tenantId, result);
      resolve(result);
    } catch (error) {
      reject(error instanceof ApiError || !isTransient(error) ? error : exhausted(RETRY_AFTER_MS));
    } finally {
      this.groups.release(one);
    }
  }
}

function settled(outcome: Outcome): AppendResult {
  if (outcome instanceof ApiError) throw outcome;
  if (typeof outcome === 'string') throw new Error(`a batch that waits for its agent found it ${outcome}`);
  return outcome;
}

/** Known columns only: what else an agent sent along is not ours to keep. */
function chunkOf({ version, count, base, time, status, bytes, duration, columns }: LogBatch): LogBatch {
  return { version, count, base, time, status, bytes, ...(duration ? { duration } : {}), columns };
}
