import { cutBorder, finestRanges, planErase, sliceOf } from '../core/rollup/erase.js';
import type { Floors, Mark } from '../core/rollup/plan.js';
import { RESOLUTIONS, TENANT_WIDE_FROM } from '../core/windows/resolutions.js';
import { misalignedSpan } from '../errors.js';
import { LogErasure } from '../retention/index.js';
import type { Transaction } from '../store/database.js';
import { type LockedAgentRow, lockAgentById } from '../store/sql/agent.sql.js';
import { type Counted, countWindows, eraseWindows, startAfter } from '../store/sql/erase.sql.js';
import { markDirty, markTenantDirty } from '../store/sql/mark.sql.js';
import { eraseRuleSeconds } from '../store/sql/rule-seconds.sql.js';

export interface Span {
  fromMs: number;
  toMs: number;
}

/** What went of an agent. */
export interface Erased extends Counted {
  logs: number;
  /** Starts of the 10-second windows that are no more, in order. */
  starts: readonly number[];
  /** Where coarser ones alone were kept, the span of what went. */
  stale: Span | null;
}

export const NOTHING: Erased = { windows: 0, hits: 0, logs: 0, starts: [], stale: null };

/** Windows of one transaction, about: ingest of the agent waits for it. */
const WINDOWS_AT_ONCE = 500;

/** @throws ApiError BAD_USER_INPUT where a border would cut a window that cannot be computed anew. */
export function assertAligned(span: Span, { breakdownFloors }: { breakdownFloors: Floors }): void {
  const border = cutBorder(span, breakdownFloors);
  if (border) throw misalignedSpan(border.atMs, border.resolution);
}

/**
 * Erases a span of an agent slice by slice, the oldest first, each step in a transaction of its own. A slice's raw entries
 * go first, in as many steps as they take; its windows with the last of these: no entry is left counted without being
 * stored, or stored without being counted.
 */
export class SpanErasure {
  private fromMs: number;
  /** Where the slice under way ends, about; null: none is. */
  private untilMs: number | null = null;
  private logs: LogErasure | null = null;

  constructor(
    private readonly tenantId: string,
    private readonly agentId: string,
    private readonly span: Span,
    private readonly includeLogs: boolean,
  ) {
    this.fromMs = span.fromMs;
  }

  get isDone(): boolean {
    return this.fromMs >= this.span.toMs;
  }

  /**
   * Call it until `isDone`, each time in a new transaction; where a step throws, it may be tried again. No more once a
   * transaction failed after its step: what is left then is erased by another.
   *
   * @throws ApiError BAD_USER_INPUT where floors have risen past a border of the span meanwhile.
   */
  async step(tx: Transaction): Promise<Erased> {
    const agent = await lockAgentById(tx.sql, this.tenantId, this.agentId);
    if (!agent) throw new Error('agents are hidden, not deleted');
    this.untilMs ??= await this.sliceEnd(tx, agent);
    const slice = sliceOf(this.span, { fromMs: this.fromMs, untilMs: this.untilMs }, agent.breakdownFloors);
    assertAligned(slice, agent);
    const logs = await this.eraseLogs(tx, slice, agent.nowMs);
    if (!logs.isDone) return { ...NOTHING, logs: logs.erased };
    const erased = await eraseWindowsOf(tx, this.tenantId, agent, slice);
    this.fromMs = slice.toMs;
    this.untilMs = null;
    return { ...erased, logs: logs.erased };
  }

  private async sliceEnd({ sql }: Transaction, agent: LockedAgentRow): Promise<number> {
    const rest = { fromMs: this.fromMs, toMs: this.span.toMs };
    const ranges = finestRanges(rest, agent.windowFloors);
    return (await startAfter(sql, this.tenantId, agent.id, ranges, WINDOWS_AT_ONCE)) ?? rest.toMs;
  }

  private async eraseLogs(tx: Transaction, slice: Span, nowMs: number): Promise<{ erased: number; isDone: boolean }> {
    if (!this.includeLogs) return { erased: 0, isDone: true };
    const { span } = this.logs ?? {};
    if (span?.fromMs !== slice.fromMs || span.toMs !== slice.toMs)
      this.logs = new LogErasure(this.tenantId, this.agentId, slice);
    return this.logs!.eraseSome(tx, nowMs);
  }
}

/** Erases the windows of an agent's span, aligned, in one go. The caller holds the agent's lock. */
export async function eraseWindowsOf(
  tx: Transaction,
  tenantId: string,
  agent: LockedAgentRow,
  span: Span,
): Promise<Erased> {
  const counted = await countWindows(tx.sql, tenantId, agent.id, finestRanges(span, agent.windowFloors));
  const { inside, cut } = planErase(span);
  const ruleWindows = await eraseRuleSeconds(tx.sql, tenantId, agent.id, span);
  const erased = await eraseWindows(tx.sql, tenantId, agent.id, inside);
  if (erased.length + ruleWindows === 0) return NOTHING;
  await markDirty(
    tx.sql,
    cut.map(({ resolution, startMs }) => ({ tenantId, agentId: agent.id, resolution, startMs })),
  );
  await markTenantWindows(tx, tenantId, [...erased, ...cut]);
  await tx.sql(
    'UPDATE agent SET revision = revision + 1, deleted_revision = revision + 1 WHERE tenant_id = $1 AND id = $2',
    [tenantId, agent.id],
  );
  const starts = erased.filter(({ resolution }) => resolution === RESOLUTIONS[0]).map(({ startMs }) => startMs);
  return { ...counted, logs: 0, starts, stale: counted.windows === starts.length ? null : span };
}

/**
 * Marks the tenant's windows that were made of these of an agent, whether they stand or not: they may be being written
 * just now, from what the agent had.
 */
async function markTenantWindows(tx: Transaction, tenantId: string, windows: readonly Mark[]): Promise<void> {
  const wide = windows.filter(({ resolution }) => resolution >= TENANT_WIDE_FROM);
  await markTenantDirty(
    tx.sql,
    wide.map(({ resolution, startMs }) => ({ tenantId, resolution, startMs })),
  );
}
