import { FLAPPING_SECONDS } from '../core/alerts/flapping.js';
import type { Transaction } from '../store/database.js';
import { silencedUntil } from './held-back.js';
import type { EventToTell } from './outbox.js';

type Sql = Transaction['sql'];

/**
 * Writes what is told instead of an event of a rule that flaps: once that it does, and once that it has settled, which is
 * put off with each event and tells of the last. Where it has been told already that it has settled, it begins anew.
 *
 * Events that are older than `oldAfterSeconds` are told in a summary, and not here.
 */
export async function enqueueFlapping(
  sql: Sql,
  tenantId: string,
  { channelIds, id, ruleId, agentId, at }: EventToTell,
  { oldAfterSeconds, gatherMs }: { oldAfterSeconds: number; gatherMs: number },
): Promise<void> {
  await sql(
    `WITH put_off AS (
       UPDATE notification SET event_id = $3, status = 'PENDING', due_at = clock_timestamp() + $7 * interval '1 s'
       WHERE tenant_id = $1 AND channel_id = ANY ($2::uuid[]) AND rule_id = $4 AND agent_id = $5
         AND type = 'SETTLED' AND message_id IS NULL AND due_at IS NOT NULL RETURNING channel_id
     )
     INSERT INTO notification (tenant_id, channel_id, event_id, rule_id, agent_id, type, started_by, status, due_at)
     SELECT c.tenant_id, c.id, $3, $4, $5, word.type, word.started_by,
       CASE WHEN word.type = 'FLAPPING' AND silence.until IS NOT NULL THEN 'SILENCED' ELSE 'PENDING' END,
       CASE WHEN word.type = 'FLAPPING' THEN coalesce(silence.until, clock_timestamp() + $9 * interval '1 ms')
         ELSE clock_timestamp() + $7 * interval '1 s' END
     FROM notification_channel c,
       LATERAL (SELECT ${silencedUntil('c.tenant_id', '$4::uuid', '$5::uuid')} AS until) silence,
       (VALUES ('FLAPPING', NULL), ('SETTLED', $3::uuid)) AS word (type, started_by)
     WHERE c.tenant_id = $1 AND c.id = ANY ($2::uuid[]) AND c.enabled AND c.id NOT IN (SELECT channel_id FROM put_off)
       AND to_timestamp($6) >= clock_timestamp() - $8 * interval '1 s'
     ORDER BY c.id, word.type`,
    [tenantId, channelIds, id, ruleId, agentId, at, FLAPPING_SECONDS, oldAfterSeconds, gatherMs],
    { name: 'enqueue-flapping' },
  );
}

/** A rule that flapped over these agents is changed: what it settled in is told now. */
export async function settleFlapping(
  sql: Sql,
  { tenantId, id }: { tenantId: string; id: string },
  agentIds: readonly string[],
): Promise<void> {
  await sql(
    `UPDATE notification SET due_at = clock_timestamp() WHERE tenant_id = $1 AND rule_id = $2 AND agent_id = ANY ($3)
       AND type = 'SETTLED' AND status = 'PENDING' AND message_id IS NULL AND due_at > clock_timestamp()`,
    [tenantId, id, agentIds],
  );
}
