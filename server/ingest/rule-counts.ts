import type { DecodedBatch } from '../../schema/log-batch.js';
import {
  addStoredWindow,
  type Counting,
  countAdmitted,
  encodeRuleWindow,
  RULE_SECONDS_KEEP_MS,
  type RuleWindow,
  type RuleWindows,
} from '../core/alerts/rule-counts.js';
import { decidableUntil } from '../core/time/clock.js';
import type { Transaction } from '../store/database.js';
import { type LockedAgentRow, noteCountsRules } from '../store/sql/agent.sql.js';
import {
  type RuleWindowKey,
  readCountedRules,
  readRuleWindows,
  writeRuleWindows,
} from '../store/sql/rule-seconds.sql.js';
import { isNewWindow } from './open-windows.js';

/** A batch that is being taken in. */
export interface BatchOfAgent {
  tenantId: string;
  /** Its lock is held. */
  agent: LockedAgentRow;
  /** As of which what it adds is. */
  revision: number;
  batch: DecodedBatch;
  /** 1 where an entry is not counted. */
  left: Uint8Array;
}

interface Merge extends RuleWindowKey {
  agent: LockedAgentRow;
  revision: number;
  window: RuleWindow;
}

const agentKeyOf = ({ tenantId, agent }: BatchOfAgent) => ({ tenantId, agentId: agent.id });

/**
 * Counts what filtered alert rules, and those over response times, look at of batches, and merges it into what is stored. Costs nothing where no rule
 * counts entries of their agents. Which rules do is read under the agents' locks: whoever changes a rule holds them. No
 * two batches are of one agent.
 */
export async function countForRules(tx: Transaction, batches: readonly BatchOfAgent[]): Promise<void> {
  const asked = batches.filter(({ agent }) => agent.countsRules);
  if (asked.length === 0) return;
  const rules = await readCountedRules(tx.sql, asked.map(agentKeyOf));
  await noteCountsRules(tx.sql, asked.filter((_, i) => rules[i].length === 0).map(agentKeyOf), false);
  const merges = asked.flatMap((one, i) =>
    rules[i].flatMap(({ counting, ...rule }) => mergesOf(one, rule, countedOf(one, counting))),
  );
  await addStored(tx, merges);
  await writeRuleWindows(
    tx.sql,
    merges.map(({ window, ...merge }) => ({ ...merge, ...encodeRuleWindow(window) })),
  );
}

function countedOf({ agent, batch, left }: BatchOfAgent, counting: Counting): RuleWindows {
  const windows: RuleWindows = new Map();
  countAdmitted(windows, { batch, left }, counting, { fromMs: neededFromMs(agent), toMs: Number.POSITIVE_INFINITY });
  return windows;
}

/** What is older than any rule looks back is not counted; while nothing is decided, an older entry is the first to be. */
function neededFromMs({ firstEventMs, alertClockMs }: LockedAgentRow): number {
  const isUndecided =
    firstEventMs === null || alertClockMs === null || decidableUntil(alertClockMs) < Math.floor(firstEventMs / 1_000);
  return isUndecided ? Number.NEGATIVE_INFINITY : alertClockMs - RULE_SECONDS_KEEP_MS;
}

function mergesOf(
  { tenantId, agent, revision }: BatchOfAgent,
  rule: { ruleId: string; filterVersion: number },
  windows: RuleWindows,
): Merge[] {
  const owner = { tenantId, agentId: agent.id, agent, revision, ...rule };
  return Array.from(windows, ([startMs, window]) => ({ ...owner, startMs, window }));
}

/** Adds what is stored of windows; of those that begin after all that an agent has sent, nothing is. */
async function addStored(tx: Transaction, merges: readonly Merge[]): Promise<void> {
  const known = merges.filter(({ agent, startMs }) => !isNewWindow(agent, startMs));
  const stored = await readRuleWindows(tx.sql, known);
  known.forEach(({ window }, i) => {
    const columns = stored[i];
    if (columns) addStoredWindow(window, columns);
  });
}
