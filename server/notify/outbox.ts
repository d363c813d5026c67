import type { Transaction } from '../store/database.js';
import { enqueueFlapping } from './flapping.js';
import { REMINDS, silencedUntil } from './held-back.js';

type Sql = Transaction['sql'];

/** Events of entries older than this, when they are recorded, are told of in one summary. Seconds. */
export const OLD_AFTER_SECONDS = 900;
/** What comes within it goes in one message. */
const GATHER_MS = 1_500;
/** Of old entries more will follow. */
const SUMMARY_GATHER_MS = 20_000;
/** Longer than any attempt takes. */
export const LEASE_SECONDS = 60;
/** Events of one message. */
const TOGETHER_MAX = 100;

const FLAPPING = { oldAfterSeconds: OLD_AFTER_SECONDS, gatherMs: GATHER_MS };

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
  /** Whether its rule flaps over the agent; UNCHANGED: the event says nothing of that. */
  flapping: 'YES' | 'NO' | 'UNCHANGED';
}

/**
 * Writes an event's notifications, in the transaction that records it. What waits to be sent again of the same rule and
 * agent is sent before them, and so at once, as is the word that what flapped has settled.
 */
export async function enqueue(sql: Sql, tenantId: string, event: EventToTell): Promise<void> {
  if (event.channelIds.length === 0) return;
  await sql(
    `UPDATE notification SET due_at = clock_timestamp() WHERE (tenant_id, id) IN (
       SELECT tenant_id, id FROM notification WHERE tenant_id = $1 AND channel_id = ANY ($2::uuid[]) AND rule_id = $3
         AND agent_id = $4 AND status = 'PENDING' AND due_at > clock_timestamp()
         AND (attempts > 0 OR $5 AND type = 'SETTLED')
       FOR UPDATE SKIP LOCKED)`,
    [tenantId, event.channelIds, event.ruleId, event.agentId, event.flapping === 'NO'],
    { name: 'hurry-notifications' },
  );
  if (event.flapping === 'YES') await enqueueFlapping(sql, tenantId, event, FLAPPING);
  await sql(
    `INSERT INTO notification (tenant_id, channel_id, event_id, rule_id, agent_id, type, started_by, is_summary, status, due_at)
     SELECT c.tenant_id, c.id, $3, $4, $5, CASE WHEN age.is_old THEN 'SUMMARY' ELSE $6 END, $7, age.is_old,
       CASE WHEN silence.until IS NULL THEN 'PENDING' ELSE 'SILENCED' END,
       greatest(silence.until, clock_timestamp() + CASE WHEN age.is_old THEN ${SUMMARY_GATHER_MS} ELSE ${GATHER_MS} END * interval '1 ms')
     FROM notification_channel c,
       LATERAL (SELECT to_timestamp($8) < clock_timestamp() - ${OLD_AFTER_SECONDS} * interval '1 s' AS is_old) age,
       LATERAL (SELECT ${silencedUntil('c.tenant_id', '$4::uuid', '$5::uuid')} AS until) silence
     WHERE c.tenant_id = $1 AND c.id = ANY ($2::uuid[]) AND c.enabled AND (age.is_old OR NOT $9)
     ON CONFLICT DO NOTHING`,
    [
      ...[tenantId, event.channelIds, event.id, event.ruleId, event.agentId, event.type, event.startedBy, event.at],
      event.flapping === 'YES',
    ],
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

/** Rules, agents and channels that `n` and `s` have in common. */
const SAME = `s.tenant_id = n.tenant_id AND s.channel_id = n.channel_id AND s.rule_id = n.rule_id AND s.agent_id = n.agent_id`;

/**
 * What is due and may be sent: nothing on a channel that is broken, no end before its alert, no reminder of what is over; and
 * of one rule and agent nothing before what was recorded earlier, so that an old word that comes again is never the last.
 */
const READY = `n.status = 'PENDING' AND n.due_at <= clock_timestamp()
  AND (n.leased_until IS NULL OR n.leased_until < clock_timestamp())
  AND NOT EXISTS (SELECT FROM notification_channel c WHERE c.tenant_id = n.tenant_id AND c.id = n.channel_id
    AND c.broken_until > clock_timestamp())
  AND NOT EXISTS (SELECT FROM notification s WHERE s.tenant_id = n.tenant_id AND s.event_id = n.started_by
    AND s.channel_id = n.channel_id AND s.id <> n.id AND s.status <> 'SENT' AND s.due_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM notification s WHERE ${SAME} AND s.number < n.number AND s.status = 'PENDING'
    AND s.due_at IS NOT NULL AND (s.attempts > 0 OR s.due_at <= clock_timestamp()))
  AND (n.type <> 'REMINDER' OR ${REMINDS('n')})`;

interface First {
  tenant: string;
  id: string;
  channel: string;
  rule: string | null;
  type: string;
  /** Of one that was sent before. */
  message: string | null;
}

/**
 * Takes what is due first, with all that goes in one message with it: the same rule's over several agents. Others leave
 * it alone for a minute: who dies with it is followed by another. Null: nothing is due.
 */
export async function claim(sql: Sql): Promise<Claimed | null> {
  const [first] = await sql<First & { [column: string]: unknown }>(
    `SELECT n.tenant_id AS tenant, n.id, n.channel_id AS channel, n.rule_id AS rule, n.type, n.message_id AS message
     FROM notification n WHERE (n.message_id IS NULL OR n.message_id = n.id) AND ${READY}
     ORDER BY n.due_at LIMIT 1 FOR UPDATE OF n SKIP LOCKED`,
  );
  if (first === undefined) return null;
  const mates = first.message === null ? await readyMates(sql, first) : await messageMates(sql, first);
  return lease(sql, first.tenant, [first.id, ...mates.map(({ id }) => id)]);
}

function readyMates(sql: Sql, { tenant, channel, rule, type, id }: First): Promise<{ id: string }[]> {
  return sql<{ id: string }>(
    `SELECT n.id FROM notification n
     WHERE n.tenant_id = $1 AND n.channel_id = $2 AND n.rule_id IS NOT DISTINCT FROM $3::uuid AND n.type = $4
       AND n.message_id IS NULL AND NOT n.is_summary AND n.id <> $5 AND ${READY}
     ORDER BY n.number LIMIT ${TOGETHER_MAX - 1} FOR UPDATE OF n SKIP LOCKED`,
    [tenant, channel, rule, type, id],
  );
}

/** A message that is sent again is sent whole: whoever knows its key has all of it. It is named after its first. */
function messageMates(sql: Sql, { tenant, message, id }: First): Promise<{ id: string }[]> {
  return sql<{ id: string }>(
    `SELECT id FROM notification WHERE tenant_id = $1 AND message_id = $2 AND id <> $3
       AND status = 'PENDING' AND due_at IS NOT NULL ORDER BY number FOR UPDATE`,
    [tenant, message, id],
  );
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

/** What another has claimed since is left to it. */
export async function settle(sql: Sql, { tenantId, ids, attempt }: Claimed, outcome: Outcome): Promise<void> {
  const why = 'why' in outcome ? outcome.why : null;
  const afterMs = outcome.status === 'PENDING' ? outcome.afterMs : null;
  await sql(
    `UPDATE notification SET status = $3, last_error = $4, leased_until = NULL,
       due_at = clock_timestamp() + $5::double precision * interval '1 ms',
       sent_at = CASE WHEN $3 = 'SENT' THEN clock_timestamp() END
     WHERE tenant_id = $1 AND id = ANY ($2) AND attempts = $6`,
    [tenantId, ids, outcome.status, why, afterMs, attempt],
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
