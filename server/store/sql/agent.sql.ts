import type { StreamClockInput } from '../../core/time/clock.js';
import type { Transaction } from '../database.js';

type Sql = Transaction['sql'];

export interface LockedAgentRow {
  id: string;
  name: string;
  revision: number;
  firstEventMs: number | null;
  lastEventMs: number | null;
  watermarkMs: number | null;
  alertClockMs: number | null;
  alertRested: boolean;
  /** Event ms below which windows of each of RESOLUTIONS are not kept, and their breakdowns. */
  windowFloors: number[];
  breakdownFloors: number[];
  /** The database's clock now. */
  nowMs: number;
}

const LOCKED_COLUMNS = `id, name, revision, first_event_ms AS "firstEventMs", last_event_ms AS "lastEventMs",
  watermark_ms AS "watermarkMs", alert_clock_ms AS "alertClockMs", alert_rested AS "alertRested",
  window_floors::float8[] AS "windowFloors", breakdown_floors::float8[] AS "breakdownFloors",
  floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "nowMs"`;

/** Takes an agent's lock by its name; undefined where there is no such agent. */
export async function lockAgent(sql: Sql, tenantId: string, name: string): Promise<LockedAgentRow | undefined> {
  const [row] = await sql<LockedAgentRow>(
    `SELECT ${LOCKED_COLUMNS} FROM agent WHERE tenant_id = $1 AND name = $2 FOR NO KEY UPDATE`,
    [tenantId, name],
  );
  return row;
}

/** The same by id; with `skipLocked`, undefined too where another holds the lock. */
export async function lockAgentById(
  sql: Sql,
  tenantId: string,
  id: string,
  { skipLocked = false } = {},
): Promise<LockedAgentRow | undefined> {
  const [row] = await sql<LockedAgentRow>(
    `SELECT ${LOCKED_COLUMNS} FROM agent WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE ${skipLocked ? 'SKIP LOCKED' : ''}`,
    [tenantId, id],
  );
  return row;
}

const MS = (column: string) => `floor(extract(epoch FROM ${column}) * 1000)::bigint`;

/** What the streams of an agent say of its time; opening one names it as a heartbeat does. Those with the newest events, as many as a life of rotations needs. */
export async function readClockStreams(sql: Sql, tenantId: string, agentId: string): Promise<StreamClockInput[]> {
  return sql<StreamClockInput>(
    `SELECT newest_event_ms AS "newestEventMs", ${MS('last_batch_at')} AS "lastBatchAtMs",
       ${MS('caught_up_at')} AS "caughtUpAtMs", ${MS('greatest(last_heartbeat_at, CASE WHEN NOT scripted THEN opened_at END)')} AS "lastHeartbeatAtMs",
       last_heartbeat_at IS NOT NULL AS "everHeartbeat", catching_up AS "catchingUp",
       closed_at IS NOT NULL AS closed, ended
     FROM stream WHERE tenant_id = $1 AND agent_id = $2
     ORDER BY closed_at DESC NULLS FIRST, newest_event_ms DESC NULLS LAST LIMIT 1000`,
    [tenantId, agentId],
  );
}
