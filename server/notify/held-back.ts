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

/** What was held back is looked at again: what silences it has changed. */
export async function lookAgain(sql: Sql, tenantId: string): Promise<void> {
  await sql(
    `UPDATE notification SET due_at = clock_timestamp() WHERE tenant_id = $1 AND status = 'SILENCED' AND due_at IS NOT NULL`,
    [tenantId],
  );
}
