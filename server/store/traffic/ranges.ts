import {
  alignToKept,
  coarsestWithin,
  DirtyWindows,
  type Floors,
  planRead,
  type Range,
  roundUp,
  windowsIn,
} from '../../core/rollup/plan.js';
import { MONTH, RESOLUTIONS, rollupStart, TENANT_WIDE_FROM } from '../../core/windows/resolutions.js';
import type { Transaction } from '../database.js';
import { readMarks } from '../sql/mark.sql.js';
import type { TrafficFloors } from '../sql/tenant-traffic.sql.js';
import type { OwnedRange } from '../sql/traffic.sql.js';
import { TENANT_WIDE } from '../sql/window-key.js';

export interface ScopeAgent extends TrafficFloors {
  id: string;
  deletedRevision: number;
  watermarkMs: number | null;
}

/** What is read of the whole tenant at once. */
export interface ScopeTenant extends TrafficFloors {
  /** Revisions of the last deletions of the agents that were themselves deleted, summed. */
  hiddenRevision: number;
}

/** Whose traffic: these agents; with `tenant`, they are all that the tenant has, and its own windows may be read. */
export interface TrafficScope {
  agents: readonly ScopeAgent[];
  tenant: ScopeTenant | null;
}

/** The revision of a window without a row: those of the agents' last deletions, summed. */
export function emptyRevision({ agents, tenant }: TrafficScope): number {
  return agents.reduce((sum, agent) => sum + agent.deletedRevision, tenant?.hiddenRevision ?? 0);
}

interface Span {
  fromMs: number;
  toMs: number;
}

export interface RangesQuery {
  span: Span;
  /** Width of a bucket; infinite: one of all. */
  stepMs: number;
  /** None coarser is read than this; null: than the step allows. Seconds. */
  resolution: number | null;
  kind: keyof TrafficFloors;
}

/** Marks of a scope, read once for all that is planned in one snapshot. */
export class ScopeMarks {
  private constructor(private readonly byAgent: ReadonlyMap<string, DirtyWindows>) {}

  static async read(sql: Transaction['sql'], tenantId: string, scope: TrafficScope, span: Span): Promise<ScopeMarks> {
    const ids = scope.agents.map((agent) => agent.id);
    // Of whole months: what is not kept finer is read of more than the span.
    const [fromMs, toMs] = [rollupStart(span.fromMs, MONTH), roundUp(span.toMs, MONTH)];
    const marks = await readMarks(sql, tenantId, scope.tenant ? [TENANT_WIDE, ...ids] : ids, fromMs, toMs);
    const byAgent = new Map([...marks].map(([agentId, own]) => [agentId, new DirtyWindows(own)]));
    // A window of the tenant is dirty with each of its agents'.
    if (scope.tenant) byAgent.set(TENANT_WIDE, new DirtyWindows([...marks.values()].flat()));
    return new ScopeMarks(byAgent);
  }

  of(agentId: string): DirtyWindows {
    return this.byAgent.get(agentId) ?? NOTHING_DIRTY;
  }
}

const NOTHING_DIRTY = new DirtyWindows([]);

/** The rows to read: each event second of the span is in exactly one of each agent's, or of the tenant's. */
export function rangesFor(scope: TrafficScope, marks: ScopeMarks, query: RangesQuery): OwnedRange[] {
  const { kind } = query;
  const coarsest = Math.min(query.resolution ?? Number.POSITIVE_INFINITY, coarsestWithin(query.stepMs));
  // The same stretch is told of all agents, also of those that keep more.
  const span = alignToKept(query.span, commonFloors(scope, kind));
  const ofAgents = (spans: readonly Span[]) =>
    scope.agents.flatMap((agent) => {
      const options = { coarsest, dirty: marks.of(agent.id), floors: agent[kind] };
      return spans.flatMap((part) => owned(agent.id, planRead(part, options).ranges));
    });
  if (scope.agents.length === 0 || scope.tenant === null || coarsest < TENANT_WIDE_FROM) return ofAgents([span]);
  const floors = scope.tenant[kind];
  const whole = planRead(span, { coarsest, dirty: marks.of(TENANT_WIDE), floors, finest: TENANT_WIDE_FROM });
  const together = [...owned(TENANT_WIDE, whole.ranges), ...ofAgents(whole.rest)];
  if (scope.agents.length === 1) return together;
  // Where one agent's past is dirty all over, the others' own windows are fewer than all agents' finer ones.
  const apart = ofAgents([span]);
  return windowsIn(together) <= windowsIn(apart) ? together : apart;
}

function owned(agentId: string, ranges: readonly Range[]): OwnedRange[] {
  return ranges.map((range) => ({ ...range, agentId }));
}

/** Of each resolution the highest floor among the agents, and the tenant's own: what is kept of all of them. */
export function commonFloors({ agents, tenant }: TrafficScope, kind: keyof TrafficFloors): Floors {
  return RESOLUTIONS.map((_, place) =>
    Math.max(tenant?.[kind][place] ?? 0, ...agents.map((agent) => agent[kind][place])),
  );
}
