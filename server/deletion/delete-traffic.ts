import { type Audit, changesBetween, unrecorded } from '../accounts/index.js';
import { endStatesOfAgent, eraseEvidence } from '../alerts/index.js';
import { clipped, finestRanges, unite } from '../core/rollup/erase.js';
import { NO_FLOORS } from '../core/rollup/plan.js';
import { saturatingSum } from '../core/saturating.js';
import { countLogs } from '../retention/index.js';
import type { Database } from '../store/database.js';
import { withPartitions } from '../store/partitions.js';
import { lockAgentById } from '../store/sql/agent.sql.js';
import { readAgents } from '../store/sql/agents.sql.js';
import { type Counted, countWindows, eraseChunks, hideAgent, historyOf } from '../store/sql/erase.sql.js';
import { readScopeAgents } from '../store/traffic/scope.js';
import { assertAligned, type Erased, eraseWindowsOf, NOTHING, type Span, SpanErasure } from './erase-span.js';

export interface DeleteTraffic {
  tenantId: string;
  /** Null: all of the tenant's. */
  agentIds: readonly string[] | null;
  spans: readonly Span[];
  includeLogs: boolean;
  dryRun: boolean;
}

/** What went, or would go. */
interface Part extends Counted {
  logs: number;
}

export interface Deleted extends Part {
  spans: Span[];
}

/** Chunks of one transaction. */
const CHUNKS_AT_ONCE = 500;
const ALL_TIME: Span = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };

/** Deletes statistics in every resolution, and on request raw entries. Positions of streams stay. */
export class Deletion {
  constructor(
    private readonly db: Database,
    private readonly onErased: (tenantId: string, agentId: string, erased: Erased) => void,
    private readonly onAlertEvents: (tenantId: string) => void,
  ) {}

  /**
   * Deletes what several agents have in several spans, in many short transactions: what a crash cuts short is finished by
   * asking again.
   *
   * @throws ApiError BAD_USER_INPUT where a border would cut a window that cannot be computed anew: nothing is deleted,
   * unless retention went on past that very border meanwhile.
   */
  async deleteTraffic(request: DeleteTraffic, audit: Audit = unrecorded): Promise<Deleted> {
    const { tenantId, includeLogs } = request;
    const spans = unite(request.spans);
    const agents = await this.db.inTenants([tenantId], ({ sql }) => readScopeAgents(sql, tenantId, request.agentIds));
    for (const agent of agents) for (const span of spans) assertAligned(span, agent);
    // Before it begins: what a crash cuts short was deleted all the same.
    if (!request.dryRun) await this.noteDeletion(request, spans, audit);
    let sum: Part = { windows: 0, hits: 0, logs: 0 };
    for (const { id } of agents) {
      const part = request.dryRun
        ? await this.count(tenantId, id, spans, includeLogs)
        : await this.erase(tenantId, id, spans, includeLogs);
      sum = added(sum, part);
    }
    return { spans, ...sum };
  }

  private async noteDeletion({ tenantId, agentIds, includeLogs }: DeleteTraffic, spans: readonly Span[], audit: Audit) {
    const timeframes = spans.map(
      ({ fromMs, toMs }) => `${new Date(fromMs).toISOString()}/${new Date(toMs).toISOString()}`,
    );
    await this.db.inTenants([tenantId], async (tx) => {
      const agents = agentIds === null ? null : await readAgents(tx.sql, tenantId, agentIds);
      await audit(tx, {
        action: 'TRAFFIC_DELETED',
        subjectId: null,
        subject: agents === null ? 'all agents' : agents.map(({ name }) => name).join(', '),
        changes: changesBetween({ timeframes, includeLogs }, {}),
      });
    });
  }

  /**
   * Deletes all that an agent has sent, and hides it. Its name and its streams' positions stay: what is sent again is a
   * duplicate, and an agent that comes again goes on from there.
   *
   * @returns false where there is no such agent.
   */
  async deleteAgent(tenantId: string, id: string, audit: Audit = unrecorded): Promise<boolean> {
    const known = await this.db.inTenants([tenantId], ({ sql }) => readAgents(sql, tenantId, [id]));
    if (known.length === 0) return false;
    // The bulk in short transactions; what comes meanwhile goes with the agent itself.
    await this.erase(tenantId, id, [ALL_TIME], false);
    while ((await this.eraseSomeChunks(tenantId, id)) === CHUNKS_AT_ONCE);
    const { erased, closed } = await this.db.inTenants([tenantId], async (tx) => {
      const agent = (await lockAgentById(tx.sql, tenantId, id))!;
      const rest = await historyOf(tx.sql, tenantId, id, { logs: false });
      const last = rest ? await eraseWindowsOf(tx, tenantId, agent, rest) : NOTHING;
      await eraseChunks(tx.sql, tenantId, id, Number.MAX_SAFE_INTEGER);
      await eraseEvidence(tx.sql, tenantId, id, ALL_TIME);
      await hideAgent(tx.sql, tenantId, id);
      await audit(tx, { action: 'AGENT_DELETED', subjectId: id, subject: known[0].name });
      return { erased: last, closed: await endStatesOfAgent(tx, tenantId, agent) };
    });
    this.tell(tenantId, id, erased);
    if (closed > 0) this.onAlertEvents(tenantId);
    return true;
  }

  private eraseSomeChunks(tenantId: string, id: string): Promise<number> {
    return this.db.inTenants([tenantId], async ({ sql }) => {
      await lockAgentById(sql, tenantId, id);
      return eraseChunks(sql, tenantId, id, CHUNKS_AT_ONCE);
    });
  }

  private count(tenantId: string, agentId: string, spans: readonly Span[], includeLogs: boolean): Promise<Part> {
    return this.db.inTenants(
      [tenantId],
      async (tx) => {
        const [agent] = await readScopeAgents(tx.sql, tenantId, [agentId]);
        const ranges = spans.flatMap((span) => finestRanges(span, agent?.windowFloors ?? NO_FLOORS));
        const counted = await countWindows(tx.sql, tenantId, agentId, ranges);
        let logs = 0;
        for (const span of includeLogs ? spans : []) logs += await countLogs(tx, tenantId, agentId, span);
        return { ...counted, logs };
      },
      { snapshot: true },
    );
  }

  private async erase(tenantId: string, agentId: string, spans: readonly Span[], includeLogs: boolean): Promise<Part> {
    const history = await this.db.inTenants([tenantId], ({ sql }) =>
      historyOf(sql, tenantId, agentId, { logs: includeLogs }),
    );
    if (includeLogs)
      await this.db.inTenants([tenantId], async ({ sql }) => {
        for (const span of spans) await eraseEvidence(sql, tenantId, agentId, span);
      });
    let sum: Part = { windows: 0, hits: 0, logs: 0 };
    for (const span of history ? clipped(spans, history) : []) {
      const erasure = new SpanErasure(tenantId, agentId, span, includeLogs);
      const step = () => this.db.inTenants([tenantId], (tx) => erasure.step(tx));
      while (!erasure.isDone) {
        const erased = await withPartitions(this.db, step);
        this.tell(tenantId, agentId, erased);
        sum = added(sum, erased);
      }
    }
    return sum;
  }

  private tell(tenantId: string, agentId: string, erased: Erased): void {
    if (erased.starts.length > 0 || erased.stale !== null) this.onErased(tenantId, agentId, erased);
  }
}

function added(a: Part, b: Part): Part {
  return { windows: a.windows + b.windows, hits: saturatingSum(a.hits, b.hits), logs: a.logs + b.logs };
}
