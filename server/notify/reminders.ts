import type { Transaction } from '../store/database.js';
import { REMINDS } from './held-back.js';

type Sql = Transaction['sql'];

/**
 * Writes the reminders that are due: on each channel on which an alert was told, once it was told there last, or reminded of,
 * as long ago as its rule says. Any number of servers may do so: the next of an event on a channel is written once, and
 * those that fell into a time in which no server ran are not made up for.
 */
export async function writeReminders(sql: Sql): Promise<void> {
  await sql(
    `INSERT INTO notification (tenant_id, channel_id, event_id, rule_id, agent_id, type, reminder, due_at)
     SELECT told.* FROM alert_rule r
       JOIN alert_state s ON s.tenant_id = r.tenant_id AND s.rule_id = r.id AND (s.firing OR s.no_data_by IS NOT NULL),
       unnest(ARRAY[CASE WHEN s.firing THEN s.started_by END, s.no_data_by]) AS firing (event_id),
       LATERAL (
         SELECT n.tenant_id, n.channel_id, n.event_id, n.rule_id, n.agent_id, 'REMINDER', coalesce(max(n.reminder), 0) + 1,
           clock_timestamp()
         FROM notification n JOIN notification_channel c ON c.tenant_id = n.tenant_id AND c.id = n.channel_id
         WHERE n.tenant_id = r.tenant_id AND n.event_id = firing.event_id AND NOT n.is_summary
           AND c.enabled AND c.id = ANY (r.channel_ids)
         GROUP BY n.tenant_id, n.channel_id, n.event_id, n.rule_id, n.agent_id
         HAVING bool_and(n.due_at IS NULL)
           AND max(n.sent_at) <= clock_timestamp() - r.remind_every * interval '1 s'
       ) told
     WHERE r.remind_every IS NOT NULL AND ${REMINDS('told')}
     ON CONFLICT DO NOTHING`,
  );
}
