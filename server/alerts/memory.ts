import type { Transition } from '../core/alerts/decide.js';
import type { SecondSeries } from '../core/alerts/second-series.js';
import type { SlidingWindow } from '../core/alerts/sliding-window.js';
import type { AlertRuleEntity } from '../store/entities/alert-rule.entity.js';
import type { EvaluatedAgentRow } from '../store/sql/agent.sql.js';
import type { StoredState } from './states.js';

/** Numbers of eight bytes that are remembered, 64 MB: of a thousand agents with ten rules each over two minutes. */
const NUMBERS_MAX = 8_000_000;
/** What a rule over an agent takes beside its counts. */
const NUMBERS_OF_RULE = 100;

/** A rule over one agent. */
export interface RuleState {
  rule: AlertRuleEntity;
  /** What of it is stored; null: nothing yet. */
  stored: Pick<StoredState, 'decidedUntil' | 'countedFrom' | 'value'> | null;
  state: StoredState;
  /** Where it stands over its counts; null: they were not read yet. */
  window: SlidingWindow | null;
  /** Of this evaluation. */
  transitions: Transition[];
}

/** What an evaluation of an agent leaves for the next one. */
export interface Remembered {
  /** As of which the states are, and the rules. */
  alertRevision: number;
  rulesStamp: string;
  rules: RuleState[];
  /** As of which the counts are. */
  revision: number;
  /** Counts by whose they are: all traffic's, or what a rule counts. */
  sources: Map<string, SecondSeries>;
  looksAt: LooksAt;
  firstEventMs: number | null;
}

/** Which counts the rules of an agent look at. */
export interface LooksAt {
  /** Those of all traffic. */
  traffic: boolean;
  /** Those that these rules count themselves. */
  ruleIds: readonly string[];
}

/**
 * Agents as the last evaluation left them, so that the next one reads and adds up what is new alone. Whoever changes
 * what is remembered here, in this server or another, raises the agent's revisions; rules say by themselves that they
 * were changed.
 */
export class AlertMemory {
  private readonly agents = new Map<string, { remembered: Remembered; size: number }>();
  private size = 0;

  /** @param numbersMax that are remembered at once, of eight bytes each */
  constructor(private readonly numbersMax = NUMBERS_MAX) {}

  /** What still holds of an agent whose lock is held, taken out: it is put back once the evaluation is done. */
  recall(agent: EvaluatedAgentRow): Remembered | null {
    const known = this.agents.get(agent.id)?.remembered;
    this.forget(agent.id);
    return known === undefined || known.revision < agent.deletedRevision ? null : known;
  }

  /**
   * Behind all others: the one that was not evaluated for longest is forgotten first. An agent of which there is half of
   * all that fits is not kept: it would drive out the others each time.
   */
  keep(agentId: string, remembered: Remembered): void {
    let size = 0;
    for (const { window } of remembered.rules) size += NUMBERS_OF_RULE + (window?.size ?? 0);
    for (const series of remembered.sources.values()) size += series.size;
    this.forget(agentId);
    if (size > this.numbersMax / 2) return;
    this.agents.set(agentId, { remembered, size });
    this.size += size;
    for (const oldest of this.agents.keys()) {
      if (this.size <= this.numbersMax) break;
      this.forget(oldest);
    }
  }

  /** What will not be asked for soon. */
  forget(agentId: string): void {
    this.size -= this.agents.get(agentId)?.size ?? 0;
    this.agents.delete(agentId);
  }
}
