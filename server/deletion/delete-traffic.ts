import { endStatesOfAgent } from '../alerts/index.js';
import { finestRanges, misaligned, planErase, sliced, unite } from '../core/rollup/erase.js';
import type { Mark } from '../core/rollup/plan.js';
import { MONTH, RESOLUTIONS, TENANT_WIDE_FROM } from '../core/windows/resolutions.js';
import { misalignedSpan } from '../errors.js';
import { countLogs, eraseLogs } from '../retention/index.js';
import type { Database, Transaction } from '../store/database.js';
import { type LockedAgentRow, lockAgentById } from '../store/sql/agent.sql.js';
import { readAgents } from '../store/sql/agents.sql.js';
import { type Counted, countWindows, eraseWindows, hideAgent, historyOf } from '../store/sql/erase.sql.js';
import { markDirty, markTenantDirty } from '../store/sql/mark.sql.js';
import { readScopeAgents } from '../store/traffic/scope.js';

export interface Span {
  fromMs: number;
  toMs: number;
}

export interface DeleteTraffic {
  tenantId: string;
  /** Null: all of the tenant's. */
  agentIds: readonly string[] | null;
  spans: readonly Span[];
  includeLogs: boolean;
  dryRun: boolean;
}

/** What went, or would go. */
export interface Deleted extends Counted {
  spans: Span[];
  logs: number;
}

/** An agent's windows that are no more: those at `starts`, and any in `span`. */
export interface Erased {
  tenantId: string;
  agentId: string;
  starts: readonly number[];
  span: Span;
}

/** Deletes statistics in every resolution, and on request raw entries. Positions of streams stay. */
export class Deletion {
  constructor(
    private readonly db: Database,
    private readonly onErased: (erased: Erased) => void,
    private readonly onAlertEvents: (tenantId: string) => void,
  ) {}

  /**
   * Deletes what several agents have in several spans. Every agent's part of a month is one transaction under its lock:
   * what is cut short by a crash is finished by asking again.
   *
   * @throws ApiError BAD_USER_INPUT where a border would cut a window that cannot be computed anew: nothing is deleted.
   */
  async deleteTraffic(request: DeleteTraffic): Promise<Deleted> {
    const { tenantId, dryRun } = request;
    const spans = unite(request.spans);
    const agents = await this.db.inTenants([tenantId], ({ sql }) => readScopeAgents(sql, tenantId, request.agentIds));
    for (const agent of agents) for (const span of spans) assertAligned(span, agent);
    const deleted: Deleted = { spans, windows: 0, hits: 0, logs: 0 };
    for (const { id } of agents) {
      for (const slice of spans.flatMap((span) => sliced(span, MONTH))) {
        const part = dryRun
          ? await this.count(tenantId, id, slice, request.includeLogs)
          : await this.erase(tenantId, id, slice, request.includeLogs);
        deleted.windows += part.windows;
        deleted.hits += part.hits;
        deleted.logs += part.logs;
      }
    }
    return deleted;
  }

  /**
   * Deletes all that an agent has sent, and hides it. Its name and its streams' positions stay: what is sent again is a
   * duplicate, and an agent that comes again goes on from there.
   *
   * @returns false where there is no such agent.
   */
  async deleteAgent(tenantId: string, id: string): Promise<boolean> {
    const known = await this.db.inTenants([tenantId], ({ sql }) => readAgents(sql, tenantId, [id]));
    if (known.length === 0) return false;
    const history = await this.db.inTenants([tenantId], ({ sql }) => historyOf(sql, tenantId, id));
    // The bulk by months, so that no transaction is long; what comes meanwhile goes with the agent itself.
    for (const slice of history ? sliced(history, MONTH) : []) await this.erase(tenantId, id, slice, false);
    const closed = await this.db.inTenants([tenantId], async (tx) => {
      const agent = await lockAgentById(tx.sql, tenantId, id);
      if (!agent) return 0;
      const rest = await historyOf(tx.sql, tenantId, id);
      if (rest) await eraseSpan(tx, tenantId, agent, rest);
      await hideAgent(tx.sql, tenantId, id);
      return endStatesOfAgent(tx, tenantId, agent);
    });
    if (closed > 0) this.onAlertEvents(tenantId);
    return true;
  }

  private count(tenantId: string, agentId: string, slice: Span, includeLogs: boolean): Promise<Omit<Deleted, 'spans'>> {
    return this.db.inTenants(
      [tenantId],
      async (tx) => {
        const [agent] = await readScopeAgents(tx.sql, tenantId, [agentId]);
        if (!agent) return { windows: 0, hits: 0, logs: 0 };
        const counted = await countWindows(tx.sql, tenantId, agentId, finestRanges(slice, agent.windowFloors));
        return { ...counted, logs: includeLogs ? await countLogs(tx, tenantId, agentId, slice) : 0 };
      },
      { snapshot: true },
    );
  }

  private async erase(tenantId: string, agentId: string, slice: Span, includeLogs: boolean) {
    const { starts, ...part } = await this.db.inTenants([tenantId], async (tx) => {
      const agent = await lockAgentById(tx.sql, tenantId, agentId);
      if (!agent) return { windows: 0, hits: 0, logs: 0, starts: [] };
      assertAligned(slice, agent);
      const erased = await eraseSpan(tx, tenantId, agent, slice);
      const logs = includeLogs ? await eraseLogs(tx, tenantId, agentId, slice, agent.nowMs) : 0;
      return { ...erased, logs };
    });
    if (part.windows > 0) this.onErased({ tenantId, agentId, starts, span: slice });
    return part;
  }
}

function assertAligned(span: Span, { breakdownFloors }: Pick<LockedAgentRow, 'breakdownFloors'>): void {
  const resolution = misaligned(span, breakdownFloors);
  if (resolution !== null) throw misalignedSpan(resolution);
}

/** Erases one span of an agent whose lock the caller holds. */
export async function eraseSpan(
  tx: Transaction,
  tenantId: string,
  agent: LockedAgentRow,
  span: Span,
): Promise<Counted & { starts: number[] }> {
  const counted = await countWindows(tx.sql, tenantId, agent.id, finestRanges(span, agent.windowFloors));
  const { inside, cut } = planErase(span);
  const erased = await eraseWindows(tx.sql, tenantId, agent.id, inside);
  if (erased.length === 0) return { ...counted, starts: [] };
  for (const { resolution, startMs } of cut) await markDirty(tx.sql, tenantId, agent.id, resolution, [startMs]);
  await markTenantWindows(tx, tenantId, [...erased, ...cut]);
  await tx.sql(
    'UPDATE agent SET revision = revision + 1, deleted_revision = revision + 1 WHERE tenant_id = $1 AND id = $2',
    [tenantId, agent.id],
  );
  const starts = erased.filter(({ resolution }) => resolution === RESOLUTIONS[0]).map(({ startMs }) => startMs);
  return { ...counted, starts };
}

/**
 * Marks the tenant's windows that were made of these of an agent, whether they stand or not: they may be being written
 * just now, from what the agent had.
 */
async function markTenantWindows(tx: Transaction, tenantId: string, windows: readonly Mark[]): Promise<void> {
  for (const resolution of RESOLUTIONS.filter((width) => width >= TENANT_WIDE_FROM)) {
    const starts = windows.filter((window) => window.resolution === resolution).map(({ startMs }) => startMs);
    await markTenantDirty(tx.sql, tenantId, resolution, [...new Set(starts)]);
  }
}
