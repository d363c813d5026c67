import { type AlertState, countsNeeded, decideAlert, type RuleSpec, type Transition } from '../core/alerts/decide.js';
import { type Counting, countingOf } from '../core/alerts/rule-counts.js';
import type { LogFilter } from '../core/retention/filter.js';
import { decidableUntil } from '../core/time/clock.js';
import { SECONDS_PER_WINDOW } from '../core/windows/tumbling.js';
import { ApiError } from '../errors.js';
import type { Transaction } from '../store/database.js';
import { type AgentSeconds, readAgentSeconds } from '../store/sql/agent.sql.js';
import { countEntries } from '../store/sql/chunk.sql.js';
import { type KnownCounts, keptSeconds, trafficSeconds } from './known-counts.js';

export interface PreviewRequest {
  tenantId: string;
  rule: RuleSpec;
  /** Null: all entries. */
  filter: LogFilter | null;
  agentIds: readonly string[];
  fromMs: number;
  toMs: number;
}

/** A transition that would have been. */
export interface PreviewedTransition extends Transition {
  agentId: string;
}

/** What a rule would have done. */
export interface Preview {
  coveredFromMs: number;
  coveredToMs: number;
  triggered: number;
  firingSeconds: number;
  /** In order of time, the first EVENTS_MAX. */
  events: PreviewedTransition[];
}

const EVENTS_MAX = 1_000;
/** Windows of 10 seconds that one preview reads at most: a month of an agent takes a second or two. */
const WINDOWS_MAX = 300_000;
/** Raw entries that one preview of a rule that counts entries itself reads at most: some seconds. */
const ENTRIES_MAX = 3_000_000;
/** Seconds that are read at a time: between them others have their turn. */
const SLICE_SECONDS = 21_600;

/**
 * What a rule would have done over what is stored, had it begun at the timeframe's start: the same decisions as the
 * evaluator's, on all that is stored now, late entries included. What a filter admits, and response times, are counted from
 * the raw entries that are kept: the timeframe is covered from where none is missing.
 *
 * @throws ApiError QUERY_TOO_COMPLEX where too much would have to be read.
 */
export async function previewRule(tx: Transaction, request: PreviewRequest): Promise<Preview> {
  const agents = await readAgentSeconds(tx.sql, request.tenantId, request.agentIds);
  const spans = agents.map((agent) => spanOf(agent, request)).filter(({ from, to }) => from <= to);
  await checkCost(tx, request, spans);
  let knownFromMs = Math.max(request.fromMs, ...agents.map((agent) => knownFrom(agent, request.rule) * 1_000));
  const preview = { triggered: 0, firingSeconds: 0, events: [] as PreviewedTransition[] };
  for (const span of spans) {
    const decided = await decideSpan(tx, request, span);
    if (decided.from > span.from) knownFromMs = Math.max(knownFromMs, decided.from * 1_000);
    preview.triggered += decided.triggered;
    preview.firingSeconds += decided.firingSeconds;
    preview.events.push(...decided.events);
  }
  preview.events.sort((a, b) => a.at - b.at);
  return {
    ...preview,
    events: preview.events.slice(0, EVENTS_MAX),
    coveredFromMs: Math.min(knownFromMs, request.toMs),
    coveredToMs: request.toMs,
  };
}

/** Seconds of an agent to be decided, both inclusive. */
interface DecidedSpan {
  agent: AgentSeconds;
  from: number;
  to: number;
}

/** Below the floor of 10-second windows there are no seconds: the first window that has all of its own is decided. */
function knownFrom({ floorMs }: AgentSeconds, { windowSeconds }: RuleSpec): number {
  return floorMs === 0 ? 0 : Math.ceil(floorMs / 1_000) + windowSeconds;
}

/** As far as the evaluator decided, and no further: what comes after may still change. */
function spanOf(agent: AgentSeconds, { rule, fromMs, toMs }: PreviewRequest): DecidedSpan {
  const decided = agent.alertClockMs === null ? 0 : decidableUntil(agent.alertClockMs);
  return {
    agent,
    from: Math.max(Math.ceil(fromMs / 1_000), knownFrom(agent, rule), agent.firstSecond),
    to: Math.min(Math.ceil(toMs / 1_000) - 1, Math.max(decided, agent.lastSecond)),
  };
}

async function checkCost(tx: Transaction, request: PreviewRequest, spans: readonly DecidedSpan[]): Promise<void> {
  const { tenantId, rule } = request;
  const windows = spans.reduce((sum, { from, to }) => sum + (to - from + rule.windowSeconds) / SECONDS_PER_WINDOW, 0);
  if (windows > WINDOWS_MAX) throw tooMuch(`${Math.round(windows)} windows; at most ${WINDOWS_MAX}`);
  if (countedBy(request) === null || spans.length === 0) return;
  const entries = await countEntries(tx.sql, {
    tenantId,
    agentIds: spans.map(({ agent }) => agent.agentId),
    fromMs: (Math.min(...spans.map(({ from }) => from)) - rule.windowSeconds) * 1_000,
    toMs: (Math.max(...spans.map(({ to }) => to)) + 1) * 1_000,
  });
  if (entries > ENTRIES_MAX) throw tooMuch(`${entries} entries; at most ${ENTRIES_MAX}`);
}

const countedBy = ({ rule: { metric }, filter }: PreviewRequest): Counting | null => countingOf({ metric, filter });

function tooMuch(what: string): ApiError {
  return new ApiError('QUERY_TOO_COMPLEX', `The preview would read ${what}: ask for less time, or fewer agents.`);
}

/** What it would have done over one agent. */
interface Decided extends Pick<Preview, 'triggered' | 'firingSeconds' | 'events'> {
  /** The first second that was decided: below it some of what its window counts is no more. */
  from: number;
}

async function decideSpan(
  tx: Transaction,
  request: PreviewRequest,
  { agent, from, to }: DecidedSpan,
): Promise<Decided> {
  const { tenantId, rule } = request;
  const counting = countedBy(request);
  const { agentId, firstSecond } = agent;
  let decided = decidedFrom(from);
  let state: AlertState = { firing: false, decidedUntil: from - 1, value: null };
  let since = from;
  for (let until = Math.min(from + SLICE_SECONDS, to); ; until = Math.min(until + SLICE_SECONDS, to)) {
    const span = { tenantId, agentId, ...countsNeeded(rule, state, firstSecond), toSecond: until };
    const known: KnownCounts =
      counting === null ? await trafficSeconds(tx, span) : await keptSeconds(tx, span, counting);
    if (known.wholeFrom !== null) {
      // Whatever was decided before this is not known to be so.
      decided = decidedFrom(known.wholeFrom + rule.windowSeconds);
      state = { firing: false, decidedUntil: decided.from - 1, value: null };
    }
    const decision = decideAlert(rule, state, known.counts, { firstEventSecond: firstSecond, until });
    for (const transition of decision.transitions) {
      if (transition.type === 'TRIGGERED') {
        decided.triggered++;
        since = transition.at;
      } else decided.firingSeconds += transition.at - since;
      if (decided.events.length < EVENTS_MAX * 2) decided.events.push({ ...transition, agentId });
    }
    state = decision.state;
    if (until === to) break;
  }
  if (state.firing) decided.firingSeconds += to + 1 - since;
  return decided;
}

function decidedFrom(from: number): Decided {
  return { from, triggered: 0, firingSeconds: 0, events: [] };
}
