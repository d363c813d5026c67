import { asSketched, nearestRank } from '../support/percentiles.js';
import { isOf } from './expected.js';
import type { ServerUnderFire } from './processes.js';
import type { RuleUnderFire } from './rules.js';
import type { TrueEntry } from './truth.js';

const EVENTS = `query ($ruleIds: [ID!], $agentIds: [ID!], $after: String) {
  alertEvents(ruleIds: $ruleIds, agentIds: $agentIds, first: 500, newestFirst: false, after: $after) {
    nodes { cursor type at value startedBy { at } } pageInfo { hasNextPage endCursor } } }`;

interface Transition {
  type: string;
  at: number;
  value: number;
  /** Of a recovery: the second at which it fired. */
  firedAt: number | null;
}

/** Compares what a rule told of an agent with what it should have: each event once, in order, nothing else. */
export async function checkAlerts(
  server: ServerUnderFire,
  agent: { id: string; entries: readonly TrueEntry[] },
  rules: readonly RuleUnderFire[],
): Promise<{ wrong: string[]; count: number }> {
  const wrong: string[] = [];
  let count = 0;
  for (const rule of rules) {
    const told = await toldBy(server, rule, agent.id);
    const expected = transitionsOf(rule, agent.entries);
    count += expected.length;
    for (let i = 0; i < Math.max(told.length, expected.length); i++) {
      const [given, wanted] = [told[i], expected[i]].map((transition) => JSON.stringify(transition));
      if (given === wanted) continue;
      wrong.push(`rule ${rule.name}, event ${i + 1} of ${expected.length}: ${given}, not ${wanted}`);
      break;
    }
  }
  return { wrong, count };
}

async function toldBy(server: ServerUnderFire, rule: RuleUnderFire, agentId: string): Promise<Transition[]> {
  const told: Transition[] = [];
  for (let after: string | null = null, more = true; more; ) {
    const { data, errors } = await server.gql(EVENTS, { ruleIds: [rule.id], agentIds: [agentId], after });
    if (errors) throw new Error(JSON.stringify(errors));
    for (const { type, at, value, startedBy } of data.alertEvents.nodes)
      told.push({ type, at: second(at), value, firedAt: startedBy && second(startedBy.at) });
    after = data.alertEvents.pageInfo.endCursor;
    more = data.alertEvents.pageInfo.hasNextPage;
  }
  return told;
}

const second = (iso: string): number => Date.parse(iso) / 1_000;

export interface Sums {
  hits: number;
  bytes: number;
  errors: number;
  durationsMs: number[];
}

/**
 * Every second from the first entry to the newest is looked at, and then, where the rule fires, on until it recovers:
 * the sources have ended. A rule that fires on little begins one full window after the first entry.
 */
export function transitionsOf(rule: RuleUnderFire, entries: readonly TrueEntry[]): Transition[] {
  const seconds = sumsBySecond(entries);
  const [first, newest] = [Math.min(...seconds.keys()), Math.max(...seconds.keys())];
  const mayFireFrom = rule.comparison === 'LESS_THAN' ? first + rule.windowSeconds : first;
  const beyond = (value: number | null, bound: number) =>
    value !== null && (rule.comparison === 'LESS_THAN' ? value < bound : value > bound);
  const transitions: Transition[] = [];
  let firedAt: number | null = null;
  for (let at = first; at <= newest + rule.windowSeconds; at++) {
    if (at > newest && firedAt === null) break;
    const value = valueAt(rule, seconds, at);
    if (firedAt !== null && !beyond(value, rule.recoveryThreshold ?? rule.threshold)) {
      transitions.push({ type: 'RECOVERED', at, value: value ?? 0, firedAt });
      firedAt = null;
    } else if (firedAt === null && at >= mayFireFrom && beyond(value, rule.threshold)) {
      transitions.push({ type: 'TRIGGERED', at, value: value!, firedAt: null });
      firedAt = at;
    }
  }
  return transitions;
}

export function sumsBySecond(entries: readonly TrueEntry[]): Map<number, Sums> {
  const seconds = new Map<number, Sums>();
  for (const entry of entries) {
    const { timeMs, bytes, durationMs } = entry;
    const second = Math.floor(timeMs / 1_000);
    const sums = seconds.get(second) ?? { hits: 0, bytes: 0, errors: 0, durationsMs: [] };
    seconds.set(second, sums);
    sums.hits++;
    sums.bytes += bytes;
    if (isOf(4, entry) || isOf(5, entry)) sums.errors++;
    if (durationMs !== null) sums.durationsMs.push(asSketched(durationMs));
  }
  return seconds;
}

/** The metric over (at − window, at]; null: no entry has a response time. */
export function valueAt(
  { metric, windowSeconds }: Pick<RuleUnderFire, 'metric' | 'windowSeconds'>,
  seconds: ReadonlyMap<number, Sums>,
  at: number,
): number | null {
  const sum: Sums = { hits: 0, bytes: 0, errors: 0, durationsMs: [] };
  for (let second = at - windowSeconds + 1; second <= at; second++) {
    const counted = seconds.get(second);
    if (counted === undefined) continue;
    const { hits, bytes, errors, durationsMs } = counted;
    sum.hits += hits;
    sum.bytes += bytes;
    sum.errors += errors;
    sum.durationsMs.push(...durationsMs);
  }
  if (metric === 'DURATION_P95') return nearestRank(sum.durationsMs, 0.95);
  if (metric === 'ERROR_RATE') return sum.hits === 0 ? 0 : sum.errors / sum.hits;
  return (metric === 'BYTES_PER_SECOND' ? sum.bytes : sum.hits) / windowSeconds;
}
