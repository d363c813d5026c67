import { agentWatermarkMs, type StreamClockInput } from '../core/time/clock.js';
import type { Transaction } from '../store/database.js';
import {
  type AgentName,
  knownAgents,
  type LockedAgentRow,
  lockAgent,
  lockFreeAgents,
  readClockStreams,
} from '../store/sql/agent.sql.js';

/**
 * Takes the agent's lock, the right to change anything of it: positions, windows, chunks, alert states. The agent is
 * registered where it is new.
 */
export async function lockOrRegisterAgent(tx: Transaction, tenantId: string, name: string): Promise<LockedAgentRow> {
  for (;;) {
    const locked = await lockAgent(tx.sql, tenantId, name);
    if (locked) return locked;
    // What the tenant keeps no longer, a new agent does not begin to.
    await tx.sql(
      `INSERT INTO agent (tenant_id, name, window_floors, breakdown_floors)
       SELECT tenant_id, $2, window_floors, window_floors FROM tenant_traffic WHERE tenant_id = $1
       ON CONFLICT DO NOTHING`,
      [tenantId, name],
    );
  }
}

/** Takes the locks of agents; says of each without one why. */
export type LockAgents = (
  tx: Transaction,
  agents: readonly AgentName[],
) => Promise<(LockedAgentRow | 'HELD' | 'UNKNOWN_AGENT')[]>;

/** Those that nobody else holds: who takes several waits for none, so that no two wait for each other. */
export const lockFree: LockAgents = async (tx, agents) => {
  const locked = await lockFreeAgents(tx.sql, agents);
  if (!locked.includes(undefined)) return locked as LockedAgentRow[];
  const known = await knownAgents(tx.sql, agents);
  return locked.map((agent, i) => agent ?? (known[i] ? 'HELD' : 'UNKNOWN_AGENT'));
};

/** One: waits for it, registers it where it is new. */
export const lockWaiting: LockAgents = async (tx, [{ tenantId, name }]) => [
  await lockOrRegisterAgent(tx, tenantId, name),
];

/** Moves the agent's watermark to what its streams say now; it never goes back. */
export async function moveWatermark(
  tx: Transaction,
  tenantId: string,
  agentId: string,
  nowMs: number,
): Promise<StreamClockInput[]> {
  const [streams] = await readClockStreams(tx.sql, [{ tenantId, agentId }]);
  const watermarkMs = agentWatermarkMs(streams, nowMs);
  if (watermarkMs !== null) {
    await tx.sql(
      'UPDATE agent SET watermark_ms = greatest(watermark_ms, $3) WHERE tenant_id = $1 AND id = $2 AND watermark_ms IS DISTINCT FROM greatest(watermark_ms, $3)',
      [tenantId, agentId, watermarkMs],
    );
  }
  return streams;
}
