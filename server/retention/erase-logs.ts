import type { Transaction } from '../store/database.js';
import { type BatchKey, batchesWithin, type ListedBatch } from '../store/sql/chunk.sql.js';
import { BATCHES_AT_ONCE, inGroups, merged, readBatches, rewriteBatches, type StoredBatch } from './rewrite.js';
import { readSettings } from './settings.js';

interface Span {
  fromMs: number;
  toMs: number;
}

/** Raw entries of an agent in a span that are still stored. */
export async function countLogs(tx: Transaction, tenantId: string, agentId: string, span: Span): Promise<number> {
  let count = 0;
  for (const keys of inGroups(await batchesWithin(tx.sql, tenantId, agentId, span))) {
    for (const stored of await readBatches(tx, keys, null)) count += placesIn(stored, span).length;
  }
  return count;
}

/** Erases an agent's raw entries of a span, some batches a transaction; from the disk too. */
export class LogErasure {
  private waiting: ListedBatch[] = [];
  private readonly looked = new Set<string>();

  constructor(
    private readonly tenantId: string,
    private readonly agentId: string,
    readonly span: Span,
  ) {}

  /**
   * Erases what some batches have of the span; what stays of them is written anew. The caller holds the agent's lock.
   *
   * @returns the entries that went; whether none is left: what came in since the batches were listed is looked at, too.
   */
  async eraseSome(tx: Transaction, nowMs: number): Promise<{ erased: number; isDone: boolean }> {
    const isListed = this.waiting.length === 0;
    if (isListed) {
      const within = await batchesWithin(tx.sql, this.tenantId, this.agentId, this.span);
      this.waiting = within.filter((key) => !this.looked.has(nameOf(key)));
    }
    const keys = this.waiting.slice(0, BATCHES_AT_ONCE);
    const erased = keys.length > 0 ? await this.eraseFrom(tx, keys, nowMs) : 0;
    // Only now: where it failed, it is tried again.
    this.waiting = this.waiting.slice(keys.length);
    for (const key of keys) this.looked.add(nameOf(key));
    return { erased, isDone: isListed && this.waiting.length === 0 };
  }

  private async eraseFrom(tx: Transaction, keys: readonly BatchKey[], nowMs: number): Promise<number> {
    const { span } = this;
    const stored = await readBatches(tx, keys, nowMs);
    const touched = stored.filter((batch) => placesIn(batch, span).length > 0);
    const rest = await Promise.all(touched.map((batch) => without(batch, span)));
    await rewriteBatches(tx, touched, rest, await readSettings(tx, this.tenantId), nowMs);
    return touched.reduce((sum, batch) => sum + placesIn(batch, span).length, 0);
  }
}

/** As it was written: one that others were joined to since is another. */
const nameOf = ({ streamId, from, writtenBy }: ListedBatch) => `${streamId} ${from} ${writtenBy}`;

/** Places of entries that are stored, and lie in the span. */
function placesIn({ batch, left }: StoredBatch, span: Span): number[] {
  return [...batch.timeMs.keys()].filter((place) => left[place] === 0 && isWithin(batch.timeMs[place], span));
}

function isWithin(timeMs: number, { fromMs, toMs }: Span): boolean {
  return timeMs >= fromMs && timeMs < toMs;
}

async function without(stored: StoredBatch, span: Span): Promise<StoredBatch> {
  const left = stored.left.map((isLeft, place) => (isWithin(stored.batch.timeMs[place], span) ? 1 : isLeft));
  return { ...stored, ...(await merged([{ ...stored, left }])) };
}
