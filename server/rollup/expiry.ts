import { type FloorTargets, floorTargets, neededBefore, raised, type WindowKeeps } from '../core/rollup/floors.js';
import type { Database } from '../store/database.js';
import { lockAgentById } from '../store/sql/agent.sql.js';
import { dropBelowFloors, marksBefore, setFloors } from '../store/sql/floor.sql.js';
import { lockTenantTraffic, type TrafficFloors } from '../store/sql/tenant-traffic.sql.js';
import { TENANT_WIDE } from '../store/sql/window-key.js';
import { rollUpAgent, WINDOWS_AT_ONCE } from './roll.js';

/** Rows dropped in one transaction. */
const ROWS_AT_ONCE = 5_000;

/**
 * Moves floors to what retention says of windows, and drops what lies below them.
 *
 * What is made of windows that go is computed first; the floor is moved, in a transaction of its own under the agent's
 * lock, before anything is dropped: no batch is merged into, and no query reads, what is going. A tenant's own floors
 * are moved first: what its windows do not tell, its agents' must.
 */
export async function expireWindows(db: Database): Promise<{ dropped: number }> {
  const nowMs = await db.now();
  const tenants = await db.ownerSql<{ tenantId: string; windows: WindowKeeps }>(
    'SELECT tenant_id AS "tenantId", windows FROM retention',
  );
  let dropped = 0;
  for (const { tenantId, windows } of tenants) {
    const agents = await db.ownerSql<{ id: string; newestMs: number | null }>(
      'SELECT id, last_event_ms AS "newestMs" FROM agent WHERE tenant_id = $1 ORDER BY id',
      [tenantId],
    );
    const newestMs = agents.reduce((newest, agent) => Math.max(newest, agent.newestMs ?? 0), 0);
    await raiseTenantFloors(db, tenantId, floorTargets(windows, nowMs, newestMs));
    for (const agent of agents)
      await raiseAgentFloors(db, tenantId, agent.id, floorTargets(windows, nowMs, agent.newestMs));
    for (const id of [TENANT_WIDE, ...agents.map((agent) => agent.id)]) dropped += await dropAll(db, tenantId, id);
  }
  return { dropped };
}

async function raiseTenantFloors(db: Database, tenantId: string, targets: FloorTargets): Promise<void> {
  await db.inTenants([tenantId], async ({ sql }) => {
    const floors = await lockTenantTraffic(sql, tenantId);
    if (floors) await setFloors(sql, tenantId, TENANT_WIDE, raisedFloors(floors, targets));
  });
}

function raisedFloors(floors: TrafficFloors, targets: FloorTargets): FloorTargets {
  return {
    windowFloors: raised(floors.windowFloors, targets.windowFloors),
    breakdownFloors: raised(floors.breakdownFloors, targets.breakdownFloors),
  };
}

async function raiseAgentFloors(db: Database, tenantId: string, agentId: string, targets: FloorTargets): Promise<void> {
  const needed = neededBefore(targets);
  for (const { resolution, beforeMs } of needed) {
    const scope = { tenantId, agentId, resolution };
    for (;;) {
      const more = await db.inTenants([tenantId], async (tx) => {
        const starts = await marksBefore(tx.sql, tenantId, agentId, resolution, beforeMs, WINDOWS_AT_ONCE);
        return starts.length > 0 && (await rollUpAgent(tx, scope, starts)) > 0;
      });
      if (!more) break;
    }
  }
  await db.inTenants([tenantId], async (tx) => {
    const agent = await lockAgentById(tx.sql, tenantId, agentId);
    if (!agent) return;
    for (const { resolution, beforeMs } of needed) {
      // A late entry came in between: the next run computes it, and moves the floor then.
      if ((await marksBefore(tx.sql, tenantId, agentId, resolution, beforeMs, 1)).length > 0) return;
    }
    await setFloors(tx.sql, tenantId, agentId, raisedFloors(agent, targets));
  });
}

async function dropAll(db: Database, tenantId: string, agentId: string): Promise<number> {
  for (let dropped = 0; ; ) {
    const count = await db.inTenants([tenantId], async ({ sql }) => {
      const table =
        agentId === TENANT_WIDE ? 'tenant_traffic WHERE tenant_id = $1' : 'agent WHERE tenant_id = $1 AND id = $2';
      const [floors] = await sql<TrafficFloors & { [column: string]: unknown }>(
        `SELECT window_floors::float8[] AS "windowFloors", breakdown_floors::float8[] AS "breakdownFloors" FROM ${table}`,
        agentId === TENANT_WIDE ? [tenantId] : [tenantId, agentId],
      );
      return floors ? dropBelowFloors(sql, tenantId, agentId, floors, ROWS_AT_ONCE) : 0;
    });
    dropped += count;
    if (count === 0) return dropped;
  }
}
