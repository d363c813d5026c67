import type { LogFilter } from '../core/retention/filter.js';
import { decodeSeconds, encodeSeconds } from '../core/windows/encoding.js';
import { takeGreater } from '../core/windows/window.js';
import type { Transaction } from '../store/database.js';
import type { LockedAgentRow } from '../store/sql/agent.sql.js';
import { type RuleScope, readRuleWindows, writeRuleWindows } from '../store/sql/rule-seconds.sql.js';
import { type AgentSpan, countKept } from './kept-counts.js';

/** A rule whose past is to be counted over one agent. */
export interface Fill extends RuleScope, AgentSpan {
  /** Its lock is held. */
  agent: LockedAgentRow;
  filter: LogFilter;
}

/**
 * Counts for a rule what is still kept of an agent's past, from what the rule needs next on. From the end of this
 * transaction on ingest counts what comes: no batch is missed, and none counted twice.
 *
 * What was counted under the same filter before stays where it is more: some of what it was counted from may have expired,
 * and some of what came since is not in it.
 *
 * @returns the event second from which on the counts are whole, and the entries that were looked at.
 */
export async function fillCounts(tx: Transaction, fill: Fill): Promise<{ countedFrom: number; entries: number }> {
  const { agent, filter, fromSecond } = fill;
  const { windows, wholeFrom, entries } = await countKept(tx, fill, filter);
  const rows = Array.from(windows, ([startMs, seconds]) => ({ ...ruleOf(fill), startMs, seconds }));
  const stored = await readRuleWindows(tx.sql, rows);
  rows.forEach(({ seconds }, i) => {
    const column = stored[i];
    if (column) takeGreater(seconds, decodeSeconds(column));
  });
  await writeRuleWindows(
    tx.sql,
    rows.map((row) => ({ ...row, revision: agent.revision, seconds: encodeSeconds(row.seconds) })),
  );
  return { countedFrom: Math.max(wholeFrom ?? fromSecond, fromSecond), entries };
}

function ruleOf({ tenantId, agentId, ruleId, filterVersion }: Fill): RuleScope {
  return { tenantId, agentId, ruleId, filterVersion };
}
