import type { LogFilter } from '../core/retention/filter.js';
import type { Database } from '../store/database.js';
import { type OpenChunk, openChunk, placesOf, type StoredEntry, storedEntry } from '../store/logs.js';
import { readChunksOf } from '../store/sql/chunk.sql.js';
import { ENTRIES_OF_A_MESSAGE_MAX, type TailBatch, type TailNews, type TailSlot } from './tail-slot.js';

/** A subscriber is told at most so often; the first news after a quiet while goes at once. */
const ROUND_MS = 400;
/** Entries that are decoded in a round, and a batch more: to decode takes about 2 µs each, a twelfth of a core. */
const LINES_OF_A_ROUND = 8_192;

/** What a subscriber is told at a time. */
export interface TailMessage {
  tenantId: string;
  /** In the order of ingestion. */
  entries: StoredEntry[];
  /** Entries since the message before that the filter admitted, and that are not among these. */
  missed: number;
}

/** Who waits for a message. */
interface Asking {
  tenantId: string;
  filter: LogFilter;
  slot: TailSlot;
  resolve: (message: TailMessage) => void;
  reject: (error: unknown) => void;
}

/** One who is told in this round. */
interface Served {
  asking: Asking;
  news: TailNews;
  /** Those batches that are read. */
  chosen: TailBatch[];
}

const keyOf = ({ streamId, from }: { streamId: string; from: number }) => `${streamId} ${from}`;

/**
 * Reads from the store what tails are told, in rounds for all who wait: each batch once, however many are told of it, and
 * so much of them that ingest does not suffer. What is too much is left out, and counted.
 */
export class TailReader {
  private waiting: Asking[] = [];
  private timer: NodeJS.Timeout | undefined;
  private isReading = false;
  private readMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly db: Database) {}

  /** What the slot, which is not empty, has to tell. @throws the database's error. */
  next(tenantId: string, filter: LogFilter, slot: TailSlot): Promise<TailMessage> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ tenantId, filter, slot, resolve, reject });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.waiting.length === 0 || this.isReading) return;
    this.timer ??= setTimeout(() => void this.round(), Math.max(0, this.readMs + ROUND_MS - performance.now()));
  }

  private async round(): Promise<void> {
    this.timer = undefined;
    this.isReading = true;
    this.readMs = performance.now();
    for (const [tenantId, served] of byTenant(this.choose())) {
      try {
        await this.tell(tenantId, served);
      } catch (error) {
        for (const { asking } of served) asking.reject(error);
      }
    }
    this.isReading = false;
    this.schedule();
  }

  /** Whose turn it is, and what is read for them; the others' is the next. */
  private choose(): Served[] {
    const read = new Set<string>();
    const served: Served[] = [];
    let left = LINES_OF_A_ROUND;
    while (this.waiting.length > 0 && left > 0) {
      const asking = this.waiting.shift()!;
      const news = asking.slot.take();
      const chosen: TailBatch[] = [];
      // The newest first: of what is too much, the oldest is left out.
      for (const batch of news.batches.toReversed()) {
        const isRead = read.has(keyOf(batch));
        if (!isRead && left <= 0) break;
        if (!isRead) left -= batch.lines;
        read.add(keyOf(batch));
        chosen.unshift(batch);
      }
      served.push({ asking, news, chosen });
    }
    return served;
  }

  private async tell(tenantId: string, served: readonly Served[]): Promise<void> {
    const batches = new Map(served.flatMap(({ chosen }) => chosen).map((batch) => [keyOf(batch), batch]));
    const rows =
      batches.size === 0
        ? []
        : await this.db.inTenants([tenantId], ({ sql }) => readChunksOf(sql, tenantId, [...batches.values()]));
    const chunks = new Map<string, OpenChunk[]>();
    for (const row of rows) chunks.set(keyOf(row), [...(chunks.get(keyOf(row)) ?? []), await openChunk(row)]);
    for (const one of served) one.asking.resolve({ tenantId, ...messageOf(one, chunks) });
  }
}

function messageOf({ asking, news, chosen }: Served, chunks: ReadonlyMap<string, readonly OpenChunk[]>) {
  const asked = { filter: asking.filter, ...WHENEVER, after: null };
  const found = chosen.flatMap((batch) =>
    (chunks.get(keyOf(batch)) ?? [])
      .flatMap((chunk) => placesOf(chunk, asked))
      .sort((a, b) => a.key.ordinal - b.key.ordinal),
  );
  const entries = found.slice(-ENTRIES_OF_A_MESSAGE_MAX).map(storedEntry);
  const admitted = news.batches.reduce((sum, batch) => sum + batch.admitted, news.missed);
  return { entries, missed: Math.max(0, admitted - entries.length) };
}

const WHENEVER = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };

function byTenant(served: readonly Served[]): Map<string, Served[]> {
  const found = new Map<string, Served[]>();
  for (const one of served) found.set(one.asking.tenantId, [...(found.get(one.asking.tenantId) ?? []), one]);
  return found;
}
