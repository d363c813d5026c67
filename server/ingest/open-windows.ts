import { type GatheredWindow, keysOf } from '../core/windows/gathered.js';
import { tumblingWindowStart } from '../core/windows/tumbling.js';
import { plainWindow, type Window } from '../core/windows/window.js';
import type { LockedAgentRow } from '../store/sql/agent.sql.js';

/** Keys of tops that are remembered, of all agents: some 60 MB. */
const KEYS_MAX = 500_000;

/** What is remembered of an agent. */
export interface OpenOfAgent {
  /** Windows of 10 seconds, by start. */
  windows: Map<number, Window>;
  /** Coarser ones that are being gathered, by resolution. */
  gathered: Map<number, GatheredWindow>;
}

interface Remembered extends OpenOfAgent {
  revision: number;
  keys: number;
}

const nothing = (): OpenOfAgent => ({ windows: new Map(), gathered: new Map() });

/**
 * Open windows of agents as they were last written, decoded: the next batch mostly adds to them; and those that are being
 * gathered. What is remembered is what is stored as long as the agent's revision is the same: whoever changes its windows, on any server, raises it.
 */
export class OpenWindows {
  private readonly byAgent = new Map<string, Remembered>();
  private keys = 0;

  /** For one transaction. */
  begin(): OpenedWindows {
    return new OpenedWindows(this);
  }

  /** Takes an agent's windows out: whoever changes them puts them back once that is stored. The agent's lock is held. */
  take({ id, revision }: LockedAgentRow): OpenOfAgent {
    const known = this.byAgent.get(id);
    this.forget(id);
    return known?.revision === revision ? known : nothing();
  }

  put(agentId: string, revision: number, open: OpenOfAgent): void {
    this.forget(agentId);
    let keys = 0;
    for (const { breakdown } of open.windows.values()) keys += keysOf(breakdown);
    for (const gathered of open.gathered.values()) keys += gathered.keys;
    this.byAgent.set(agentId, { ...open, revision, keys });
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

/** What one transaction takes of the open windows, and what it leaves: remembered once it has been committed. */
export class OpenedWindows {
  private readonly left = new Map<string, OpenOfAgent & { revision: number }>();

  constructor(private readonly open: OpenWindows) {}

  /** The agent's lock is held. */
  take(agent: LockedAgentRow): OpenOfAgent {
    return this.open.take(agent);
  }

  /** A window of an agent as it is written, with its breakdown, as of a revision. */
  leave(agentId: string, revision: number, startMs: number, window: Window): void {
    this.of(agentId, revision).windows.set(startMs, plainWindow(window));
  }

  /** A window that is being gathered, the only one of its resolution. */
  leaveGathered(agentId: string, revision: number, resolution: number, gathered: GatheredWindow): void {
    this.of(agentId, revision).gathered.set(resolution, gathered);
  }

  private of(agentId: string, revision: number): OpenOfAgent {
    const known = this.left.get(agentId);
    if (known !== undefined) return known;
    const left = { ...nothing(), revision };
    this.left.set(agentId, left);
    return left;
  }

  committed(): void {
    for (const [agentId, { revision, ...open }] of this.left) this.open.put(agentId, revision, open);
  }
}

/** Whether nothing can be stored of a window: it is newer than all that the agent ever sent. */
export function isNewWindow({ lastEventMs }: LockedAgentRow, startMs: number): boolean {
  return lastEventMs === null || startMs > tumblingWindowStart(lastEventMs);
}
