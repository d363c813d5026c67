import type { AlertState } from '../../client/feeds/alert-feed.js';
import { safeText } from '../../client/format/safe-text.js';
import { conditionOf } from '../../client/model/rules.js';
import type { AlertEventCard, AlertRuleCard } from '../../schema/operations/alerts.js';
import { alertHref } from '../address.js';
import { Moment, TypeBadge } from './event-words.js';

export interface EventListProps {
  events: readonly AlertEventCard[];
  /** Ids of those that fire now. */
  current: ReadonlySet<string>;
  rules: readonly AlertRuleCard[];
  loaded: boolean;
  older: AlertState['older'];
  nowMs: number;
  onOlder: () => void;
}

/** What happened, the newest first; each opens. */
export function EventList({ events, current, rules, loaded, older, nowMs, onOlder }: EventListProps) {
  return (
    <section className="events" aria-label="Events">
      <h2>Events</h2>
      {events.length === 0 && <Empty rules={rules} loaded={loaded} />}
      {events.length > 0 && (
        <ol className="panel rows">
          {events.map((event) => (
            <li key={event.id}>
              <a className="row" href={alertHref(event.id)}>
                <TypeBadge event={event} isFiring={current.has(event.id)} />
                <span className="agent">{safeText(event.agentName)}</span>
                <Moment iso={event.at} nowMs={nowMs} />
                <span className="message">{safeText(event.message)}</span>
                {event.acknowledgedAt !== null && <span className="acknowledged">✓ acknowledged</span>}
              </a>
            </li>
          ))}
        </ol>
      )}
      {older !== 'none' && (
        <button type="button" className="older" disabled={older === 'loading'} onClick={onOlder}>
          {older === 'loading' ? 'Looking…' : 'Older'}
        </button>
      )}
    </section>
  );
}

/** Without events: what would make one. */
function Empty({ rules, loaded }: Pick<EventListProps, 'rules' | 'loaded'>) {
  if (!loaded) return <p className="panel calm">…</p>;
  const watching = rules.filter(({ enabled }) => enabled);
  return (
    <div className="panel calm">
      <p>No alerts yet.</p>
      {watching.length > 0 ? (
        <ul>
          {watching.map((rule) => (
            <li key={rule.id}>
              <strong>{safeText(rule.name)}</strong> fires at {conditionOf(rule)}
            </li>
          ))}
        </ul>
      ) : (
        <p>
          No rule watches: make one over the <a href="graphql">API</a> with <code>createAlertRule</code>.
        </p>
      )}
    </div>
  );
}
