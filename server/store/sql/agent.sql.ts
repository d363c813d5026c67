import type { StreamClockInput } from '../../core/time/clock.js';
import type { Transaction } from '../database.js';
import { type Column, MS, namesOf, unnestOf, valuesOf } from './columns.js';

type Sql = Transaction['sql'];

/** An agent, whatever it is called. */
export interface AgentKey {
  tenantId: string;
  agentId: string;
}

const AGENT_KEY: Column<AgentKey>[] = [
  { name: 'tenant_id', type: 'uuid', of: ({ tenantId }) => tenantId },
  { name: 'id', type: 'uuid', of: ({ agentId }) => agentId },
];

export interface LockedAgentRow {
  id: string;
  name: string;
  revision: number;
  firstEventMs: number | null;
  lastEventMs: number | null;
  /** Revision of the last deletion of its statistics. */
  deletedRevision: number;
  watermarkMs: number | null;
  alertClockMs: number | null;
  /** The agent's clock less the server's, as known from its heartbeats; null: none since it connected. */
  clockSkewMs: number | null;
  alertRested: boolean;
  /** It was deleted. */
  hidden: boolean;
  /** Grows with each change of an alert rule or state that is about it. */
  alertRevision: number;
  /** The revision as of which counts were last read for alerts, and the oldest entry that came in since; null: none. */
  countsReadRevision: number;
  countsChangedMs: number | null;
  /** Some alert rule may count entries of its own of what the agent sends. */
  countsRules: boolean;
  /** Event ms below which windows of each of RESOLUTIONS are not kept, and their breakdowns. */
  windowFloors: number[];
  breakdownFloors: number[];
  /** The database's clock now. */
  nowMs: number;
}

/** What an evaluation of alerts looks at of it. */
export type EvaluatedAgentRow = Omit<LockedAgentRow, 'windowFloors' | 'breakdownFloors'>;

const EVALUATED_COLUMNS = `id, name, revision, first_event_ms AS "firstEventMs", last_event_ms AS "lastEventMs",
  deleted_revision AS "deletedRevision", watermark_ms AS "watermarkMs", alert_clock_ms AS "alertClockMs", clock_skew_ms AS "clockSkewMs", alert_rested AS "alertRested", hidden_at IS NOT NULL AS hidden,
  alert_revision AS "alertRevision", counts_read_revision AS "countsReadRevision", counts_changed_ms AS "countsChangedMs", counts_rules AS "countsRules",
  floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "nowMs"`;
const LOCKED_COLUMNS = `${EVALUATED_COLUMNS}, window_floors::float8[] AS "windowFloors", breakdown_floors::float8[] AS "breakdownFloors"`;

/** Takes an agent's lock by its name; undefined where there is no such agent. */
export async function lockAgent(sql: Sql, tenantId: string, name: string): Promise<LockedAgentRow | undefined> {
  const [row] = await sql<LockedAgentRow>(
    `SELECT ${LOCKED_COLUMNS} FROM agent WHERE tenant_id = $1 AND name = $2 FOR NO KEY UPDATE`,
    [tenantId, name],
    { name: 'lock-agent' },
  );
  return row;
}

/** Agents by their tenants and names. */
export interface AgentName {
  tenantId: string;
  name: string;
}

/**
 * Takes the locks of those of these agents that nobody else holds, in the order of their keys, as all do who take
 * several. In the order asked for; undefined where there is no such agent, or another holds it.
 */
export async function lockFreeAgents(sql: Sql, agents: readonly AgentName[]): Promise<(LockedAgentRow | undefined)[]> {
  const rows = await sql<LockedAgentRow & { tenantId: string }>(
    `SELECT tenant_id AS "tenantId", ${LOCKED_COLUMNS} FROM agent
     WHERE (tenant_id, name) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))
     ORDER BY tenant_id, id FOR NO KEY UPDATE SKIP LOCKED`,
    [agents.map(({ tenantId }) => tenantId), agents.map(({ name }) => name)],
    { name: 'lock-free-agents' },
  );
  const keyOf = ({ tenantId, name }: AgentName) => `${tenantId} ${name}`;
  const byKey = new Map(rows.map(({ tenantId, ...row }) => [keyOf({ tenantId, name: row.name }), row]));
  return agents.map((agent) => byKey.get(keyOf(agent)));
}

/** Whether there are such agents, in the order asked for. */
export async function knownAgents(sql: Sql, agents: readonly AgentName[]): Promise<boolean[]> {
  const rows = await sql<{ place: number }>(
    `SELECT asked.place FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS asked (tenant_id, name, place)
     JOIN agent t ON t.tenant_id = asked.tenant_id AND t.name = asked.name`,
    [agents.map(({ tenantId }) => tenantId), agents.map(({ name }) => name)],
  );
  const places = new Set(rows.map(({ place }) => place));
  return agents.map((_, i) => places.has(i + 1));
}

