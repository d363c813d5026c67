import type { Transaction } from '../store/database.js';

type Sql = Transaction['sql'];

/** Events of entries older than this, when they are recorded, are told of in one summary. Seconds. */
export const OLD_AFTER_SECONDS = 900;
/** What comes within it goes in one message. */
const GATHER_MS = 1_500;
/** Of old entries more will follow. */
const SUMMARY_GATHER_MS = 20_000;
const LEASE_SECONDS = 60;
/** Events of one message. */
const TOGETHER_MAX = 100;

/** An event that people are to be told of. */
export interface EventToTell {
  id: string;
  type: string;
  ruleId: string;
  agentId: string;
  /** Event second. */
  at: number;
  startedBy: string | null;
  channelIds: readonly string[];
}

/** Until when nobody is told of a rule over an agent; null: they are. A silence that is yet to begin does not count. */
const silencedUntil = (tenant: string, rule: string, agent: string) => `(
  SELECT max(until_at) FROM (
    SELECT silenced_until AS until_at FROM alert_rule r WHERE r.tenant_id = ${tenant} AND r.id = ${rule}
    UNION ALL SELECT until_at FROM silence s WHERE s.tenant_id = ${tenant} AND s.from_at <= clock_timestamp()
      AND (s.rule_ids = '{}' OR ${rule} = ANY (s.rule_ids)) AND (s.agent_ids = '{}' OR ${agent} = ANY (s.agent_ids))
  ) silenced WHERE until_at > clock_timestamp())`;

/** Writes an event's notifications, in the transaction that records it. */
export async function enqueue(sql: Sql, tenantId: string, event: EventToTell): Promise<void> {
  if (event.channelIds.length === 0) return;
  await sql(
    `INSERT INTO notification (tenant_id, channel_id, event_id, rule_id, agent_id, type, started_by, is_summary, status, due_at)
     SELECT c.tenant_id, c.id, $3, $4, $5, CASE WHEN age.is_old THEN 'SUMMARY' ELSE $6 END, $7, age.is_old,
       CASE WHEN silence.until IS NULL THEN 'PENDING' ELSE 'SILENCED' END,
       greatest(silence.until, clock_timestamp() + CASE WHEN age.is_old THEN ${SUMMARY_GATHER_MS} ELSE ${GATHER_MS} END * interval '1 ms')
     FROM notification_channel c,
       LATERAL (SELECT to_timestamp($8) < clock_timestamp() - ${OLD_AFTER_SECONDS} * interval '1 s' AS is_old) age,
       LATERAL (SELECT ${silencedUntil('c.tenant_id', '$4::uuid', '$5::uuid')} AS until) silence
     WHERE c.tenant_id = $1 AND c.id = ANY ($2::uuid[]) AND c.enabled
     ON CONFLICT DO NOTHING`,
    [tenantId, event.channelIds, event.id, event.ruleId, event.agentId, event.type, event.startedBy, event.at],
    { name: 'enqueue-notifications' },
  );
}

/** Notifications that go in one message. */
export interface Claimed {
  tenantId: string;
  channelId: string;
  ruleId: string | null;
  agentId: string | null;
  type: string;
  isSummary: boolean;
  messageId: string;
  /** Of this attempt, from 1. */
  attempt: number;
  createdAt: Date;
  ids: string[];
  eventIds: string[];
}

/**
 * What silence or an alert that was not told has made pointless is ended, and what silence held back becomes due: an
 * alert that still fires, and the end of one that was told.
 */
export async function settleHeldBack(sql: Sql): Promise<void> {
  await sql(
    `UPDATE notification n SET
       status = CASE WHEN keep.until IS NULL AND keep.is THEN 'PENDING' ELSE 'SILENCED' END,
       due_at = CASE WHEN keep.until IS NOT NULL THEN keep.until WHEN keep.is THEN n.due_at END
     FROM (
       SELECT h.tenant_id, h.id, ${silencedUntil('h.tenant_id', 'h.rule_id', 'h.agent_id')} AS until, CASE
         WHEN h.started_by IS NULL THEN NOT EXISTS (
           SELECT FROM alert_event e WHERE e.tenant_id = h.tenant_id AND e.started_by = h.event_id)
         ELSE coalesce((SELECT s.status = 'SENT' FROM notification s
           WHERE s.tenant_id = h.tenant_id AND s.event_id = h.started_by AND s.channel_id = h.channel_id LIMIT 1), true)
         END AS is
       FROM notification h WHERE h.status = 'SILENCED' AND h.due_at <= clock_timestamp() LIMIT 500 FOR UPDATE OF h SKIP LOCKED
     ) keep WHERE n.tenant_id = keep.tenant_id AND n.id = keep.id`,
  );
  await sql(
    `UPDATE notification n SET status = 'SILENCED', due_at = NULL, last_error = 'the alert itself was not sent'
     WHERE n.status = 'PENDING' AND n.due_at <= clock_timestamp() AND n.started_by IS NOT NULL AND NOT n.is_summary
       AND EXISTS (SELECT FROM notification s WHERE s.tenant_id = n.tenant_id AND s.event_id = n.started_by
         AND s.channel_id = n.channel_id AND s.status <> 'SENT' AND s.due_at IS NULL)`,
  );
}

/** What is due and may be sent: no recovery before its alert, nothing on a channel that is broken. */
const READY = `n.status = 'PENDING' AND n.due_at <= clock_timestamp()
  AND (n.leased_until IS NULL OR n.leased_until < clock_timestamp())
  AND NOT EXISTS (SELECT FROM notification_channel c WHERE c.tenant_id = n.tenant_id AND c.id = n.channel_id
    AND c.broken_until > clock_timestamp())
  AND NOT EXISTS (SELECT FROM notification s WHERE s.tenant_id = n.tenant_id AND s.event_id = n.started_by
    AND s.channel_id = n.channel_id AND s.id <> n.id AND s.status <> 'SENT' AND s.due_at IS NOT NULL)`;

