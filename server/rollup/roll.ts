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
import { mergeSourceBreakdowns, type RollupSource, rollUpNumbers } from '../store/sql/rollup.sql.js';
import { lockTenantTraffic } from '../store/sql/tenant-traffic.sql.js';
import { TENANT_WIDE, type WindowScope } from '../store/sql/window.sql.js';
import { readScopeAgents } from '../store/traffic/scope.js';

/**
 * Computes an agent's windows of one resolution anew from the next finer ones, and marks what is made of them.
 *
 * In this order: the lock, away with the marks, and only then, in later statements, the finer rows: what was changed
 * before the marks went is read, and what is changed afterwards marks anew.
 *
 * @returns false where there is no such agent: nothing was done.
 */
export async function rollUpAgent(tx: Transaction, scope: WindowScope, starts: readonly number[]): Promise<boolean> {
  const { tenantId, agentId, resolution } = scope;
  const agent = await lockAgentById(tx.sql, tenantId, agentId);
  if (!agent) return false;
  const taken = await takeMarks(tx.sql, tenantId, agentId, resolution, starts);
  const finer = nextFiner(resolution)!;
  const place = RESOLUTIONS.indexOf(finer);
  const from = { numbersFromMs: agent.windowFloors[place], breakdownsFromMs: agent.breakdownFloors[place] };
  await recompute(tx, scope, { agentIds: [agentId], resolution: finer }, taken, from);
  const coarser = nextCoarser(resolution);
  if (coarser !== null) {
    const above = new Set(taken.map((startMs) => rollupStart(startMs, coarser)));
    await markDirty(tx.sql, tenantId, agentId, coarser, [...above]);
  }
  if (resolution >= TENANT_WIDE_FROM) await markTenantDirty(tx.sql, tenantId, resolution, taken);
  return true;
}

/** The same of the whole tenant, from its agents' windows of the same resolution; false where another does so. */
export async function rollUpTenant(tx: Transaction, scope: WindowScope, starts: readonly number[]): Promise<boolean> {
  const { tenantId, resolution } = scope;
  const floors = await lockTenantTraffic(tx.sql, tenantId);
  if (!floors) return false;
  const taken = await takeMarks(tx.sql, tenantId, TENANT_WIDE, resolution, starts);
  const agents = await readScopeAgents(tx.sql, tenantId, null);
  const place = RESOLUTIONS.indexOf(resolution);
  const from = { numbersFromMs: floors.windowFloors[place], breakdownsFromMs: floors.breakdownFloors[place] };
  await recompute(tx, scope, { agentIds: agents.map((agent) => agent.id), resolution }, taken, from);
  return true;
}

/** A window is computed anew only while none of the rows that it is made of has been dropped. */
async function recompute(
  tx: Transaction,
  scope: WindowScope,
  source: RollupSource,
  starts: readonly number[],
  from: { numbersFromMs: number; breakdownsFromMs: number },
): Promise<void> {
  const targets = starts.map((startMs) => ({ startMs, endMs: rollupEnd(startMs, scope.resolution) }));
  const numbers = targets.filter(({ startMs }) => startMs >= from.numbersFromMs);
  if (numbers.length > 0) await rollUpNumbers(tx.sql, scope, source, numbers);
  const breakdowns = targets.filter(({ startMs }) => startMs >= from.breakdownsFromMs);
  if (breakdowns.length === 0) return;
  await writeBreakdowns(tx.sql, scope, await mergeSourceBreakdowns(tx.sql, scope, source, breakdowns));
}
