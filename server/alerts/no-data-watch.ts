import type { Logger } from 'pino';
import { isTransient } from '../errors.js';
import type { Database } from '../store/database.js';
import type { AgentKey } from '../store/sql/agent.sql.js';
import { decideNoData, noDataDue } from './no-data.js';

/** How often is looked for agents that send no data, or do again. */
const LOOK_MS = 1_000;
/** A look that comes so late was kept from it: batches may have been, too. */
const GAP_MS = 10_000;
/** Agents of one transaction: their batches wait for it. */
const AGENTS_AT_ONCE = 50;

/**
 * Tells where an agent has sent nothing for as long as a rule allows: by wall time, whatever the event times are. What it
 * told is stored with the states, under the agents' locks, so that any number of servers may watch and each event is
 * recorded once. While nobody could be heard of, because no server ran or the database was away, nobody was missed.
 */
export class NoDataWatch {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;
  /** By the database's clock; null: not watching. */
  private watchedSinceMs: number | null = null;
  private lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly db: Database,
    private readonly log: Logger,
    private readonly onEvents: (tenantId: string) => void,
  ) {}

  start(): void {
    this.timer = setTimeout(() => {
      this.running = this.look()
        .catch((error: unknown) => this.pause(error))
        .finally(() => {
          if (!this.stopped) this.start();
        });
    }, LOOK_MS);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private async look(): Promise<void> {
    const nowMs = performance.now();
    if (this.watchedSinceMs === null || nowMs - this.lookedAtMs > GAP_MS) this.watchedSinceMs = await this.db.now();
    this.lookedAtMs = nowMs;
    const sinceMs = this.watchedSinceMs;
    const due = await this.db.aboveTenants(({ sql }) => noDataDue(sql, sinceMs));
    for (const [tenantId, agents] of byTenant(due)) {
      for (let i = 0; i < agents.length && !this.stopped; i += AGENTS_AT_ONCE) {
        const some = agents.slice(i, i + AGENTS_AT_ONCE);
        const events = await this.db.inTenants([tenantId], (tx) => decideNoData(tx, tenantId, some, sinceMs));
        if (events > 0) this.onEvents(tenantId);
      }
    }
  }

  private pause(error: unknown): void {
    this.watchedSinceMs = null;
    if (!isTransient(error)) this.log.error({ err: error }, 'looking for agents without data failed');
  }
}

function byTenant(agents: readonly AgentKey[]): Map<string, AgentKey[]> {
  const found = new Map<string, AgentKey[]>();
  for (const agent of agents) found.set(agent.tenantId, [...(found.get(agent.tenantId) ?? []), agent]);
  return found;
}
