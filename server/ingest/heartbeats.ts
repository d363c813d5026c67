import { saturatingSum } from '../core/saturating.js';
import { type Transit, transitOf } from '../core/time/skew.js';
import { notFound } from '../errors.js';
import type { Database, Transaction } from '../store/database.js';
import { type LockedAgentRow, noteHeartbeats } from '../store/sql/agent.sql.js';
import { endStreams, noteStreams } from '../store/sql/stream.sql.js';
import { type LockAgents, lockFree, lockWaitingFor, only, ownerOf, watermarksOf } from './agents.js';
import { type Outcome, Together } from './together.js';

export interface Heartbeat {
  tenantId: string;
  agentName: string;
  sentAtMs: number;
  streams: readonly StreamHeartbeat[];
  /** Nothing more will come. */
  ending: boolean;
}

export interface StreamHeartbeat {
  streamId: string;
  epoch: number;
  backlogBytes: number;
  catchingUp: boolean;
  closed: boolean;
}

export interface HeartbeatResult {
  agentId: string;
  /** Streams that another process has claimed since. */
  fencedStreamIds: string[];
  alertsRest: boolean;
  /** The database's clock, milliseconds. */
  nowMs: number;
}

/** Heartbeats that share a transaction at most. */
const GROUP = { items: 128, weight: 128, light: 128 };

/** A heartbeat, and when it came by the monotonic clock, milliseconds. */
interface Received {
  heartbeat: Heartbeat;
  atMs: number;
}

interface Locked extends Received {
  at: number;
  tenantId: string;
  agent: LockedAgentRow;
  /** How long ago it came, milliseconds. */
  waitedMs: number;
  transit: Transit;
}

/** Agents say that they live, and how far behind each of their streams is. */
export class Heartbeats {
  private readonly waiting = new Together<Received, HeartbeatResult>({
    limits: GROUP,
    together: (received) => this.note(received, lockFree),
    alone: async (received) => only(await this.note([received], lockWaitingFor)),
  });

  constructor(private readonly db: Database) {}

  /** @throws ApiError NOT_FOUND where the agent is not known; RESOURCE_EXHAUSTED where the database is busy or away. */
  beat(heartbeat: Heartbeat): Promise<HeartbeatResult> {
    return this.waiting.add(ownerOf(heartbeat), 1, { heartbeat, atMs: performance.now() });
  }

  private note(received: readonly Received[], lock: LockAgents): Promise<Outcome<HeartbeatResult>[]> {
    const tenantIds = [...new Set(received.map(({ heartbeat }) => heartbeat.tenantId))];
    return this.db.inTenants(tenantIds, (tx) => noteAll(tx, received, lock));
  }
}

async function noteAll(
  tx: Transaction,
  received: readonly Received[],
  lock: LockAgents,
): Promise<Outcome<HeartbeatResult>[]> {
  const outcomes: Outcome<HeartbeatResult>[] = [];
  const names = received.map(({ heartbeat }) => ({ tenantId: heartbeat.tenantId, name: heartbeat.agentName }));
  const locked: Locked[] = [];
  for (const [at, agent] of (await lock(tx, names)).entries()) {
    if (agent === 'ALONE') outcomes[at] = notFound('Agent');
    else if (agent === 'HELD') outcomes[at] = agent;
    else locked.push(lockedOf(received[at], at, agent));
  }
  const named = await noteStreams(tx.sql, locked.flatMap(saidOfStreams));
  const ending = locked.filter(({ heartbeat }) => heartbeat.ending);
  await endStreams(
    tx.sql,
    ending.map(({ tenantId, agent }) => ({ tenantId, agentId: agent.id })),
  );
  const watermarks = await watermarksOf(tx, locked);
  await noteHeartbeats(
    tx.sql,
    locked.map(({ heartbeat, tenantId, agent, transit }, i) => ({
      tenantId,
      agentId: agent.id,
      clockSkewMs: transit.skewMs,
      backlogBytes: heartbeat.streams.reduce((sum, stream) => saturatingSum(sum, stream.backlogBytes), 0),
      ending: heartbeat.ending,
      watermarkMs: watermarks[i],
    })),
  );
  for (const { heartbeat, at, agent } of locked) {
    const fencedStreamIds = heartbeat.streams.map(({ streamId }) => streamId).filter((id) => !named.has(id));
    outcomes[at] = { agentId: agent.id, fencedStreamIds, alertsRest: agent.alertRested, nowMs: agent.nowMs };
  }
  return outcomes;
}

function lockedOf(received: Received, at: number, agent: LockedAgentRow): Locked {
  const { heartbeat, atMs } = received;
  const waitedMs = performance.now() - atMs;
  const transit = transitOf(heartbeat.sentAtMs - (agent.nowMs - waitedMs), agent.clockSkewMs);
  return { ...received, at, tenantId: heartbeat.tenantId, agent, waitedMs, transit };
}

/** As of when it was sent: of what was written while it was held up on its way, and of a batch that overtook it, it knew nothing. */
function saidOfStreams({ heartbeat, tenantId, agent, waitedMs, transit }: Locked) {
  const agoMs = waitedMs + transit.delayMs;
  return heartbeat.streams.map((stream) => ({ tenantId, agentId: agent.id, agoMs, ...stream }));
}