/**
 * Takes what is due first, with all that goes in one message with it: the same rule's over several agents. Others leave
 * it alone for a minute: who dies with it is followed by another. Null: nothing is due.
 */
export async function claim(sql: Sql): Promise<Claimed | null> {
  const [first] = await sql<{
    tenant: string;
    id: string;
    channel: string;
    rule: string | null;
    type: string;
    message: string | null;
  }>(
    `SELECT n.tenant_id AS tenant, n.id, n.channel_id AS channel, n.rule_id AS rule, n.type, n.message_id AS message
     FROM notification n WHERE ${READY} ORDER BY n.due_at LIMIT 1 FOR UPDATE OF n SKIP LOCKED`,
  );
  if (first === undefined) return null;
  const mates = await sql<{ id: string }>(
    `SELECT n.id FROM notification n
     WHERE n.tenant_id = $1 AND n.channel_id = $2 AND n.rule_id IS NOT DISTINCT FROM $3::uuid AND n.type = $4
       AND n.message_id IS NOT DISTINCT FROM $5::uuid AND NOT n.is_summary AND n.id <> $6 AND ${READY}
     ORDER BY n.created_at LIMIT ${TOGETHER_MAX - 1} FOR UPDATE OF n SKIP LOCKED`,
    [first.tenant, first.channel, first.rule, first.type, first.message, first.id],
  );
  return lease(sql, first.tenant, [first.id, ...mates.map(({ id }) => id)]);
}

async function lease(sql: Sql, tenantId: string, ids: readonly string[]): Promise<Claimed> {
  const rows = await sql<Omit<Claimed, 'ids' | 'eventIds'> & { id: string; eventId: string | null }>(
    `UPDATE notification SET attempts = attempts + 1, leased_until = clock_timestamp() + ${LEASE_SECONDS} * interval '1 s',
       message_id = coalesce(message_id, $3)
     WHERE tenant_id = $1 AND id = ANY ($2)
     RETURNING tenant_id AS "tenantId", channel_id AS "channelId", rule_id AS "ruleId", agent_id AS "agentId", type, id,
       is_summary AS "isSummary", message_id AS "messageId", attempts AS attempt, created_at AS "createdAt", event_id AS "eventId"`,
    [tenantId, ids, ids[0]],
  );
  const { id: _, eventId: __, ...first } = rows[0];
  return {
    ...first,
    ids: rows.map(({ id }) => id),
    eventIds: rows.flatMap(({ eventId }) => (eventId === null ? [] : [eventId])),
  };
}

/** What came of an attempt. */
export type Outcome =
  | { status: 'SENT' }
  | { status: 'FAILED'; why: string }
  | { status: 'PENDING'; why: string; afterMs: number };

export async function settle(sql: Sql, { tenantId, ids }: Claimed, outcome: Outcome): Promise<void> {
  const why = 'why' in outcome ? outcome.why : null;
  const afterMs = outcome.status === 'PENDING' ? outcome.afterMs : null;
  await sql(
    `UPDATE notification SET status = $3, last_error = $4, leased_until = NULL,
       due_at = clock_timestamp() + $5::double precision * interval '1 ms',
       sent_at = CASE WHEN $3 = 'SENT' THEN clock_timestamp() END
     WHERE tenant_id = $1 AND id = ANY ($2)`,
    [tenantId, ids, outcome.status, why, afterMs],
  );
}

/** A notification as the API shows it. */
export interface NotificationRow {
  id: string;
  eventId: string | null;
  channelId: string;
  status: 'PENDING' | 'SENT' | 'FAILED' | 'SILENCED';
  attempts: number;
  lastError: string | null;
  sentAt: Date | null;
  [column: string]: unknown;
}

const COLUMNS = `id, event_id AS "eventId", channel_id AS "channelId", status, attempts, last_error AS "lastError", sent_at AS "sentAt"`;

/** Those of events, in the order in which they were made. */
export function readNotifications(sql: Sql, tenantId: string, eventIds: readonly string[]): Promise<NotificationRow[]> {
  return sql<NotificationRow>(
    `SELECT ${COLUMNS} FROM notification WHERE tenant_id = $1 AND event_id = ANY ($2::uuid[]) ORDER BY created_at, id`,
    [tenantId, eventIds],
  );
}

/** One that tests a channel, to be sent at once by whoever makes it. */
export async function insertTest(sql: Sql, tenantId: string, channelId: string): Promise<Claimed> {
  const [{ id }] = await sql<{ id: string }>(
    `INSERT INTO notification (tenant_id, channel_id, type) VALUES ($1, $2, 'TEST') RETURNING id`,
    [tenantId, channelId],
  );
  return lease(sql, tenantId, [id]);
}

export async function readNotification(sql: Sql, tenantId: string, id: string): Promise<NotificationRow> {
  const [row] = await sql<NotificationRow>(`SELECT ${COLUMNS} FROM notification WHERE tenant_id = $1 AND id = $2`, [
    tenantId,
    id,
  ]);
  return row;
}

/** What was held back is looked at again: what silences it has changed. */
export async function lookAgain(sql: Sql, tenantId: string): Promise<void> {
  await sql(
    `UPDATE notification SET due_at = clock_timestamp() WHERE tenant_id = $1 AND status = 'SILENCED' AND due_at IS NOT NULL`,
    [tenantId],
  );
}
