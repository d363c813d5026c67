import { agentWatermarkMs } from '../core/time/clock.js';
import { ApiError, unauthenticated } from '../errors.js';
import { admitAgent } from '../plans/index.js';
import type { Transaction } from '../store/database.js';
import {
  type AgentName,
  knownAgents,
  type LockedAgentRow,
  lockAgent,
  lockFreeAgents,
  readClockStreams,
} from '../store/sql/agent.sql.js';
import type { Outcome, Owner } from './together.js';

/**
 * Takes the agent's lock, the right to change anything of it: positions, windows, chunks, alert states. The agent is
 * registered where it is new.
 *
 * @throws ApiError UNAUTHENTICATED where the tenant is being deleted; RESOURCE_EXHAUSTED where it is new, or was deleted, and
 * the plan has no room for it.
 */
export async function lockOrRegisterAgent(tx: Transaction, tenantId: string, name: string): Promise<LockedAgentRow> {
  for (let attempt = 0; ; attempt++) {
    const locked = await lockAgent(tx.sql, tenantId, name);
    if (locked?.hidden) await admitAgent(tx, tenantId);
    if (locked) return locked;
    if (attempt > 0 && !(await isTenant(tx, tenantId))) throw unauthenticated();
    await admitAgent(tx, tenantId);
    // What the tenant keeps no longer, a new agent does not begin to.
    await tx.sql(
      `INSERT INTO agent (tenant_id, name, window_floors, breakdown_floors)
       SELECT tenant_id, $2, window_floors, window_floors FROM tenant_traffic WHERE tenant_id = $1
       ON CONFLICT DO NOTHING`,
      [tenantId, name],
    );
  }
}

async function isTenant({ sql }: Transaction, tenantId: string): Promise<boolean> {
  return (await sql('SELECT FROM tenant_traffic WHERE tenant_id = $1', [tenantId])).length > 0;
}

/** One agent's requests are done in the order in which they came. */
export const ownerOf = ({ tenantId, agentName }: { tenantId: string; agentName: string }): Owner => ({
  tenant: tenantId,
  key: `${tenantId} ${agentName}`,
});

/** What came of a group of one that waited for its agent. */
export function only<Result>([outcome]: readonly Outcome<Result>[]): Result {
  if (outcome instanceof ApiError) throw outcome;
  if (outcome === 'HELD' || outcome === 'ALONE') throw new Error(`alone, and yet ${outcome}`);
  return outcome;
}

/** Takes the locks of agents; says of each without one why: another holds it, or there is no such agent yet. */
export type LockAgents = (
  tx: Transaction,
  agents: readonly AgentName[],
) => Promise<(LockedAgentRow | 'HELD' | 'ALONE')[]>;

/** Those that nobody else holds: who takes several waits for none, so that no two wait for each other. */
export const lockFree: LockAgents = async (tx, agents) => {
  const locked = await lockFreeAgents(tx.sql, agents);
  if (!locked.includes(undefined)) return locked as LockedAgentRow[];
  const known = await knownAgents(tx.sql, agents);
  return locked.map((agent, i) => agent ?? (known[i] ? 'HELD' : 'ALONE'));
};

/** The same; what was deleted and comes again must be admitted as what is new. */
export const lockFreeShown: LockAgents = async (tx, agents) =>
  (await lockFree(tx, agents)).map((agent) => (typeof agent !== 'string' && agent.hidden ? 'ALONE' : agent));

/** One: waits for it where it is known. */
export const lockWaitingFor: LockAgents = async (tx, [{ tenantId, name }]) => [
  (await lockAgent(tx.sql, tenantId, name)) ?? 'ALONE',
];

/** One: waits for it, registers it where it is new. */
export const lockWaiting: LockAgents = async (tx, [{ tenantId, name }]) => [
  await lockOrRegisterAgent(tx, tenantId, name),
];

/** Agents' watermarks by what their streams say now. Whoever writes them keeps them from going back. */
export async function watermarksOf(
  tx: Transaction,
  agents: readonly { tenantId: string; agent: LockedAgentRow }[],
): Promise<(number | null)[]> {
  const streams = await readClockStreams(
    tx.sql,
    agents.map(({ tenantId, agent }) => ({ tenantId, agentId: agent.id })),
  );
  return agents.map(({ agent }, i) => agentWatermarkMs(streams[i], agent.nowMs));
}
