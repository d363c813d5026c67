import { type AlertMessageType, alertMessage, noDataMessage } from '../core/alerts/message.js';
import { type EventToTell, enqueue } from '../notify/index.js';
import type { Transaction } from '../store/database.js';
import type { AlertRuleEntity } from '../store/entities/alert-rule.entity.js';
import type { Counted } from './evidence.js';

type Sql = Transaction['sql'];

/** An alert event as recorded. */
export interface AlertEventRow {
  tenantId: string;
  /** Its place in the order recorded, without gaps within the tenant. */
  number: number;
  id: string;
  ruleId: string | null;
  ruleName: string;
  agentId: string | null;
  agentName: string;
  type: AlertMessageType;
  at: Date;
  recordedAt: Date;
  startedBy: string | null;
  value: number;
  threshold: number;
  severity: 'INFO' | 'WARNING' | 'CRITICAL';
  message: string;
  acknowledgedAt: Date | null;
  /** Null: it does not flap. */
  flappingUntil: Date | null;
  [column: string]: unknown;
}

const COLUMNS = `tenant_id AS "tenantId", number, id, rule_id AS "ruleId", rule_name AS "ruleName", agent_id AS "agentId", agent_name AS "agentName", type,
  to_timestamp(at_second) AS at, recorded_at AS "recordedAt", started_by AS "startedBy", value, threshold, severity, message, acknowledged_at AS "acknowledgedAt",
  to_timestamp(flapping_until) AS "flappingUntil"`;

export interface NewAlertEvent {
  /** A new UUID. */
  id: string;
  rule: Pick<
    AlertRuleEntity,
    'id' | 'name' | 'metric' | 'threshold' | 'noDataAfter' | 'severity' | 'channelIds' | 'windowSeconds' | 'filter'
  >;
  agentId: string;
  agentName: string;
  type: AlertEventRow['type'];
  /** Event second. */
  at: number;
  /** In the metric's unit; seconds without data where it is of that; null: no entry has a response time, stored as 0. */
  value: number | null;
  startedBy: string | null;
  /** It is of an agent that has sent nothing for `noDataAfter` (default: false). */
  isNoData?: boolean;
  /** The event second until which the rule flaps over the agent (default: null, it does not). */
  flappingUntil?: number | null;
}

/**
 * Records events under the tenant's next numbers, in this order, with the notifications of them. The tenant's counter is
 * locked from here to the end of the transaction: it comes last of all locks.
 */
export async function recordAlertEvents(sql: Sql, tenantId: string, events: readonly NewAlertEvent[]): Promise<void> {
  if (events.length === 0) return;
  const column = <Value>(of: (event: NewAlertEvent) => Value) => events.map(of);
  await sql(
    `WITH counter AS (UPDATE tenant_counter SET alert_events = alert_events + $2 WHERE tenant_id = $1 RETURNING alert_events - $2 AS before)
     INSERT INTO alert_event (tenant_id, number, id, rule_id, rule_name, agent_id, agent_name, type, at_second, started_by,
       value, threshold, severity, message, counted, evidence_pending, flapping_until)
     SELECT $1, before + place, id, rule_id, rule_name, agent_id, agent_name, type, at_second, started_by,
       value, threshold, severity, message, counted, counted IS NOT NULL, flapping_until
     FROM counter, unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::text[], $9::bigint[], $10::uuid[],
       $11::double precision[], $12::double precision[], $13::text[], $14::text[], $15::jsonb[], $16::bigint[]) WITH ORDINALITY
       AS event (id, rule_id, rule_name, agent_id, agent_name, type, at_second, started_by, value, threshold, severity, message, counted, flapping_until, place)`,
    [
      tenantId,
      events.length,
      column(({ id }) => id),
      column(({ rule }) => rule.id),
      column(({ rule }) => rule.name),
      column(({ agentId }) => agentId),
      column(({ agentName }) => agentName),
      column(({ type }) => type),
      column(({ at }) => at),
      column(({ startedBy }) => startedBy),
      column(({ value }) => value ?? 0),
      column(({ rule, isNoData }) => (isNoData ? rule.noDataAfter : rule.threshold)),
      column(({ rule }) => rule.severity),
      column(messageOf),
      column(({ type, rule }) => (type === 'TRIGGERED' ? JSON.stringify(countedBy(rule)) : null)),
      column(({ flappingUntil }) => flappingUntil ?? null),
    ],
    { name: 'record-alert-events' },
  );
  for (const event of events) await enqueue(sql, tenantId, toTell(event));
}

