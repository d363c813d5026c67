import { safeText } from '../../client/format/safe-text.js';
import type { AlertEventDetails } from '../../schema/operations/alerts.js';
import { Moment } from './event-words.js';

type Notification = AlertEventDetails['notifications'][number];

const WORDS: Record<Notification['status'], { word: string; tone: string }> = {
  PENDING: { word: 'on its way', tone: 'muted' },
  SENT: { word: 'sent', tone: 'good' },
  FAILED: { word: 'failed', tone: 'bad' },
  SILENCED: { word: 'silenced', tone: 'muted' },
};

/** Who was told of an event, and what came of it. */
export function NotificationList({ notifications, nowMs }: { notifications: readonly Notification[]; nowMs: number }) {
  return (
    <section aria-label="Notifications">
      <h3>Notifications</h3>
      {notifications.length === 0 && <p className="help">The rule names no channel: nobody was sent a message.</p>}
      <ul className="told">
        {notifications.map((notification) => (
          <Told key={notification.id} notification={notification} nowMs={nowMs} />
        ))}
      </ul>
    </section>
  );
}

function Told({ notification, nowMs }: { notification: Notification; nowMs: number }) {
  const { channel, status, attempts, lastError, sentAt } = notification;
  const { word, tone } = WORDS[status];
  return (
    <li>
      <span>
        {channel === null ? 'a channel that was deleted' : safeText(channel.name)}
        {channel !== null && <span className="kind"> {channel.kind.toLowerCase()}</span>}
      </span>
      <span className={tone}>
        {word}
        {sentAt !== null && (
          <>
            {' '}
            <Moment iso={sentAt} nowMs={nowMs} />
          </>
        )}
        {attempts > 1 && `, attempt ${attempts}`}
      </span>
      {lastError !== null && status !== 'SENT' && <span className="why">{safeText(lastError)}</span>}
    </li>
  );
}
