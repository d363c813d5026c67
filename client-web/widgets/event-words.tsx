import { ago, fullTime, shortTime } from '../../client/format/times.js';
import type { AlertEventCard } from '../../schema/operations/alerts.js';

const TYPES: Record<AlertEventCard['type'], { sign: string; word: string; tone: string }> = {
  TRIGGERED: { sign: '▲', word: 'fired', tone: 'bad' },
  NO_DATA: { sign: '▲', word: 'silent', tone: 'bad' },
  RECOVERED: { sign: '▼', word: 'recovered', tone: 'good' },
  CLOSED: { sign: '◆', word: 'closed', tone: 'muted' },
};

/** What an event is, told apart without colours too. */
export function TypeBadge({ event, isFiring }: { event: AlertEventCard; isFiring: boolean }) {
  const { sign, word, tone } = TYPES[event.type];
  const said = isFiring && event.type === 'TRIGGERED' ? 'firing' : word;
  return (
    <span className={`badge ${tone} ${isFiring ? 'now' : ''}`}>
      <span aria-hidden="true">{sign}</span> {said}
    </span>
  );
}

export function SeverityBadge({ severity }: Pick<AlertEventCard, 'severity'>) {
  return <span className={`severity ${severity.toLowerCase()}`}>{severity.toLowerCase()}</span>;
}

/** A moment in UTC, as messages have it; the reader's own time where the pointer rests. */
export function Moment({ iso, nowMs, withAgo = true }: { iso: string; nowMs: number; withAgo?: boolean }) {
  const ms = Date.parse(iso);
  return (
    <time dateTime={iso} title={`${fullTime(ms)}, here ${new Date(ms).toLocaleString()}`}>
      {shortTime(ms, nowMs)}
      {withAgo && <span className="ago"> · {ago(ms, nowMs)}</span>}
    </time>
  );
}
