import { In } from 'typeorm';
import { countsNeeded, decideAlert, mayRest, type SecondCounts, type Transition } from '../core/alerts/decide.js';
import {
  agentHasEnded,
  alertClockMs,
  decidableUntil,
  nextClockChange,
  type StreamClockInput,
} from '../core/time/clock.js';
import type { Transaction } from '../store/database.js';
import { AlertRuleEntity } from '../store/entities/alert-rule.entity.js';
import {
  type AgentKey,
  agentsThatAre,
  type LockedAgentRow,
  lockFreeAgentsById,
  moveAlertClocks,
  readClockStreams,
} from '../store/sql/agent.sql.js';
import { recordAlertEvent } from './events.js';
import type { SecondsCache } from './seconds-cache.js';
import { newState, readStates, type StoredState, specOf, writeStates } from './states.js';

/** What one evaluation of an agent found. */
export interface Evaluation {
  /** Another holds the agent's lock: nothing was done. */
  held: boolean;
  events: number;
  /** Nothing fires and no window holds a count. */
  rested: boolean;
  /** Milliseconds until the clock may move without a message; null: not before one comes. */
  againInMs: number | null;
}

/** An agent whose lock is held, and whose clock says something. */
interface Due extends AgentKey {
  /** Its place among those asked for. */
  at: number;
  agent: LockedAgentRow;
  streams: StreamClockInput[];
  clockMs: number;
  rules: RuleState[];
}

interface RuleState {
  rule: AlertRuleEntity;
  /** As it is stored; null: not yet. */
  stored: StoredState | null;
  state: StoredState;
  transitions: Transition[];
}

const GONE: Evaluation = { held: false, events: 0, rested: true, againInMs: null };
const HELD: Evaluation = { held: true, events: 0, rested: false, againInMs: null };
/** No entry, or nothing that gives it a time. */
const TIMELESS: Evaluation = { held: false, events: 0, rested: false, againInMs: null };

/** Decides all rules of agents up to their clocks; each statement is for all agents. */
export async function evaluateAgents(
  tx: Transaction,
  agents: readonly AgentKey[],
  cache: SecondsCache,
): Promise<Evaluation[]> {
  const evaluations: Evaluation[] = [];
  const due = await lockDue(tx, agents, evaluations);
  await addRules(tx, due);
  await addStates(tx, due);
  const counts = await readCounts(tx, due, cache);
  due.forEach((one, i) => {
    decide(one, counts[i]);
  });
  for (const one of due) await record(tx, one);
  await writeStates(tx.sql, due.flatMap(changedStates));
  const rested = due.map(mayAllRest);
  await moveAlertClocks(
    tx.sql,
    due.map(({ tenantId, agentId, clockMs }, i) => ({ tenantId, agentId, clockMs, rested: rested[i] })),
  );
  due.forEach(({ at, agent, streams, rules }, i) => {
    const events = rules.reduce((sum, { transitions }) => sum + transitions.length, 0);
    const nextMs = nextClockChange(streams, agent.nowMs);
    const againInMs = nextMs === null ? null : nextMs - agent.nowMs;
    evaluations[at] = { held: false, events, rested: rested[i], againInMs };
  });
  return evaluations;
}

async function lockDue(tx: Transaction, agents: readonly AgentKey[], evaluations: Evaluation[]): Promise<Due[]> {
  const locked = await lockFreeAgentsById(tx.sql, agents);
  const known = locked.includes(undefined) ? await agentsThatAre(tx.sql, agents) : null;
  const held = agents.filter((_, i) => locked[i] !== undefined);
  const streams = await readClockStreams(tx.sql, held);
  const due: Due[] = [];
  agents.forEach((key, at) => {
    const agent = locked[at];
    if (agent === undefined) {
      evaluations[at] = known?.has(key.agentId) ? HELD : GONE;
      return;
    }
    const own = streams[held.indexOf(key)];
    const computed = alertClockMs(own, agent.nowMs);
    const clockMs = computed === null ? agent.alertClockMs : Math.max(computed, agent.alertClockMs ?? computed);
    if (clockMs === null || agent.firstEventMs === null) evaluations[at] = TIMELESS;
    else due.push({ ...key, at, agent, streams: own, clockMs, rules: [] });
  });
  return due;
}

