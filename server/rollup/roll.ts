import { encodeBreakdown } from '../core/windows/breakdown.js';
import {
  nextCoarser,
  nextFiner,
  RESOLUTIONS,
  rollupEnd,
  rollupStart,
  TENANT_WIDE_FROM,
} from '../core/windows/resolutions.js';
import type { Transaction } from '../store/database.js';
import { lockAgentById } from '../store/sql/agent.sql.js';
import { writeBreakdowns } from '../store/sql/breakdown.sql.js';
import { markDirty, markTenantDirty, takeMarks } from '../store/sql/mark.sql.js';
import {
  countSource,
  mergeSourceBreakdowns,
  type RollupSource,
  type RollupTarget,
  rollUpNumbers,
} from '../store/sql/rollup.sql.js';
import { lockTenantTraffic } from '../store/sql/tenant-traffic.sql.js';
import type { WindowScope } from '../store/sql/window-key.js';
import { readScopeAgents } from '../store/traffic/scope.js';

/** Breakdowns that those of one transaction are made of: ingest of the agent waits for it. */
const SOURCE_ROWS_MAX = 240;
/** Windows of one transaction at most: their numbers cost little. */
export const WINDOWS_AT_ONCE = 240;

/**
 * Computes an agent's windows of one resolution anew from the next finer ones, the first of `starts` that together are
 * not made of too much, and marks what is made of them.
 *
 * In this order: the lock, away with the marks, and only then, in later statements, the finer rows: what was changed
 * before the marks went is read, and what is changed afterwards marks anew.
 *
 * @returns how many of `starts` were seen to; 0: there is no such agent.
 */
export async function rollUpAgent(tx: Transaction, scope: WindowScope, starts: readonly number[]): Promise<number> {
  const { tenantId, agentId, resolution } = scope;
  const agent = await lockAgentById(tx.sql, tenantId, agentId);
  if (!agent) return 0;
  const finer = nextFiner(resolution)!;
  const source = { agentIds: [agentId], resolution: finer };
  const { taken, some } = await takeSome(tx, scope, source, starts);
  const place = RESOLUTIONS.indexOf(finer);
  const from = { numbersFromMs: agent.windowFloors[place], breakdownsFromMs: agent.breakdownFloors[place] };
  await recompute(tx, scope, source, taken, from);
  const coarser = nextCoarser(resolution);
  if (coarser !== null) {
    const above = new Set(taken.map((startMs) => rollupStart(startMs, coarser)));
    await markDirty(
      tx.sql,
      Array.from(above, (startMs) => ({ tenantId, agentId, resolution: coarser, startMs })),
    );
  }
  if (resolution >= TENANT_WIDE_FROM)
    await markTenantDirty(
      tx.sql,
      taken.map((startMs) => ({ tenantId, resolution, startMs })),
    );
  return some;
}

/** The same of the whole tenant, from its agents' windows of the same resolution; 0 where another does so. */
export async function rollUpTenant(tx: Transaction, scope: WindowScope, starts: readonly number[]): Promise<number> {
  const { tenantId, resolution } = scope;
  const floors = await lockTenantTraffic(tx.sql, tenantId, { skipLocked: true });
  if (!floors) return 0;
  const { taken, some } = await takeSome(tx, scope, await tenantSource(tx, scope), starts);
  const place = RESOLUTIONS.indexOf(resolution);
  const from = { numbersFromMs: floors.windowFloors[place], breakdownsFromMs: floors.breakdownFloors[place] };
  // Read again: an agent may have come before the marks went.
  await recompute(tx, scope, await tenantSource(tx, scope), taken, from);
  return some;
}

async function tenantSource({ sql }: Transaction, { tenantId, resolution }: WindowScope): Promise<RollupSource> {
  const agents = await readScopeAgents(sql, tenantId, null);
  return { agentIds: agents.map((agent) => agent.id), resolution };
}

/** Takes the first marks whose windows together are made of not too many rows; of one at least. */
async function takeSome(
  tx: Transaction,
  scope: WindowScope,
  source: RollupSource,
  starts: readonly number[],
): Promise<{ taken: number[]; some: number }> {
  const counts = await countSource(tx.sql, scope, source, targetsOf(scope, starts));
  let [some, rows] = [0, 0];
  while (some < starts.length && (some === 0 || rows + counts[some] <= SOURCE_ROWS_MAX)) rows += counts[some++];
  const { tenantId, agentId, resolution } = scope;
  return { some, taken: await takeMarks(tx.sql, tenantId, agentId, resolution, starts.slice(0, some)) };
}

function targetsOf({ resolution }: WindowScope, starts: readonly number[]): RollupTarget[] {
  return starts.map((startMs) => ({ startMs, endMs: rollupEnd(startMs, resolution) }));
}

/** A window is computed anew only while none of the rows that it is made of has been dropped. */
async function recompute(
  tx: Transaction,
  scope: WindowScope,
  source: RollupSource,
  starts: readonly number[],
  from: { numbersFromMs: number; breakdownsFromMs: number },
): Promise<void> {
  const targets = targetsOf(scope, starts);
  const numbers = targets.filter(({ startMs }) => startMs >= from.numbersFromMs);
  if (numbers.length > 0) await rollUpNumbers(tx.sql, scope, source, numbers);
  const breakdowns = targets.filter(({ startMs }) => startMs >= from.breakdownsFromMs);
  if (breakdowns.length === 0) return;
  const merged = await mergeSourceBreakdowns(tx.sql, scope, source, breakdowns);
  await writeBreakdowns(
    tx.sql,
    Array.from(merged, ([startMs, breakdown]) => ({ ...scope, startMs, breakdown: encodeBreakdown(breakdown) })),
  );
}
