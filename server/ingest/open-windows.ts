import { DIMENSIONS } from '../core/windows/breakdown.js';
import { tumblingWindowStart } from '../core/windows/tumbling.js';
import { plainWindow, type Window } from '../core/windows/window.js';
import type { LockedAgentRow } from '../store/sql/agent.sql.js';

/** Keys of tops that are remembered, of all agents: some 60 MB. */
const KEYS_MAX = 500_000;

interface Remembered {
  revision: number;
  windows: ReadonlyMap<number, Window>;
  keys: number;
}

/**
 * Open windows of agents as they were last written, decoded: the next batch mostly adds to them. What is remembered is
 * what is stored as long as the agent's revision is the same: whoever changes its windows, on any server, raises it.
 */
export class OpenWindows {
  private readonly byAgent = new Map<string, Remembered>();
  private keys = 0;

  /** For one transaction. */
  begin(): OpenedWindows {
    return new OpenedWindows(this);
  }

  /** Takes an agent's windows out: whoever changes them puts them back once that is stored. The agent's lock is held. */
  take({ id, revision }: LockedAgentRow): ReadonlyMap<number, Window> {
    const known = this.byAgent.get(id);
    this.forget(id);
    return known?.revision === revision ? known.windows : new Map();
  }

  put(agentId: string, revision: number, windows: ReadonlyMap<number, Window>): void {
    this.forget(agentId);
    const keys = [...windows.values()].reduce((sum, window) => sum + keysOf(window), 0);
    this.byAgent.set(agentId, { revision, windows, keys });
    this.keys += keys;
    for (const longest of this.byAgent.keys()) {
      if (this.keys <= KEYS_MAX) break;
      this.forget(longest);
    }
  }

  private forget(agentId: string): void {
    this.keys -= this.byAgent.get(agentId)?.keys ?? 0;
    this.byAgent.delete(agentId);
  }
}

function keysOf({ breakdown }: Window): number {
  return DIMENSIONS.reduce((sum, dimension) => sum + breakdown.tops[dimension].keys.length, 0);
}

/** What one transaction takes of the open windows, and what it leaves: remembered once it has been committed. */
export class OpenedWindows {
  private readonly left = new Map<string, { revision: number; windows: Map<number, Window> }>();

  constructor(private readonly open: OpenWindows) {}

  /** The agent's lock is held. */
  take(agent: LockedAgentRow): ReadonlyMap<number, Window> {
    return this.open.take(agent);
  }

  /** A window of an agent as it is written, with its breakdown, as of a revision. */
  leave(agentId: string, revision: number, startMs: number, window: Window): void {
    const { windows } = this.left.get(agentId) ?? { windows: new Map() };
    this.left.set(agentId, { revision, windows: windows.set(startMs, plainWindow(window)) });
  }

  committed(): void {
    for (const [agentId, { revision, windows }] of this.left) this.open.put(agentId, revision, windows);
  }
}

/** Whether nothing can be stored of a window: it is newer than all that the agent ever sent. */
export function isNewWindow({ lastEventMs }: LockedAgentRow, startMs: number): boolean {
  return lastEventMs === null || startMs > tumblingWindowStart(lastEventMs);
}
