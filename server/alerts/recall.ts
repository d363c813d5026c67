import { In } from 'typeorm';
import { decidableUntil } from '../core/time/clock.js';
import type { Transaction } from '../store/database.js';
import { AlertRuleEntity } from '../store/entities/alert-rule.entity.js';
import { rulesStamps } from '../store/sql/alert-rule.sql.js';
import type { AlertMemory } from './memory.js';
import type { Counted } from './sources.js';
import { newState, readStates } from './states.js';

/**
 * Takes up agents where their last evaluation stopped; what changed since is read, and what is not remembered. Under
 * their locks: whoever changes a state holds them.
 */
export async function recall(tx: Transaction, due: readonly Counted[], memory: AlertMemory): Promise<void> {
  const tenantIds = [...new Set(due.map(({ tenantId }) => tenantId))];
  // Before the rules: what is changed in between is read again by the next evaluation.
  const stamps = await rulesStamps(tx.sql, tenantIds);
  for (const one of due) one.rulesStamp = stamps.get(one.tenantId) ?? '';
  await readRules(
    tx,
    due.filter((one) => !takeUp(one, memory)),
  );
}

/** False: its rules, or what is stored of their states, is not what is remembered. */
function takeUp(one: Counted, memory: AlertMemory): boolean {
  const { agent } = one;
  const known = memory.recall(agent);
  if (known === null) return false;
  one.sources = known.sources;
  one.sourcesRevision = known.revision;
  if (known.alertRevision !== agent.alertRevision || known.rulesStamp !== one.rulesStamp) {
    for (const { window } of known.rules) window?.series.detach(window);
    return false;
  }
  one.rules = known.rules;
  // An entry older than all others may be looked at, where nothing was decided yet.
  if (known.firstEventMs === agent.firstEventMs) one.looksAt = known.looksAt;
  // Another server may have decided on.
  const decided = agent.alertClockMs === null ? null : decidableUntil(agent.alertClockMs);
  for (const { state } of one.rules)
    if (decided !== null && state.decidedUntil !== null && state.decidedUntil < decided) state.decidedUntil = decided;
  return true;
}

/** What is written by an evaluation is seen by the next one as if it had read it. */
export function remember(memory: AlertMemory, one: Counted): void {
  const { agent, rulesStamp, rules, changed, sources } = one;
  const { revision, firstEventMs } = agent;
  for (const own of changed) own.stored = { ...own.state };
  for (const own of rules) if (own.transitions.length > 0) own.transitions = [];
  for (const series of sources.values()) series.trim();
  const alertRevision = agent.alertRevision + (changed.length > 0 ? 1 : 0);
  const looksAt = one.looksAt!;
  memory.keep(agent.id, { alertRevision, rulesStamp, rules, revision, sources, looksAt, firstEventMs });
}

async function readRules(tx: Transaction, due: readonly Counted[]): Promise<void> {
  if (due.length === 0) return;
  const tenantIds = [...new Set(due.map(({ tenantId }) => tenantId))];
  const rules = await tx.manager.find(AlertRuleEntity, {
    where: { tenantId: In(tenantIds), enabled: true },
    order: { createdAt: 'ASC', id: 'ASC' },
  });
  for (const one of due)
    for (const rule of rules) {
      if (rule.tenantId !== one.tenantId || (rule.agentIds.length > 0 && !rule.agentIds.includes(one.agentId)))
        continue;
      one.rules.push({ rule, stored: null, state: newState(rule, one.agentId), window: null, transitions: [] });
    }
  await addStates(tx, due);
}

async function addStates(tx: Transaction, due: readonly Counted[]): Promise<void> {
  const rules = due.flatMap((one) => one.rules);
  const asked = due.flatMap(({ agent, rules }) =>
    rules.map(({ state }) => ({ ...state, alertClockMs: agent.alertClockMs })),
  );
  const states = await readStates(tx.sql, asked);
  rules.forEach((one, i) => {
    const stored = states[i];
    if (stored) Object.assign(one, { stored, state: { ...stored } });
  });
}
