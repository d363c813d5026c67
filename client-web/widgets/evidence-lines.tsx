import { bytes } from '../../client/format/numbers.js';
import { safeText } from '../../client/format/safe-text.js';
import { clockTime } from '../../client/format/times.js';
import type { AlertEventDetails } from '../../schema/operations/alerts.js';

type Entry = AlertEventDetails['evidence'][number];

/** The lines that counted towards an alert, as they were; whoever sent a request wrote them. */
export function EvidenceLines({ entries }: { entries: readonly Entry[] }) {
  return (
    <section aria-label="Lines that counted">
      <h3>Lines that counted</h3>
      {entries.length === 0 ? (
        <p className="help">None is kept, or not yet gathered.</p>
      ) : (
        <ol className="lines">
          {entries.map((entry) => (
            <li key={entry.id}>
              <time dateTime={entry.time}>{clockTime(Date.parse(entry.time))}</time>
              <span className={`code ${toneOf(entry.status)}`}>{entry.status || '–'}</span>
              <span className="request">
                {safeText(entry.method)} {safeText(entry.path)}
                {entry.query !== null && <span className="query">?{safeText(entry.query)}</span>}
              </span>
              <span className="from">
                {safeText(entry.host)} · {bytes(entry.bytes)}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function toneOf(status: number): string {
  return status >= 500 ? 'bad' : status >= 400 ? 'warning' : '';
}
