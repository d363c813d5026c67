import { randomUUID } from 'node:crypto';
import { type DecisionSpan, decideOver, mayRest } from '../core/alerts/decide.js';
import { afterTransition, CALM } from '../core/alerts/flapping.js';
import {
  agentHasEnded,
  alertClockMs,
  decidableUntil,
  nextClockChange,
  type StreamClockInput,
} from '../core/time/clock.js';
import type { Database, Transaction } from '../store/database.js';
import {
  type AgentKey,
  agentsThatAre,
  lockFreeAgentsById,
  moveAlertClocks,
  noteCountsRules,
  readClockStreams,
} from '../store/sql/agent.sql.js';
import { recordAlertEvents } from './events.js';
import { fillCounts } from './fill.js';
import type { AlertMemory, RuleState } from './memory.js';
import { recall, remember } from './recall.js';
import { type Counted, firstSecondOf, neededFrom, newestSecondOf, newlyCounted, readSources } from './sources.js';
import { countedOf, writeStates } from './states.js';

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
interface Due extends Counted {
  /** Its place among those asked for. */
  at: number;
  streams: StreamClockInput[];
  clockMs: number;
}

const GONE: Evaluation = { held: false, events: 0, rested: true, againInMs: null };
const HELD: Evaluation = { held: true, events: 0, rested: false, againInMs: null };
/** No entry, or nothing that gives it a time. */
const TIMELESS: Evaluation = { held: false, events: 0, rested: false, againInMs: null };

/** Its rules' past is counted first, with the next ones that are due. */
const AGAIN: Evaluation = { held: false, events: 0, rested: false, againInMs: 0 };
/** Raw entries that are counted for rules in one transaction, about: batches of its agents wait for it. */
const FILL_ENTRIES = 200_000;
/** What looking for a rule's past costs where there is none, as entries. */
const FILL_ENTRIES_MIN = 2_000;

/**
 * Decides all rules of agents up to their clocks, in one transaction; each statement is for all agents. `memory` takes
 * what it leaves once it stands: of what fails, nothing is remembered.
 */
export async function evaluateAgents(
  db: Database,
  agents: readonly AgentKey[],
  memory: AlertMemory,
): Promise<Evaluation[]> {
  const tenantIds = [...new Set(agents.map(({ tenantId }) => tenantId))];
  const { evaluations, decided } = await db.inTenants(tenantIds, (tx) => evaluate(tx, agents, memory));
  for (const one of decided) remember(memory, one);
  return evaluations;
}

async function evaluate(
  tx: Transaction,
  agents: readonly AgentKey[],
  memory: AlertMemory,
): Promise<{ evaluations: Evaluation[]; decided: Due[] }> {
  const evaluations: Evaluation[] = [];
  const locked = await lockDue(tx, agents, evaluations);
  await recall(tx, locked, memory);
  const due = await fillUncounted(tx, locked);
  for (const { at } of locked) evaluations[at] = AGAIN;
  await readSources(tx, due);
  for (const one of due) decide(one);
  for (const one of due) await record(tx, one);
  for (const one of due) one.changed = changedStates(one);
  await writeStates(
    tx.sql,
    due.flatMap(({ changed }) => changed.map(({ state }) => state)),
  );
  for (const one of due) evaluations[one.at] = evaluationOf(one);
  await moveAlertClocks(
    tx.sql,
    due.map(({ tenantId, agentId, at, agent: { revision }, clockMs }) => ({
      tenantId,
      agentId,
      clockMs,
      rested: evaluations[at].rested,
      revision,
    })),
  );
  return { evaluations, decided: due };
}

function evaluationOf({ agent, streams, rules }: Due): Evaluation {
  const events = rules.reduce((sum, { transitions }) => sum + transitions.length, 0);
  const nextMs = nextClockChange(streams, agent.nowMs);
  const againInMs = nextMs === null ? null : nextMs - agent.nowMs;
  const newest = newestSecondOf({ agent });
  const rested = rules.every(({ rule, state }) => mayRest(rule, state, newest));
  return { held: false, events, rested, againInMs };
}

async function lockDue(tx: Transaction, agents: readonly AgentKey[], evaluations: Evaluation[]): Promise<Due[]> {
  const locked = await lockFreeAgentsById(tx.sql, agents);
  const known = locked.includes(undefined) ? await agentsThatAre(tx.sql, agents) : null;
  const held = agents.filter((_, i) => locked[i] !== undefined);
  const streams = await readClockStreams(tx.sql, held);
  const due: Due[] = [];
  let places = 0;
  agents.forEach((key, at) => {
    const agent = locked[at];
    if (agent === undefined) {
      evaluations[at] = known?.has(key.agentId) ? HELD : GONE;
      return;
    }
    const own = streams[places++];
    const computed = alertClockMs(own, agent.nowMs);
    const clockMs = computed === null ? agent.alertClockMs : Math.max(computed, agent.alertClockMs ?? computed);
    if (clockMs === null || agent.firstEventMs === null) evaluations[at] = TIMELESS;
    else due.push({ ...newlyCounted(key, agent), at, streams: own, clockMs });
  });
  return due;
}

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
    for (const own of uncounted) entries += FILL_ENTRIES_MIN + (await fill(tx, one, own));
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

function decide(one: Due): void {
  const hasEnded = agentHasEnded(one.streams, one.agent.nowMs);
  const span: DecisionSpan = { firstEventSecond: firstSecondOf(one), until: decidableUntil(one.clockMs) };
  for (const own of one.rules) {
    const { rule, state, window } = own;
    const known = state.countedFrom === null ? span : { ...span, knownFrom: state.countedFrom };
    let decision = decideOver(rule, state, window!, known);
    if (decision.transitions.length > 0) own.transitions = decision.transitions;
    if (hasEnded) {
      const ended = { ...known, until: newestSecondOf(one) + rule.windowSeconds, onlyRecover: true };
      decision = decideOver(rule, decision.state, window!, ended);
      own.transitions = [...own.transitions, ...decision.transitions];
    }
    state.firing = decision.state.firing;
    state.decidedUntil = decision.state.decidedUntil;
    state.value = decision.state.value;
  }
}

/** Writes the events of all rules in the order of their seconds. */
async function record(tx: Transaction, { tenantId, agent, rules }: Due): Promise<void> {
  const found = rules.flatMap((own) => own.transitions.map((transition) => ({ own, transition })));
  found.sort((a, b) => a.transition.at - b.transition.at);
  const events = found.map(({ own: { rule, state }, transition }) => {
    const id = randomUUID();
    const startedBy = transition.type === 'RECOVERED' ? state.startedBy : null;
    state.startedBy = transition.type === 'TRIGGERED' ? id : null;
    state.flapping = afterTransition(state.flapping ?? CALM, transition.at);
    const flappingUntil = rule.flapDetection ? state.flapping.until : null;
    return { id, rule, agentId: agent.id, agentName: agent.name, ...transition, startedBy, flappingUntil };
  });
  await recordAlertEvents(tx.sql, tenantId, events);
}

/** Those that the agent's clock does not tell: of what is calm it says up to when it was decided. */
function changedStates({ clockMs, rules }: Due): RuleState[] {
  return rules.filter(({ stored, state, transitions }) => {
    const isBeyondClock = (state.decidedUntil ?? Number.NEGATIVE_INFINITY) > decidableUntil(clockMs);
    return (
      stored === null ||
      (stored.decidedUntil === null && state.decidedUntil !== null) ||
      state.countedFrom !== stored.countedFrom ||
      transitions.length > 0 ||
      (state.firing && state.value !== stored.value) ||
      isBeyondClock
    );
  });
}
