import type { Logger } from 'pino';
import type { DecodedBatch, LogBatch } from '../../schema/log-batch.js';
import { exhausted } from '../errors.js';
import { EntryRates } from '../plans/index.js';
import { RetentionCache } from '../retention/index.js';
import { freshBody } from '../store/chunk-body.js';
import type { Database, Transaction } from '../store/database.js';
import { withPartitions } from '../store/partitions.js';
import { lockFreeShown, lockWaiting, only, ownerOf } from './agents.js';
import { AHEAD_FROM_ENTRIES, CountsAhead } from './ahead.js';
import { appendGroup } from './append-group.js';
import { appendWithoutGuilty, refusesBatch } from './isolate.js';
import { type OpenedWindows, OpenWindows } from './open-windows.js';
import type { AppendRequest, AppendResult, Attempt } from './request.js';
import { type Outcome, RETRY_AFTER_MS, Together } from './together.js';

/** Batches and lines that share a transaction at most: a large batch has one to itself. */
const GROUP = { items: 128, weight: 8_192, light: 512 };
/** Lines that wait at most, of all tenants; more are told to come again: a decoded batch takes memory. */
const WAITING_LINES_MAX = 32 * 8_192;

/**
 * Takes batches in, each exactly once: compare and append in one transaction, which those that arrive together share.
 * Each is checked on its own: one that is refused fails no other.
 */
export class Ingest {
  private readonly retention = new RetentionCache();
  private readonly openWindows = new OpenWindows();
  private readonly ahead = new CountsAhead();
  private readonly rates: EntryRates;
  /** One request may name a batch several times. */
  private readonly bodies = new WeakMap<DecodedBatch, Promise<Buffer>>();
  private readonly batches = new Together<Attempt, AppendResult>({
    limits: GROUP,
    together: (attempts) => this.appendTogether(attempts),
    alone: (attempt) => this.appendAlone(attempt),
  });

  constructor(
    private readonly db: Database,
    private readonly log: Logger,
    private readonly onAppended: (request: AppendRequest, result: AppendResult) => void,
  ) {
    this.rates = new EntryRates(db, () => performance.now());
  }

  /**
   * Appends a batch, or says why not; sent again, it changes nothing.
   *
   * @throws ApiError RESOURCE_EXHAUSTED where the server or the database is busy or away: nothing was done, or its
   * outcome is found out by sending again. RATE_LIMITED where the tenant sends more than its plan allows: nothing was done.
   */
  async append(request: AppendRequest): Promise<AppendResult> {
    const giveBack = await this.rates.take(request.tenantId, request.batch.count);
    let isAppended = false;
    try {
      const result = await this.appendWithOthers(request);
      isAppended = result.outcome === 'APPENDED';
      if (isAppended) this.onAppended(request, result);
      return result;
    } finally {
      if (!isAppended) giveBack();
    }
  }

  private async appendWithOthers(request: AppendRequest): Promise<AppendResult> {
    if (!this.batches.hasRoom(request.tenantId, WAITING_LINES_MAX)) throw exhausted(RETRY_AFTER_MS);
    const attempt = { request, body: this.bodyOf(request), refusal: null };
    const appended = this.batches.add(ownerOf(request), request.batch.count, attempt);
    return request.batch.count < AHEAD_FROM_ENTRIES ? appended : this.countingAhead(request, appended);
  }

  private async countingAhead(request: AppendRequest, appended: Promise<AppendResult>): Promise<AppendResult> {
    // Once its transaction has been begun, if it is its turn.
    const counting = setImmediate(() => {
      // What fails fails in its turn.
      this.ahead.count(request).catch(() => this.ahead.forget(request));
    });
    try {
      return await appended;
    } finally {
      clearImmediate(counting);
      this.ahead.forget(request);
    }
  }

  private bodyOf({ wire, batch }: AppendRequest): Promise<Buffer> {
    if (wire !== null) letGo(wire);
    const known = this.bodies.get(batch);
    if (known !== undefined) return known;
    const body = freshBody(batch);
    body.catch(() => undefined);
    this.bodies.set(batch, body);
    return body;
  }

  private async appendTogether(attempts: readonly Attempt[]): Promise<Outcome<AppendResult>[]> {
    const { outcomes, opened } = await this.inTransaction(attempts, async (tx) => {
      const opened = this.openWindows.begin();
      const how = { lock: lockFreeShown, retention: this.retention, opened, ahead: this.ahead };
      return { outcomes: await appendGroup(tx, attempts, how), opened };
    });
    opened.committed();
    return outcomes;
  }

  private async appendAlone(attempt: Attempt): Promise<AppendResult> {
    const append = async (tx: Transaction, refusal: Attempt['refusal'], opened: OpenedWindows) => {
      const how = { lock: lockWaiting, retention: this.retention, opened, ahead: this.ahead };
      return only(await appendGroup(tx, [{ ...attempt, refusal }], how));
    };
    try {
      const opened = this.openWindows.begin();
      const result = await this.inTransaction([attempt], (tx) => append(tx, null, opened));
      opened.committed();
      return result;
    } catch (error) {
      if (!refusesBatch(error)) throw error;
      const forgotten = () => this.openWindows.begin();
      return this.inTransaction([attempt], (tx) =>
        appendWithoutGuilty(tx, attempt.request, error, (refusal) => append(tx, refusal, forgotten()), this.log),
      );
    }
  }

  private inTransaction<Result>(attempts: readonly Attempt[], work: (tx: Transaction) => Promise<Result>) {
    const tenantIds = [...new Set(attempts.map(({ request }) => request.tenantId))];
    return withPartitions(this.db, () => this.db.inTenants(tenantIds, work));
  }
}

/** Whoever received it holds it until it is answered, and many wait at a time. */
function letGo(wire: LogBatch): void {
  wire.time = wire.status = wire.bytes = [];
  wire.columns = {};
  delete wire.duration;
}