/** What a heartbeat says of its agent. */
export interface NotedHeartbeat extends AgentKey {
  clockSkewMs: number;
  backlogBytes: number;
  ending: boolean;
  watermarkMs: number | null;
}

const NOTED_HEARTBEAT: Column<NotedHeartbeat>[] = [
  ...AGENT_KEY,
  { name: 'clock_skew_ms', type: 'float8', of: ({ clockSkewMs }) => clockSkewMs },
  { name: 'backlog_bytes', type: 'bigint', of: ({ backlogBytes }) => backlogBytes },
  { name: 'ending', type: 'boolean', of: ({ ending }) => ending },
  { name: 'watermark_ms', type: 'bigint', of: ({ watermarkMs }) => watermarkMs },
];

/** Notes heartbeats. No two may be of one agent; the caller holds the agents' locks. */
export async function noteHeartbeats(sql: Sql, heartbeats: readonly NotedHeartbeat[]): Promise<void> {
  if (heartbeats.length === 0) return;
  await sql(
    `UPDATE agent t SET last_seen_at = clock_timestamp(), clock_skew_ms = h.clock_skew_ms, backlog_bytes = h.backlog_bytes,
       resumed_at = CASE WHEN t.ended_at IS NULL OR h.ending THEN t.resumed_at ELSE clock_timestamp() END,
       ended_at = CASE WHEN h.ending THEN clock_timestamp() END, watermark_ms = greatest(t.watermark_ms, h.watermark_ms)
     FROM ${unnestOf(NOTED_HEARTBEAT)} AS h (${namesOf(NOTED_HEARTBEAT)})
     WHERE t.tenant_id = h.tenant_id AND t.id = h.id`,
    valuesOf(NOTED_HEARTBEAT, heartbeats),
    { name: 'note-heartbeats' },
  );
}

/** Ids of those agents that there are. */
export async function agentsThatAre(sql: Sql, agents: readonly AgentKey[]): Promise<ReadonlySet<string>> {
  const rows = await sql<{ id: string }>(
    'SELECT id FROM agent WHERE (tenant_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))',
    valuesOf(AGENT_KEY, agents),
  );
  return new Set(rows.map(({ id }) => id));
}

/** Where an agent's alert clock stands now. */
export interface AlertClock extends AgentKey {
  clockMs: number;
  rested: boolean;
  /** As of which counts were read. */
  revision: number;
}

const ALERT_CLOCK: Column<AlertClock>[] = [
  ...AGENT_KEY,
  { name: 'clock_ms', type: 'bigint', of: ({ clockMs }) => clockMs },
  { name: 'rested', type: 'boolean', of: ({ rested }) => rested },
  { name: 'revision', type: 'bigint', of: ({ revision }) => revision },
];

/** Moves alert clocks, and says whose alerts rest, and that counts are read. The caller holds the agents' locks. */
export async function moveAlertClocks(sql: Sql, clocks: readonly AlertClock[]): Promise<void> {
  if (clocks.length === 0) return;
  await sql(
    `UPDATE agent t SET alert_clock_ms = c.clock_ms, alert_rested = c.rested, counts_read_revision = c.revision, counts_changed_ms = NULL
     FROM ${unnestOf(ALERT_CLOCK)} AS c (${namesOf(ALERT_CLOCK)})
     WHERE t.tenant_id = c.tenant_id AND t.id = c.id
       AND (t.alert_clock_ms IS DISTINCT FROM c.clock_ms OR t.alert_rested <> c.rested OR t.counts_read_revision <> c.revision)`,
    valuesOf(ALERT_CLOCK, clocks),
    { name: 'move-alert-clocks' },
  );
}

/** What is remembered of the agents' rules and alert states holds no more. The caller holds their locks. */
export async function reviseAlerts(sql: Sql, agents: readonly AgentKey[]): Promise<void> {
  if (agents.length === 0) return;
  await sql(
    `UPDATE agent SET alert_revision = alert_revision + 1
     WHERE (tenant_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))`,
    valuesOf(AGENT_KEY, agents),
    { name: 'revise-alerts' },
  );
}

/** Notes whether rules count entries of agents. The caller holds their locks. */
export async function noteCountsRules(sql: Sql, agents: readonly AgentKey[], countsRules: boolean): Promise<void> {
  if (agents.length === 0) return;
  await sql(
    `UPDATE agent SET counts_rules = $3 WHERE (tenant_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
       AND counts_rules <> $3`,
    [...valuesOf(AGENT_KEY, agents), countsRules],
    { name: 'note-counts-rules' },
  );
}

/** What a batch says of its agent. */
export interface NotedBatch extends AgentKey {
  revision: number;
  /** Oldest and newest event; null: it has no entry. */
  firstMs: number | null;
  lastMs: number | null;
  watermarkMs: number | null;
}

