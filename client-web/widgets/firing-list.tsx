import { safeText } from '../../client/format/safe-text.js';
import type { AlertEventCard, AlertRuleCard } from '../../schema/operations/alerts.js';
import { alertHref } from '../address.js';
import { measured, metricOfRule } from '../measured.js';
import { Acknowledge, type AcknowledgeProps } from './acknowledge.js';
import { Moment, SeverityBadge } from './event-words.js';

export interface FiringListProps extends Pick<AcknowledgeProps, 'onAcknowledge' | 'nowMs'> {
  events: readonly AlertEventCard[];
  rules: readonly AlertRuleCard[];
  loaded: boolean;
}

const RANK: Record<AlertEventCard['severity'], number> = { CRITICAL: 0, WARNING: 1, INFO: 2 };

/** What fires now: the gravest first, of those the newest. */
export function FiringList({ events, rules, loaded, nowMs, onAcknowledge }: FiringListProps) {
  const ranked = [...events].sort((a, b) => RANK[a.severity] - RANK[b.severity]);
  return (
    <section className="firing" aria-label="Firing now">
      <h2>Firing now {events.length > 0 && <span className="count">{events.length}</span>}</h2>
      {events.length === 0 && (
        <p className={`panel calm ${loaded ? 'good' : ''}`}>{loaded ? '✓ Nothing fires.' : '…'}</p>
      )}
      <p className="unseen" role="status">
        {loaded ? `${events.length} firing` : ''}
      </p>
      <ul>
        {ranked.map((event) => (
          <li key={event.id} className={`panel alert ${event.severity.toLowerCase()}`}>
            <FiringCard event={event} rules={rules} nowMs={nowMs} onAcknowledge={onAcknowledge} />
          </li>
        ))}
      </ul>
    </section>
  );
}

type FiringCardProps = Omit<FiringListProps, 'events' | 'loaded'> & { event: AlertEventCard };

function FiringCard({ event, rules, nowMs, onAcknowledge }: FiringCardProps) {
  const [value, threshold] = measured(event, metricOfRule(rules, event.ruleName));
  return (
    <>
      <div className="line">
        <SeverityBadge severity={event.severity} />
        <h3>
          <a href={alertHref(event.id)}>{safeText(event.ruleName)}</a>
        </h3>
      </div>
      <p className="agent">{safeText(event.agentName)}</p>
      <p className="measure">
        <strong>{value}</strong> <span className="against">against {threshold}</span>
      </p>
      <p className="since">
        since <Moment iso={event.at} nowMs={nowMs} />
      </p>
      <Acknowledge event={event} nowMs={nowMs} onAcknowledge={onAcknowledge} />
    </>
  );
}
