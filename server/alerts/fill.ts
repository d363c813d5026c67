import { type Counting, encodeRuleWindow, takeGreaterWindow } from '../core/alerts/rule-counts.js';
import type { Transaction } from '../store/database.js';
import type { EvaluatedAgentRow } from '../store/sql/agent.sql.js';
import { type RuleScope, readRuleWindows, writeRuleWindows } from '../store/sql/rule-seconds.sql.js';
import { type AgentSpan, countKept, type KeptCounts } from './kept-counts.js';

/** A rule whose past is to be counted over one agent. */
export interface Fill extends RuleScope, AgentSpan {
  /** Its lock is held. */
  agent: EvaluatedAgentRow;
  counting: Counting;
}

/**
 * Counts for a rule what is still kept of an agent's past, from what the rule needs next on. From the end of this
 * transaction on ingest counts what comes: no batch is missed, and none counted twice.
 *
 * What was counted under the same filter before stays where it is more: some of what it was counted from may have expired,
 * and some of what came since is not in it.
 *
 * @returns the event second from which on the counts are whole, null where none of the span is missing, and the entries
 * that were looked at.
 */
export async function fillCounts(tx: Transaction, fill: Fill): Promise<Pick<KeptCounts, 'wholeFrom' | 'entries'>> {
  const { agent, counting } = fill;
  const { windows, wholeFrom, entries } = await countKept(tx, fill, counting);
  const rows = Array.from(windows, ([startMs, window]) => ({ ...ruleOf(fill), startMs, window }));
  const stored = await readRuleWindows(tx.sql, rows);
  rows.forEach(({ window }, i) => {
    const columns = stored[i];
    if (columns) takeGreaterWindow(window, columns);
  });
  await writeRuleWindows(
    tx.sql,
    rows.map(({ window, ...row }) => ({ ...row, revision: agent.revision, ...encodeRuleWindow(window) })),
  );
  return { wholeFrom, entries };
}

function ruleOf({ tenantId, agentId, ruleId, filterVersion }: Fill): RuleScope {
  return { tenantId, agentId, ruleId, filterVersion };
}
