import { RESOLUTIONS, rollupStart } from '../core/windows/resolutions.js';
import { sumOf, type Totals } from '../core/windows/window.js';
import type { Transaction } from '../store/database.js';
import { type BreakdownOfWindow, writeBreakdowns } from '../store/sql/breakdown.sql.js';
import { addNumbers, untouchedMinutes } from '../store/sql/window.sql.js';
import type { CountedBatch } from './windows.js';

const MINUTE = RESOLUTIONS[1];

/**
 * Writes the minutes that lie whole in a batch, of which nothing was known before: counted from its entries they cost a
 * fraction of what rolling them up does, and old files are made of little else. The caller holds the agent's lock.
 *
 * @param starts of the batch's 10-second windows that are kept, ascending
 * @returns starts of these minutes: they are clean, what is made of them is not.
 */
export async function addWholeMinutes(
  tx: Transaction,
  { tenantId, agent, revision, aggregate }: CountedBatch,
  starts: readonly number[],
): Promise<ReadonlySet<number>> {
  const minutes = new Map<number, number[]>();
  // More will come of the newest minute.
  const openMs = rollupStart(starts.at(-1) ?? 0, MINUTE);
  for (const startMs of starts) {
    const minuteMs = rollupStart(startMs, MINUTE);
    if (minuteMs >= openMs || minuteMs < agent.breakdownFloors[0]) continue;
    minutes.set(minuteMs, [...(minutes.get(minuteMs) ?? []), startMs]);
  }
  if (minutes.size === 0) return new Set();
  const whole = await untouchedMinutes(tx.sql, tenantId, agent.id, [...minutes.keys()]);
  const totals = new Map<number, Totals>();
  const scope = { tenantId, agentId: agent.id, resolution: MINUTE };
  const breakdowns: BreakdownOfWindow[] = [];
  for (const minuteMs of whole) {
    const parts = minutes.get(minuteMs)!;
    totals.set(minuteMs, sumOf(parts.map((startMs) => aggregate.windows.get(startMs)!)));
    breakdowns.push({ ...scope, startMs: minuteMs, breakdown: aggregate.encodedBreakdownOf(parts, MINUTE) });
  }
  if (whole.length > 0) await addNumbers(tx.sql, scope, revision, totals);
  await writeBreakdowns(tx.sql, breakdowns);
  return new Set(whole);
}
