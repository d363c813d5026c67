import type { MessageKind } from '../core/notify/message.js';
import type { Transaction } from '../store/database.js';

type Sql = Transaction['sql'];

/** A notification as the API shows it. */
export interface NotificationRow {
  id: string;
  eventId: string | null;
  channelId: string;
  kind: MessageKind;
  status: 'PENDING' | 'SENT' | 'FAILED' | 'SILENCED';
  attempts: number;
  lastError: string | null;
  sentAt: Date | null;
  [column: string]: unknown;
}

const COLUMNS = `id, event_id AS "eventId", channel_id AS "channelId", type AS kind, status, attempts, last_error AS "lastError", sent_at AS "sentAt"`;

/** Those of events, in the order in which they were made. */
export function readNotifications(sql: Sql, tenantId: string, eventIds: readonly string[]): Promise<NotificationRow[]> {
  return sql<NotificationRow>(
    `SELECT ${COLUMNS} FROM notification WHERE tenant_id = $1 AND event_id = ANY ($2::uuid[]) ORDER BY number`,
    [tenantId, eventIds],
  );
}

export async function readNotification(sql: Sql, tenantId: string, id: string): Promise<NotificationRow> {
  const [row] = await sql<NotificationRow>(`SELECT ${COLUMNS} FROM notification WHERE tenant_id = $1 AND id = $2`, [
    tenantId,
    id,
  ]);
  return row;
}