/** Read under the locks: whoever changes a rule holds them. */
async function addRules(tx: Transaction, due: readonly Due[]): Promise<void> {
  const tenantIds = [...new Set(due.map(({ tenantId }) => tenantId))];
  if (tenantIds.length === 0) return;
  const rules = await tx.manager.find(AlertRuleEntity, {
    where: { tenantId: In(tenantIds), enabled: true },
    order: { createdAt: 'ASC', id: 'ASC' },
  });
  for (const one of due)
    for (const rule of rules) {
      if (rule.tenantId !== one.tenantId || (rule.agentIds.length > 0 && !rule.agentIds.includes(one.agentId)))
        continue;
      one.rules.push({ rule, stored: null, state: newState(rule, one.agentId), transitions: [] });
    }
}

async function addStates(tx: Transaction, due: readonly Due[]): Promise<void> {
  const rules = due.flatMap((one) => one.rules);
  const states = await readStates(
    tx.sql,
    rules.map(({ state }) => state),
  );
  rules.forEach((one, i) => {
    const stored = states[i];
    if (stored) Object.assign(one, { stored, state: stored });
  });
}

const firstSecondOf = ({ agent }: Due) => Math.floor(agent.firstEventMs! / 1_000);
const newestSecondOf = ({ agent }: Due) => Math.floor(agent.lastEventMs! / 1_000);

async function readCounts(tx: Transaction, due: readonly Due[], cache: SecondsCache): Promise<SecondCounts[][]> {
  const withRules = due.filter(({ rules }) => rules.length > 0);
  const asked = withRules.map((one) => {
    const first = firstSecondOf(one);
    const needed = one.rules.map(({ rule, state }) => countsNeeded(specOf(rule), state, first).fromSecond);
    return { ...one, fromSecond: Math.min(...needed), toSecond: newestSecondOf(one) };
  });
  const counts = await cache.read(tx, asked);
  return due.map((one) => counts[withRules.indexOf(one)] ?? []);
}

function decide(one: Due, counts: readonly SecondCounts[]): void {
  const firstEventSecond = firstSecondOf(one);
  const hasEnded = agentHasEnded(one.streams, one.agent.nowMs);
  for (const own of one.rules) {
    const spec = specOf(own.rule);
    let decision = decideAlert(spec, own.state, counts, { firstEventSecond, until: decidableUntil(one.clockMs) });
    own.transitions.push(...decision.transitions);
    if (hasEnded) {
      const until = newestSecondOf(one) + own.rule.windowSeconds;
      decision = decideAlert(spec, decision.state, counts, { firstEventSecond, until, onlyRecover: true });
      own.transitions.push(...decision.transitions);
    }
    own.state = { ...own.state, ...decision.state };
  }
}

/** Writes the events of all rules in the order of their seconds. */
async function record(tx: Transaction, { tenantId, agent, rules }: Due): Promise<void> {
  const events = rules.flatMap((own) => own.transitions.map((transition) => ({ own, transition })));
  events.sort((a, b) => a.transition.at - b.transition.at);
  for (const { own, transition } of events) {
    const { rule, state } = own;
    const id = await recordAlertEvent(tx.sql, tenantId, {
      rule,
      agentId: agent.id,
      agentName: agent.name,
      ...transition,
      startedBy: transition.type === 'RECOVERED' ? state.startedBy : null,
    });
    state.startedBy = transition.type === 'TRIGGERED' ? id : null;
  }
}

/** Those that the agent's clock does not tell: of what is calm it says up to when it was decided. */
function changedStates({ clockMs, rules }: Due): StoredState[] {
  return rules
    .filter(({ stored, state, transitions }) => {
      const isBeyondClock = (state.decidedUntil ?? Number.NEGATIVE_INFINITY) > decidableUntil(clockMs);
      return (
        stored?.decidedUntil == null ||
        transitions.length > 0 ||
        (state.firing && state.value !== stored.value) ||
        isBeyondClock
      );
    })
    .map(({ state }) => state);
}

function mayAllRest(one: Due): boolean {
  return one.rules.every(({ rule, state }) => mayRest(specOf(rule), state, newestSecondOf(one)));
}