const NOTED_BATCH: Column<NotedBatch>[] = [
  ...AGENT_KEY,
  { name: 'revision', type: 'bigint', of: ({ revision }) => revision },
  { name: 'first_ms', type: 'bigint', of: ({ firstMs }) => firstMs },
  { name: 'last_ms', type: 'bigint', of: ({ lastMs }) => lastMs },
  { name: 'watermark_ms', type: 'bigint', of: ({ watermarkMs }) => watermarkMs },
];

/** Notes batches that were taken in. No two may be of one agent; the caller holds the agents' locks. */
export async function noteBatches(sql: Sql, batches: readonly NotedBatch[]): Promise<void> {
  if (batches.length === 0) return;
  await sql(
    `UPDATE agent t SET revision = b.revision, last_seen_at = clock_timestamp(), last_batch_at = clock_timestamp(),
       ended_at = NULL, hidden_at = NULL, first_event_ms = least(t.first_event_ms, b.first_ms),
       last_event_ms = greatest(t.last_event_ms, b.last_ms), watermark_ms = greatest(t.watermark_ms, b.watermark_ms),
       alert_rested = t.alert_rested AND b.first_ms IS NULL, counts_changed_ms = least(t.counts_changed_ms, b.first_ms)
     FROM ${unnestOf(NOTED_BATCH)} AS b (${namesOf(NOTED_BATCH)})
     WHERE t.tenant_id = b.tenant_id AND t.id = b.id`,
    valuesOf(NOTED_BATCH, batches),
    { name: 'note-batches' },
  );
}

/** The same as `lockAgent` by id. */
export async function lockAgentById(sql: Sql, tenantId: string, id: string): Promise<LockedAgentRow | undefined> {
  const [row] = await sql<LockedAgentRow>(
    `SELECT ${LOCKED_COLUMNS} FROM agent WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`,
    [tenantId, id],
  );
  return row;
}

/** The same as `lockFreeAgents` by id, for an evaluation. */
export async function lockFreeAgentsById(
  sql: Sql,
  agents: readonly AgentKey[],
): Promise<(EvaluatedAgentRow | undefined)[]> {
  const rows = await sql<EvaluatedAgentRow>(
    `SELECT ${EVALUATED_COLUMNS} FROM agent WHERE (tenant_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
     ORDER BY tenant_id, id FOR NO KEY UPDATE SKIP LOCKED`,
    valuesOf(AGENT_KEY, agents),
    { name: 'lock-free-agents-by-id' },
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return agents.map(({ agentId }) => byId.get(agentId));
}

/** An agent's streams with the newest events, as many as a life of rotations needs. */
const CLOCK_STREAMS = `
  SELECT asked.place, s.* FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked (tenant_id, agent_id, place),
    LATERAL (SELECT newest_event_ms AS "newestEventMs", ${MS('last_batch_at')} AS "lastBatchAtMs",
       ${MS('caught_up_at')} AS "caughtUpAtMs", ${MS('greatest(last_heartbeat_at, CASE WHEN NOT scripted THEN opened_at END)')} AS "lastHeartbeatAtMs",
       last_heartbeat_at IS NOT NULL AS "everHeartbeat", catching_up AS "catchingUp",
       closed_at IS NOT NULL AS closed, ended
     FROM stream t WHERE t.tenant_id = asked.tenant_id AND t.agent_id = asked.agent_id
     ORDER BY closed_at DESC NULLS FIRST, newest_event_ms DESC NULLS LAST LIMIT 1000) s`;

/** What the streams of agents say of their time, in the order asked for; opening one names it as a heartbeat does. */
export async function readClockStreams(sql: Sql, agents: readonly AgentKey[]): Promise<StreamClockInput[][]> {
  const streams = agents.map((): StreamClockInput[] => []);
  if (agents.length === 0) return streams;
  const rows = await sql<StreamClockInput & { place: number }>(CLOCK_STREAMS, valuesOf(AGENT_KEY, agents), {
    name: 'clock-streams',
  });
  for (const { place, ...stream } of rows) streams[place - 1].push(stream);
  return streams;
}

/** Which seconds of an agent are known. */
export interface AgentSeconds {
  agentId: string;
  /** Of its first and its newest entry. */
  firstSecond: number;
  lastSecond: number;
  alertClockMs: number | null;
  /** Event ms below which windows of 10 seconds are not kept. */
  floorMs: number;
}

/** Those of agents that have entries. Without their locks. */
export async function readAgentSeconds(
  sql: Sql,
  tenantId: string,
  agentIds: readonly string[],
): Promise<AgentSeconds[]> {
  return sql<AgentSeconds & { [column: string]: unknown }>(
    `SELECT id AS "agentId", first_event_ms / 1000 AS "firstSecond", last_event_ms / 1000 AS "lastSecond",
       alert_clock_ms AS "alertClockMs", window_floors[1] AS "floorMs"
     FROM agent WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND first_event_ms IS NOT NULL ORDER BY name`,
    [tenantId, agentIds],
  );
}
