import { type AlertState, countsNeeded, decideAlert, type RuleSpec, type Transition } from '../core/alerts/decide.js';
import { decidableUntil } from '../core/time/clock.js';
import { SECONDS_PER_WINDOW } from '../core/windows/tumbling.js';
import { ApiError } from '../errors.js';
import type { Transaction } from '../store/database.js';
import { type AgentSeconds, readAgentSeconds } from '../store/sql/agent.sql.js';
import { readSeconds } from '../store/sql/traffic.sql.js';
import { secondCountsOf } from './second-counts.js';

export interface PreviewRequest {
  tenantId: string;
  rule: RuleSpec;
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
/** Seconds that are read at a time: between them others have their turn. */
const SLICE_SECONDS = 21_600;

/**
 * What a rule would have done over stored traffic, had it begun at the timeframe's start: the same decisions as the
 * evaluator's, on all that is stored now, late entries included.
 *
 * @throws ApiError QUERY_TOO_COMPLEX where too many windows would have to be read.
 */
export async function previewRule(tx: Transaction, request: PreviewRequest): Promise<Preview> {
  const agents = await readAgentSeconds(tx.sql, request.tenantId, request.agentIds);
  const spans = agents.map((agent) => spanOf(agent, request)).filter(({ from, to }) => from <= to);
  const windows = spans.reduce(
    (sum, { from, to }) => sum + (to - from + request.rule.windowSeconds) / SECONDS_PER_WINDOW,
    0,
  );
  if (windows > WINDOWS_MAX)
    throw new ApiError(
      'QUERY_TOO_COMPLEX',
      `The preview would read ${Math.round(windows)} windows; at most ${WINDOWS_MAX}: ask for less time, or fewer agents.`,
    );
  const knownFromMs = Math.max(request.fromMs, ...agents.map((agent) => knownFrom(agent, request.rule) * 1_000));
  const preview = { triggered: 0, firingSeconds: 0, events: [] as PreviewedTransition[] };
  for (const span of spans) await decideSpan(tx, request, span, preview);
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

async function decideSpan(
  tx: Transaction,
  { tenantId, rule }: PreviewRequest,
  { agent, from, to }: DecidedSpan,
  preview: Pick<Preview, 'triggered' | 'firingSeconds' | 'events'>,
): Promise<void> {
  const { agentId, firstSecond } = agent;
  let state: AlertState = { firing: false, decidedUntil: from - 1, value: null };
  let since = from;
  for (let until = Math.min(from + SLICE_SECONDS, to); ; until = Math.min(until + SLICE_SECONDS, to)) {
    const { fromSecond } = countsNeeded(rule, state, firstSecond);
    const [rows] = await readSeconds(tx.sql, [{ tenantId, agentId, fromSecond, toSecond: until, beyondRevision: -1 }]);
    const counts = rows.flatMap(({ startMs, seconds }) => secondCountsOf(startMs, seconds));
    const decision = decideAlert(rule, state, counts, { firstEventSecond: firstSecond, until });
    for (const transition of decision.transitions) {
      if (transition.type === 'TRIGGERED') {
        preview.triggered++;
        since = transition.at;
      } else preview.firingSeconds += transition.at - since;
      if (preview.events.length < EVENTS_MAX * 2) preview.events.push({ ...transition, agentId });
    }
    state = decision.state;
    if (until === to) break;
  }
  if (state.firing) preview.firingSeconds += to + 1 - since;
}
