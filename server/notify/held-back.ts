import type { Transaction } from '../store/database.js';

type Sql = Transaction['sql'];

/** Until when nobody is told of a rule over an agent; null: they are. A silence that is yet to begin does not count. */
export const silencedUntil = (tenant: string, rule: string, agent: string) => `(
  SELECT max(until_at) FROM (
    SELECT silenced_until AS until_at FROM alert_rule r WHERE r.tenant_id = ${tenant} AND r.id = ${rule}
    UNION ALL
    SELECT until_at FROM silence s WHERE s.tenant_id = ${tenant} AND s.from_at <= clock_timestamp()
      AND (s.rule_ids = '{}' OR ${rule} = ANY (s.rule_ids)) AND (s.agent_ids = '{}' OR ${agent} = ANY (s.agent_ids))
  ) silences WHERE until_at > clock_timestamp())`;

/** What was told on the same channel of the event that `n` ends. */
const BEGINNING = (n: string) =>
  `SELECT FROM notification s WHERE s.tenant_id = ${n}.tenant_id AND s.event_id = ${n}.started_by
     AND s.channel_id = ${n}.channel_id AND s.id <> ${n}.id`;
/** What of it is over without having been sent. */
const UNTOLD = "AND s.status <> 'SENT' AND s.due_at IS NULL";
/** The alert that it tells of fires. */
const FIRES = (
  n: string,
) => `EXISTS (SELECT FROM alert_state t WHERE t.tenant_id = ${n}.tenant_id AND t.rule_id = ${n}.rule_id
  AND t.agent_id = ${n}.agent_id AND (t.firing AND t.started_by = ${n}.event_id OR t.no_data_by = ${n}.event_id))`;

/** Of a reminder: it is still called for. */
export const REMINDS = (n: string) => `(${FIRES(n)}
  AND EXISTS (SELECT FROM alert_event e WHERE e.tenant_id = ${n}.tenant_id AND e.id = ${n}.event_id AND e.acknowledged_at IS NULL)
  AND EXISTS (SELECT FROM alert_rule r WHERE r.tenant_id = ${n}.tenant_id AND r.id = ${n}.rule_id AND r.remind_every IS NOT NULL)
  AND ${silencedUntil(`${n}.tenant_id`, `${n}.rule_id`, `${n}.agent_id`)} IS NULL)`;

/** Whether what silence held back is to be told after it: what still is so, and the end of what was told. */
const KEPT = `CASE
  WHEN h.type = 'FLAPPING' THEN EXISTS (SELECT FROM notification s WHERE s.tenant_id = h.tenant_id
    AND s.started_by = h.event_id AND s.channel_id = h.channel_id AND s.type = 'SETTLED' AND s.due_at > clock_timestamp())
  WHEN h.started_by IS NULL THEN ${FIRES('h')}
  ELSE NOT EXISTS (${BEGINNING('h')}) OR EXISTS (${BEGINNING('h')} AND s.status = 'SENT') OR h.type = 'SETTLED' AND ${FIRES('h')} END`;

/**
 * What silence or an alert that was not told has made pointless is ended, and what silence held back becomes due: what
 * still is so, and the end of what was told. What waited long may be held back by a silence that began meanwhile.
 */
export async function settleHeldBack(sql: Sql): Promise<void> {
  await sql(
    `UPDATE notification n SET
       status = CASE WHEN keep.until IS NULL AND keep.is THEN 'PENDING' ELSE 'SILENCED' END,
       due_at = CASE WHEN keep.until IS NOT NULL THEN keep.until WHEN keep.is THEN n.due_at END
     FROM (
       SELECT h.tenant_id, h.id, ${silencedUntil('h.tenant_id', 'h.rule_id', 'h.agent_id')} AS until, ${KEPT} AS is
       FROM notification h WHERE h.status = 'SILENCED' AND h.due_at <= clock_timestamp() LIMIT 500 FOR UPDATE OF h SKIP LOCKED
     ) keep WHERE n.tenant_id = keep.tenant_id AND n.id = keep.id`,
  );
  await sql(
    `UPDATE notification n SET status = 'SILENCED', due_at = silence.until
     FROM (SELECT h.tenant_id, h.id, ${silencedUntil('h.tenant_id', 'h.rule_id', 'h.agent_id')} AS until
       FROM notification h WHERE h.status = 'PENDING' AND h.type = 'SETTLED' AND h.message_id IS NULL
         AND h.due_at <= clock_timestamp() FOR UPDATE OF h SKIP LOCKED) silence
     WHERE n.tenant_id = silence.tenant_id AND n.id = silence.id AND silence.until IS NOT NULL`,
  );
  await sql(
    `UPDATE notification n SET status = 'SILENCED', due_at = NULL, last_error = 'the alert itself was not sent'
     WHERE n.status = 'PENDING' AND n.due_at <= clock_timestamp() AND n.started_by IS NOT NULL AND NOT n.is_summary
       AND EXISTS (${BEGINNING('n')} ${UNTOLD}) AND NOT EXISTS (${BEGINNING('n')} AND s.status = 'SENT')
       AND NOT (n.type = 'SETTLED' AND ${FIRES('n')})`,
  );
  await sql(
    `UPDATE notification n SET status = 'SILENCED', due_at = NULL, last_error = 'the alert is over, acknowledged or silenced'
     WHERE n.status = 'PENDING' AND n.type = 'REMINDER' AND n.due_at <= clock_timestamp()
       AND (n.leased_until IS NULL OR n.leased_until < clock_timestamp()) AND NOT ${REMINDS('n')}`,
  );
}

/** What was held back is looked at again: what silences it has changed. */
export async function lookAgain(sql: Sql, tenantId: string): Promise<void> {
  await sql(
    `UPDATE notification SET due_at = clock_timestamp() WHERE tenant_id = $1 AND status = 'SILENCED' AND due_at IS NOT NULL`,
    [tenantId],
  );
}