function messageOf({ rule, type, value, at, isNoData }: NewAlertEvent): string {
  return isNoData ? noDataMessage(rule, type, value ?? 0, at) : alertMessage(rule, type, value, at);
}

function toTell({
  id,
  rule,
  type,
  agentId,
  at,
  startedBy,
  isNoData,
  flappingUntil = null,
}: NewAlertEvent): EventToTell {
  const flapping = isNoData ? 'UNCHANGED' : flappingUntil === null ? 'NO' : 'YES';
  return { id, type, ruleId: rule.id, agentId, at, startedBy, channelIds: rule.channelIds, flapping };
}

/** What counts towards a rule: what its filter admits; of a share of errors, those of them that are. */
function countedBy({ metric, windowSeconds, filter }: NewAlertEvent['rule']): Counted {
  const errors = metric === 'ERROR_RATE' ? { statusMin: Math.max(400, filter?.statusMin ?? 0) } : {};
  return { windowSeconds, filter: { ...filter, ...errors } };
}

export interface AlertEventQuery {
  tenantId: string;
  agentIds: readonly string[] | null;
  ruleIds: readonly string[] | null;
  fromMs: number | null;
  toMs: number | null;
  /** Only events beyond this number, in the direction of reading. */
  after: number | null;
  newestFirst: boolean;
  limit: number;
}

/** Events in the order recorded, or the newest first. */
export async function readAlertEvents(sql: Sql, query: AlertEventQuery): Promise<AlertEventRow[]> {
  const beyond = query.newestFirst ? 'number < $6' : 'number > $6';
  return sql<AlertEventRow>(
    `SELECT ${COLUMNS} FROM alert_event
     WHERE tenant_id = $1 AND ($2::uuid[] IS NULL OR agent_id = ANY ($2)) AND ($3::text[] IS NULL OR rule_id::text = ANY ($3))
       AND ($4::bigint IS NULL OR at_second * 1000 >= $4) AND ($5::bigint IS NULL OR at_second * 1000 < $5)
       AND ($6::bigint IS NULL OR ${beyond})
     ORDER BY number ${query.newestFirst ? 'DESC' : 'ASC'} LIMIT $7`,
    [query.tenantId, query.agentIds, query.ruleIds, query.fromMs, query.toMs, query.after, query.limit],
  );
}

/** The events by which what fires now began. */
export async function readActiveAlerts(
  sql: Sql,
  tenantId: string,
  agentIds: readonly string[] | null,
): Promise<AlertEventRow[]> {
  return sql<AlertEventRow>(
    `SELECT ${COLUMNS} FROM alert_event
     WHERE tenant_id = $1 AND id IN (
       SELECT unnest(ARRAY[CASE WHEN firing THEN started_by END, no_data_by]) FROM alert_state
       WHERE tenant_id = $1 AND (firing OR no_data_by IS NOT NULL) AND ($2::uuid[] IS NULL OR agent_id = ANY ($2)))
     ORDER BY number DESC`,
    [tenantId, agentIds],
  );
}

export async function readAlertEvent(sql: Sql, tenantId: string, id: string): Promise<AlertEventRow | undefined> {
  const [row] = await sql<AlertEventRow>(`SELECT ${COLUMNS} FROM alert_event WHERE tenant_id = $1 AND id = $2`, [
    tenantId,
    id,
  ]);
  return row;
}

/** Somebody has seen to it; the first time counts. Undefined: no such event. */
export async function acknowledge(sql: Sql, tenantId: string, id: string): Promise<AlertEventRow | undefined> {
  const [row] = await sql<AlertEventRow>(
    `UPDATE alert_event SET acknowledged_at = coalesce(acknowledged_at, clock_timestamp())
     WHERE tenant_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [tenantId, id],
  );
  return row;
}

/** The number of the tenant's latest event; 0: none yet. */
export async function latestEventNumber(sql: Sql, tenantId: string): Promise<number> {
  const [row] = await sql<{ number: number }>(
    'SELECT alert_events AS number FROM tenant_counter WHERE tenant_id = $1',
    [tenantId],
  );
  return row?.number ?? 0;
}
