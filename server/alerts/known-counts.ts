import type { SecondCounts } from '../core/alerts/decide.js';
import type { Counting } from '../core/alerts/rule-counts.js';
import type { Transaction } from '../store/database.js';
import { readSeconds } from '../store/sql/traffic.sql.js';
import { type AgentSpan, countKept } from './kept-counts.js';
import { secondCountsOf, secondCountsOfWindow } from './second-counts.js';

/** Counts by second that are not zero, ascending. */
export interface KnownCounts {
  counts: SecondCounts[];
  /** The event second from which on they lack nothing; null: they lack nothing at all. */
  wholeFrom: number | null;
}

/** Of all traffic, from the statistics: whole windows of 10 seconds that touch the span. */
export async function trafficSeconds(tx: Transaction, span: AgentSpan): Promise<KnownCounts> {
  const [rows] = await readSeconds(tx.sql, [{ ...span, beyondRevision: -1 }]);
  return { counts: rows.flatMap(({ startMs, seconds }) => secondCountsOf(startMs, seconds)), wholeFrom: null };
}

/** Of what a rule counts itself, from the raw entries that are kept. */
export async function keptSeconds(tx: Transaction, span: AgentSpan, counting: Counting): Promise<KnownCounts> {
  const { windows, wholeFrom } = await countKept(tx, span, counting);
  const ascending = [...windows].sort(([a], [b]) => a - b);
  return { counts: ascending.flatMap(([startMs, window]) => secondCountsOfWindow(startMs, window)), wholeFrom };
}
