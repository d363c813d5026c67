import type { SecondCounts } from '../core/alerts/decide.js';
import { WINDOW_MS } from '../core/windows/tumbling.js';
import type { Transaction } from '../store/database.js';
import type { AgentKey, LockedAgentRow } from '../store/sql/agent.sql.js';
import { type CountedRule, readRuleSeconds } from '../store/sql/rule-seconds.sql.js';
import { readSeconds, type SecondsRow } from '../store/sql/traffic.sql.js';
import { secondCountsOf } from './second-counts.js';

/** Windows that are remembered, of all agents: some ten minutes' of a thousand, 40 MB at most. */
const WINDOWS_MAX = 60_000;

/** What was read of an agent, of its traffic or of what one rule counts, as of a revision, from one second on. */
interface Known {
  revision: number;
  fromSecond: number;
  /** Counts of its seconds that are not zero, by the window's start. */
  windows: Map<number, SecondCounts[]>;
}

export interface CountsAsked extends AgentKey {
  agent: LockedAgentRow;
  /** What it counts itself; null: all traffic. */
  rule: (CountedRule & { version: number }) | null;
  /** What is older is never asked for again. */
  fromSecond: number;
  toSecond: number;
}

const TRAFFIC = '';

/**
 * Counts of agents by second, as they were read before, with what has changed since: a window takes the agent's revision
 * when it is written, and each deletion leaves its own. A rule's are of its version: what was counted anew is read anew.
 */
export class SecondsCache {
  private readonly known = new Map<string, Map<string, Known>>();
  private size = 0;

  /** Counts that are not zero, ascending, in the order asked for. The caller holds the agents' locks. */
  async read(tx: Transaction, asked: readonly CountsAsked[]): Promise<SecondCounts[][]> {
    const known = asked.map((one) => this.take(one));
    const rows = await readRows(
      tx,
      asked.map((one, i) => ({ ...one, beyondRevision: known[i].revision })),
    );
    return asked.map((one, i) => {
      const { agent, fromSecond } = one;
      const { windows } = known[i];
      for (const { startMs, seconds, durations } of rows[i])
        windows.set(startMs, secondCountsOf(startMs, seconds, durations));
      for (const startMs of windows.keys()) if (startMs + WINDOW_MS <= fromSecond * 1_000) windows.delete(startMs);
      this.keep(one, { revision: agent.revision, fromSecond, windows });
      return [...windows.keys()].sort((a, b) => a - b).flatMap((startMs) => windows.get(startMs)!);
    });
  }

  /** What was read in a transaction that was lost, or will not be asked for soon. */
  forget(agentId: string): void {
    for (const { windows } of this.known.get(agentId)?.values() ?? []) this.size -= windows.size;
    this.known.delete(agentId);
  }

  /** Taken out: it is put back once it is what the agent's revision says. */
  private take({ agent, rule, fromSecond }: CountsAsked): Known {
    const ofAgent = this.known.get(agent.id);
    const known = ofAgent?.get(nameOf(rule));
    if (known) {
      ofAgent!.delete(nameOf(rule));
      this.size -= known.windows.size;
      if (known.fromSecond <= fromSecond && known.revision >= agent.deletedRevision) return known;
    }
    return { revision: -1, fromSecond, windows: new Map() };
  }

  /** Behind all others: the one that was not asked for longest is forgotten first. */
  private keep({ agent, rule }: CountsAsked, known: Known): void {
    const ofAgent = this.known.get(agent.id) ?? new Map<string, Known>();
    this.known.delete(agent.id);
    this.known.set(agent.id, ofAgent.set(nameOf(rule), known));
    this.size += known.windows.size;
    for (const oldest of this.known.keys()) {
      if (this.size <= WINDOWS_MAX) break;
      this.forget(oldest);
    }
  }
}

const nameOf = (rule: CountsAsked['rule']): string => (rule === null ? TRAFFIC : `${rule.ruleId} ${rule.version}`);

type Asked = CountsAsked & { beyondRevision: number };

/** Their windows in the order asked for: of traffic, and of rules, in a statement each. */
async function readRows({ sql }: Transaction, asked: readonly Asked[]): Promise<SecondsRow[][]> {
  const ofTraffic = asked.filter(({ rule }) => rule === null);
  const ofRules = asked.flatMap((one) => (one.rule === null ? [] : [{ ...one, ...one.rule }]));
  const [traffic, rules] = [await readSeconds(sql, ofTraffic), await readRuleSeconds(sql, ofRules)];
  const [nextOfTraffic, nextOfRules] = [traffic.values(), rules.values()];
  return asked.map(({ rule }) => (rule === null ? nextOfTraffic : nextOfRules).next().value!);
}
