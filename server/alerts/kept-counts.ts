import type { DecodedBatch } from '../../schema/log-batch.js';
import {
  type Counting,
  countAdmitted,
  type RuleWindows,
  type TimeSpan,
  wholeFrom,
} from '../core/alerts/rule-counts.js';
import { decodeSeconds } from '../core/windows/encoding.js';
import { tumblingWindowStart, WINDOW_MS } from '../core/windows/tumbling.js';
import { STATUS_CLASSES, statusClass } from '../core/windows/window.js';
import { batchOfBody } from '../store/chunk-body.js';
import type { Transaction } from '../store/database.js';
import type { AgentKey } from '../store/sql/agent.sql.js';
import { readChunksWithin } from '../store/sql/chunk.sql.js';
import { readSeconds } from '../store/sql/traffic.sql.js';

/** What a rule counts of the raw entries that are still kept. */
export interface KeptCounts {
  windows: RuleWindows;
  /** The event second from which on no entry that it may count is missing; null: none is. */
  wholeFrom: number | null;
  /** Entries that were looked at. */
  entries: number;
}

/** Event seconds of an agent, both inclusive. */
export interface AgentSpan extends AgentKey {
  fromSecond: number;
  toSecond: number;
}

/** Counts raw entries of an agent that are kept, whole windows of 10 seconds that touch the span. */
export async function countKept(tx: Transaction, span: AgentSpan, counting: Counting): Promise<KeptCounts> {
  const times = {
    fromMs: tumblingWindowStart(span.fromSecond * 1_000),
    toMs: tumblingWindowStart(span.toSecond * 1_000) + WINDOW_MS,
  };
  const windows: RuleWindows = new Map();
  const kept = new Map<number, number[]>();
  let entries = 0;
  for await (const chunks of readChunksWithin(tx.sql, { ...span, ...times })) {
    for (const { body, mask } of chunks) {
      const batch = await batchOfBody(body);
      countAdmitted(windows, { batch, left: mask }, counting, times);
      countByClass(kept, batch, mask, times);
      entries += batch.count;
    }
  }
  return { windows, wholeFrom: wholeFrom(await countedByClass(tx, span), kept, counting.filter), entries };
}

function countByClass(
  kept: Map<number, number[]>,
  batch: DecodedBatch,
  mask: Buffer | null,
  { fromMs, toMs }: TimeSpan,
): void {
  for (let i = 0; i < batch.count; i++) {
    const timeMs = batch.timeMs[i];
    if (mask?.[i] || timeMs < fromMs || timeMs >= toMs) continue;
    const startMs = tumblingWindowStart(timeMs);
    let hits = kept.get(startMs);
    if (hits === undefined) kept.set(startMs, (hits = STATUS_CLASSES.map(() => 0)));
    hits[statusClass(batch.status[i])]++;
  }
}

/** What the statistics say of the same windows. */
async function countedByClass(tx: Transaction, span: AgentSpan): Promise<Map<number, number[]>> {
  const [rows] = await readSeconds(tx.sql, [{ ...span, beyondRevision: -1 }]);
  const sum = (column: readonly number[]) => column.reduce((total, hits) => total + hits, 0);
  return new Map(rows.map(({ startMs, seconds }) => [startMs, decodeSeconds(seconds).status.map(sum)]));
}
