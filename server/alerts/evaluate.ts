import { In } from 'typeorm';
import { countsNeeded, decideAlert, mayRest, type SecondCounts, type Transition } from '../core/alerts/decide.js';
import { afterTransition, CALM } from '../core/alerts/flapping.js';
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
  noteCountsRules,
  readClockStreams,
} from '../store/sql/agent.sql.js';
import { recordAlertEvent } from './events.js';
import { fillCounts } from './fill.js';
import type { SecondsCache } from './seconds-cache.js';
import { countedOf, newState, readStates, type StoredState, specOf, writeStates } from './states.js';

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

/** Its rules' past is counted first, with the next ones that are due. */
const AGAIN: Evaluation = { held: false, events: 0, rested: false, againInMs: 0 };
/** Raw entries that are counted for rules in one transaction, about: batches of its agents wait for it. */
const FILL_ENTRIES = 200_000;

/** Decides all rules of agents up to their clocks; each statement is for all agents. */
export async function evaluateAgents(
  tx: Transaction,
  agents: readonly AgentKey[],
  cache: SecondsCache,
): Promise<Evaluation[]> {
  const evaluations: Evaluation[] = [];
  const locked = await lockDue(tx, agents, evaluations);
  await addRules(tx, locked);
  await addStates(tx, locked);
  const due = await fillUncounted(tx, locked);
  for (const { at } of locked.filter((one) => !due.includes(one))) evaluations[at] = AGAIN;
  const counts = await readCounts(tx, due, cache);
  for (const one of due) decide(one, counts);
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
  const asked = due.flatMap(({ agent, rules }) =>
    rules.map(({ state }) => ({ ...state, alertClockMs: agent.alertClockMs })),
  );
  const states = await readStates(tx.sql, asked);
  rules.forEach((one, i) => {
    const stored = states[i];
    if (stored) Object.assign(one, { stored, state: stored });
  });
}

const firstSecondOf = ({ agent }: Due) => Math.floor(agent.firstEventMs! / 1_000);
const newestSecondOf = ({ agent }: Due) => Math.floor(agent.lastEventMs! / 1_000);

const neededFrom = (one: Due, { rule, state }: RuleState) =>
  countsNeeded(specOf(rule), state, firstSecondOf(one)).fromSecond;

/**
 * Counts the past of rules for which nothing is counted yet. Returns the agents of which that is done: the others are
 * another transaction's.
 */
async function fillUncounted(tx: Transaction, due: readonly Due[]): Promise<Due[]> {
  const done: Due[] = [];
  const filled: Due[] = [];
  let entries = 0;
  for (const one of due) {
    const uncounted = one.rules.filter(({ rule, state }) => countedOf(rule) !== null && state.countedFrom === null);
    if (uncounted.length > 0 && entries >= FILL_ENTRIES) continue;
    for (const own of uncounted) entries += await fill(tx, one, own);
    if (uncounted.length > 0) filled.push(one);
    done.push(one);
  }
  await noteCountsRules(tx.sql, filled, true);
  return done;
}

async function fill(tx: Transaction, one: Due, own: RuleState): Promise<number> {
  const { tenantId, agentId, agent } = one;
  const { rule, state } = own;
  const span = { fromSecond: neededFrom(one, own), toSecond: newestSecondOf(one) };
  const about = { tenantId, agentId, agent, ...countedOf(rule)!, ...span };
  const { wholeFrom, entries } = await fillCounts(tx, about);
  // Where nothing is decided yet, the span begins with the agent: what comes that is older still is counted as well.
  const since = state.decidedUntil === null ? 0 : span.fromSecond;
  own.state = { ...state, countedFrom: Math.max(wholeFrom ?? since, since) };
  return entries;
}

/** What each rule of each agent looks at: all rules without a filter at the same. */
async function readCounts(
  tx: Transaction,
  due: readonly Due[],
  cache: SecondsCache,
): Promise<ReadonlyMap<RuleState, readonly SecondCounts[]>> {
  const groups = due.flatMap((one) => {
    const ofTraffic = one.rules.filter(({ rule }) => countedOf(rule) === null);
    const counted = one.rules.filter(({ rule }) => countedOf(rule) !== null).map((own) => [own]);
    return [...(ofTraffic.length > 0 ? [ofTraffic] : []), ...counted].map((rules) => ({ one, rules }));
  });
  const asked = groups.map(({ one, rules }) => ({
    tenantId: one.tenantId,
    agentId: one.agentId,
    agent: one.agent,
    rule: countedOf(rules[0].rule),
    fromSecond: Math.min(...rules.map((own) => neededFrom(one, own))),
    toSecond: newestSecondOf(one),
  }));
  const counts = await cache.read(tx, asked);
  return new Map(groups.flatMap(({ rules }, i) => rules.map((own) => [own, counts[i]] as const)));
}

function decide(one: Due, counts: ReadonlyMap<RuleState, readonly SecondCounts[]>): void {
  const hasEnded = agentHasEnded(one.streams, one.agent.nowMs);
  for (const own of one.rules) {
    const spec = specOf(own.rule);
    const seconds = counts.get(own)!;
    const known = { firstEventSecond: firstSecondOf(one), knownFrom: own.state.countedFrom ?? undefined };
    let decision = decideAlert(spec, own.state, seconds, { ...known, until: decidableUntil(one.clockMs) });
    own.transitions.push(...decision.transitions);
    if (hasEnded) {
      const until = newestSecondOf(one) + own.rule.windowSeconds;
      decision = decideAlert(spec, decision.state, seconds, { ...known, until, onlyRecover: true });
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
    state.flapping = afterTransition(state.flapping ?? CALM, transition.at);
    const id = await recordAlertEvent(tx.sql, tenantId, {
      rule,
      agentId: agent.id,
      agentName: agent.name,
      ...transition,
      startedBy: transition.type === 'RECOVERED' ? state.startedBy : null,
      flappingUntil: rule.flapDetection ? state.flapping.until : null,
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
        state.countedFrom !== stored.countedFrom ||
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
