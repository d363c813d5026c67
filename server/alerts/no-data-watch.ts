import type { Logger } from 'pino';
import { Repeated } from '../jobs/repeated.js';
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
  private readonly looks: Repeated;
  /** By the database's clock; null: not watching. */
  private watchedSinceMs: number | null = null;
  private lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly db: Database,
    log: Logger,
    private readonly onEvents: (tenantId: string) => void,
  ) {
    this.looks = new Repeated(() => this.look(), {
      everyMs: LOOK_MS,
      log,
      failure: 'looking for agents without data failed',
      onFailure: () => {
        this.watchedSinceMs = null;
      },
    });
  }

  start(): void {
    this.looks.start();
  }

  stop(): Promise<void> {
    return this.looks.stop();
  }

  private async look(): Promise<void> {
    const nowMs = performance.now();
    if (this.watchedSinceMs === null || nowMs - this.lookedAtMs > GAP_MS) this.watchedSinceMs = await this.db.now();
    this.lookedAtMs = nowMs;
    const sinceMs = this.watchedSinceMs;
    const due = await this.db.aboveTenants(({ sql }) => noDataDue(sql, sinceMs));
    for (const [tenantId, agents] of byTenant(due)) {
      for (let i = 0; i < agents.length && !this.looks.isStopped; i += AGENTS_AT_ONCE) {
        const some = agents.slice(i, i + AGENTS_AT_ONCE);
        const events = await this.db.inTenants([tenantId], (tx) => decideNoData(tx, tenantId, some, sinceMs));
        if (events > 0) this.onEvents(tenantId);
      }
    }
  }
}

function byTenant(agents: readonly AgentKey[]): Map<string, AgentKey[]> {
  const found = new Map<string, AgentKey[]>();
  for (const agent of agents) found.set(agent.tenantId, [...(found.get(agent.tenantId) ?? []), agent]);
  return found;
}
