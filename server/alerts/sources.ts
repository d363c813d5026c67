import { countsNeeded } from '../core/alerts/decide.js';
import { SecondSeries } from '../core/alerts/second-series.js';
import { SlidingWindow } from '../core/alerts/sliding-window.js';
import { SECONDS_PER_WINDOW } from '../core/windows/tumbling.js';
import type { Transaction } from '../store/database.js';
import type { AgentKey, EvaluatedAgentRow } from '../store/sql/agent.sql.js';
import { type RuleSecondsOfAgent, readRuleSeconds } from '../store/sql/rule-seconds.sql.js';
import { readSeconds, type SecondsOfAgent, type SecondsRow } from '../store/sql/traffic.sql.js';
import type { LooksAt, RuleState } from './memory.js';
import { secondCountsOf } from './second-counts.js';
import { countedOf } from './states.js';

const TRAFFIC = '';

/** An agent whose lock is held, with its rules, and the counts that were read of it before. */
export interface Counted extends AgentKey {
  agent: EvaluatedAgentRow;
  /** As of which `rules` are. */
  rulesStamp: string;
  rules: RuleState[];
  /** Those of which something is written by this evaluation. */
  changed: RuleState[];
  sources: Map<string, SecondSeries>;
  /** As of which these are; −1: there are none. */
  sourcesRevision: number;
  /** Which of them the rules look at; null: that is to be found, and each rule to be given its window. */
  looksAt: LooksAt | null;
}

/** One of which nothing is known yet. */
export function newlyCounted({ tenantId, agentId }: AgentKey, agent: EvaluatedAgentRow): Counted {
  const known = { rulesStamp: '', rules: [], changed: [], sources: new Map(), sourcesRevision: -1, looksAt: null };
  return { tenantId, agentId, agent, ...known };
}

/** Event seconds. */
export const firstSecondOf = ({ agent }: Pick<Counted, 'agent'>): number => Math.floor(agent.firstEventMs! / 1_000);
export const newestSecondOf = ({ agent }: Pick<Counted, 'agent'>): number => Math.floor(agent.lastEventMs! / 1_000);

/** The first second that a rule looks at next. */
export function neededFrom(one: Pick<Counted, 'agent'>, { rule, state }: RuleState): number {
  return countsNeeded(rule, state, firstSecondOf(one)).fromSecond;
}

/**
 * Brings the counts of agents up to date, and gives each rule a window over its own; all rules that look at all traffic
 * share one series. What was read before is amended by the windows of 10 seconds that have changed since.
 */
export async function readSources(tx: Transaction, agents: readonly Counted[]): Promise<void> {
  const traffic: (SecondsOfAgent & { one: Counted })[] = [];
  const ruled: (RuleSecondsOfAgent & { one: Counted })[] = [];
  for (const one of agents) {
    const missing = one.looksAt === null ? begin(one) : changesOf(one);
    const { traffic: isTraffic, ruleIds } = one.looksAt!;
    if (missing === null) continue;
    const asked = { tenantId: one.tenantId, agentId: one.agentId, toSecond: newestSecondOf(one), ...missing, one };
    if (isTraffic) traffic.push(asked);
    if (ruleIds.length > 0) ruled.push({ ...asked, ruleIds });
  }
  const rows = await readSeconds(tx.sql, traffic);
  traffic.forEach(({ one }, i) => {
    const series = one.sources.get(TRAFFIC)!;
    for (const row of rows[i]) amend(series, row);
  });
  const rowsOfRules = await readRuleSeconds(tx.sql, ruled);
  ruled.forEach(({ one }, i) => {
    for (const row of rowsOfRules[i]) {
      const own = one.rules.find(({ rule }) => rule.id === row.ruleId);
      if (own?.rule.filterVersion === row.filterVersion) amend(own.window!.series, row);
    }
  });
}

function amend(series: SecondSeries, { startMs, seconds, durations }: SecondsRow): void {
  const second = startMs / 1_000;
  series.replace(second, second + SECONDS_PER_WINDOW, secondCountsOf(startMs, seconds, durations));
}

/** What is to be read of an agent. */
type Missing = Pick<SecondsOfAgent, 'fromSecond' | 'beyondRevision'>;

/** What has changed since all was read; null: nothing. */
function changesOf({ agent, sources, sourcesRevision }: Counted): Missing | null {
  const { revision, countsReadRevision, countsChangedMs } = agent;
  if (revision === sourcesRevision || sources.size === 0) return null;
  let fromSecond = Number.POSITIVE_INFINITY;
  for (const { knownFrom } of sources.values()) fromSecond = Math.min(fromSecond, knownFrom);
  // Where this server read last, the agent says how old the oldest entry is that came since.
  if (countsReadRevision === sourcesRevision) {
    if (countsChangedMs === null) return null;
    fromSecond = Math.max(fromSecond, Math.floor(countsChangedMs / 1_000));
  }
  return { fromSecond, beyondRevision: sourcesRevision };
}

/**
 * Finds what the rules of an agent look at, and gives each its window over it. What of that was read before is kept;
 * where anything was not, all is read together: what is known already does no harm to read again.
 */
function begin(one: Counted): Missing | null {
  const { sources } = one;
  const bySource = new Map<string, RuleState[]>();
  for (const own of one.rules) {
    const counted = countedOf(own.rule);
    // What is counted anew, as of another version, is read anew.
    const name = counted === null ? TRAFFIC : `${counted.ruleId} ${counted.version}`;
    bySource.set(name, [...(bySource.get(name) ?? []), own]);
  }
  for (const name of sources.keys()) if (!bySource.has(name)) sources.delete(name);
  let newFrom = Number.POSITIVE_INFINITY;
  for (const [name, rules] of bySource) {
    const fromSecond = Math.min(...rules.map((own) => neededFrom(one, own)));
    let series = sources.get(name);
    if (series === undefined || series.knownFrom > fromSecond) {
      sources.set(name, (series = new SecondSeries(fromSecond)));
      newFrom = Math.min(newFrom, fromSecond);
    }
    for (const own of rules) {
      own.window?.series.detach(own.window);
      own.window = new SlidingWindow(series, own.rule.windowSeconds, own.rule.metric);
    }
  }
  const ruleIds = one.rules.filter(({ rule }) => countedOf(rule) !== null).map(({ rule }) => rule.id);
  one.looksAt = { traffic: bySource.has(TRAFFIC), ruleIds };
  const changes = changesOf(one);
  if (newFrom === Number.POSITIVE_INFINITY) return changes;
  return { fromSecond: Math.min(newFrom, changes?.fromSecond ?? newFrom), beyondRevision: -1 };
}
