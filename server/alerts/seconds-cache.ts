import type { SecondCounts } from '../core/alerts/decide.js';
import { WINDOW_MS } from '../core/windows/tumbling.js';
import type { Transaction } from '../store/database.js';
import type { AgentKey, LockedAgentRow } from '../store/sql/agent.sql.js';
import { readSeconds } from '../store/sql/traffic.sql.js';
import { secondCountsOf } from './second-counts.js';

/** Windows that are remembered, of all agents: some ten minutes' of a thousand, 40 MB at most. */
const WINDOWS_MAX = 60_000;

/** An agent's windows as of a revision, from one second on. */
interface Known {
  revision: number;
  fromSecond: number;
  /** Counts of its seconds that are not zero, by the window's start. */
  windows: Map<number, SecondCounts[]>;
}

export interface CountsAsked extends AgentKey {
  agent: LockedAgentRow;
  /** What is older is never asked for again. */
  fromSecond: number;
  toSecond: number;
}

/**
 * Counts of agents by second, as they were read before, with what has changed since: a window takes the agent's revision
 * when it is written, and each deletion leaves its own.
 */
export class SecondsCache {
  private readonly known = new Map<string, Known>();
  private size = 0;

  /** Counts that are not zero, ascending, in the order asked for. The caller holds the agents' locks. */
  async read(tx: Transaction, asked: readonly CountsAsked[]): Promise<SecondCounts[][]> {
    const known = asked.map((one) => this.knownOf(one));
    const rows = await readSeconds(
      tx.sql,
      asked.map((one, i) => ({ ...one, beyondRevision: known[i].revision })),
    );
    return asked.map(({ agent, fromSecond }, i) => {
      const { windows } = known[i];
      for (const { startMs, seconds } of rows[i]) windows.set(startMs, secondCountsOf(startMs, seconds));
      for (const startMs of windows.keys()) if (startMs + WINDOW_MS <= fromSecond * 1_000) windows.delete(startMs);
      this.keep(agent.id, { revision: agent.revision, fromSecond, windows });
      return [...windows.keys()].sort((a, b) => a - b).flatMap((startMs) => windows.get(startMs)!);
    });
  }

  /** What was read in a transaction that was lost, or will not be asked for soon. */
  forget(agentId: string): void {
    this.size -= this.known.get(agentId)?.windows.size ?? 0;
    this.known.delete(agentId);
  }

  /** Taken out: it is put back once it is what the agent's revision says. */
  private knownOf({ agent, fromSecond }: CountsAsked): Known {
    const known = this.known.get(agent.id);
    this.forget(agent.id);
    if (known && known.fromSecond <= fromSecond && known.revision >= agent.deletedRevision) return known;
    return { revision: -1, fromSecond, windows: new Map() };
  }

  private keep(agentId: string, known: Known): void {
    this.known.set(agentId, known);
    this.size += known.windows.size;
    for (const oldest of this.known.keys()) {
      if (this.size <= WINDOWS_MAX) break;
      this.forget(oldest);
    }
  }
}
