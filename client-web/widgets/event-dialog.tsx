import { type MouseEvent, useLayoutEffect, useRef } from 'react';
import type { AlertFeed } from '../../client/feeds/alert-feed.js';
import { safeText } from '../../client/format/safe-text.js';
import type { AlertBook } from '../../client/model/alerts.js';
import { conditionOf } from '../../client/model/rules.js';
import type { AlertEventDetails } from '../../schema/operations/alerts.js';
import { alertHref } from '../address.js';
import { type Details, useAlertDetails } from '../hooks/use-alert-details.js';
import { measured } from '../measured.js';
import { Acknowledge, type AcknowledgeProps } from './acknowledge.js';
import { Moment, SeverityBadge, TypeBadge } from './event-words.js';
import { EvidenceLines } from './evidence-lines.js';
import { NotificationList } from './notification-list.js';

export interface EventDialogProps extends Pick<AcknowledgeProps, 'onAcknowledge' | 'nowMs'> {
  id: string;
  alerts: AlertFeed;
  book: AlertBook;
  onClose: () => void;
}

/** One event: what it was about, the lines that caused it, who was told. */
export function EventDialog({ id, alerts, onClose, ...shown }: EventDialogProps) {
  const { details, again } = useAlertDetails(alerts, id);
  const { dialog, close, closed } = useModal(onClose);
  const closeOutside = (event: MouseEvent) => {
    if (event.target === dialog.current) close();
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a modal dialog by itself.
    <dialog ref={dialog} className="event" aria-label="Alert event" onClose={closed} onClick={closeOutside}>
      <article>
        <button type="button" className="quiet close" aria-label="Close" onClick={close}>
          ✕
        </button>
        <Body details={details} onAgain={again} {...shown} />
      </article>
    </dialog>
  );
}

/** A modal dialog for as long as it is there; closed, it gives the focus back to where it was. */
function useModal(onClose: () => void) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isLeaving = useRef(false);
  useLayoutEffect(() => {
    const shown = dialog.current;
    isLeaving.current = false;
    shown?.showModal();
    return () => {
      isLeaving.current = true;
      shown?.close();
    };
  }, []);
  return {
    dialog,
    close: () => dialog.current?.close(),
    // What another event takes the place of was not closed by anybody.
    closed: () => {
      if (!isLeaving.current) onClose();
    },
  };
}

interface BodyProps extends Pick<EventDialogProps, 'book' | 'nowMs' | 'onAcknowledge'> {
  details: Details;
  onAgain: () => void;
}

function Body({ details, onAgain, ...shared }: BodyProps) {
  switch (details.kind) {
    case 'loading':
      return <p className="help">…</p>;
    case 'gone':
      return <p className="help">There is no such event any more.</p>;
    case 'failed':
      return (
        <>
          <p className="problem" role="alert">
            The event could not be read: {details.reason}.
          </p>
          <button type="button" onClick={onAgain}>
            Try again
          </button>
        </>
      );
    case 'there':
      return <EventBody event={details.event} {...shared} />;
  }
}

type EventBodyProps = Pick<EventDialogProps, 'book' | 'nowMs' | 'onAcknowledge'> & { event: AlertEventDetails };

function EventBody({ event, book, nowMs, onAcknowledge }: EventBodyProps) {
  // What came since it was asked for: that somebody has seen to it, or that it ended.
  const known = { ...event, acknowledgedAt: book.events.get(event.id)?.acknowledgedAt ?? event.acknowledgedAt };
  const isFiring = book.events.has(event.id) && !book.ended.has(event.id) && event.startedBy === null;
  const [value, threshold] = measured(event, event.rule?.metric ?? null);
  return (
    <>
      <div className="line">
        <TypeBadge event={event} isFiring={isFiring && event.type === 'TRIGGERED'} />
        <SeverityBadge severity={event.severity} />
      </div>
      <h2>{safeText(event.ruleName)}</h2>
      <p className="message">{safeText(event.message)}</p>
      <dl>
        <dt>Server</dt>
        <dd>{safeText(event.agentName)}</dd>
        <dt>Value</dt>
        <dd>
          <strong>{value}</strong> against {threshold}
        </dd>
        <dt>Time</dt>
        <dd>
          <Moment iso={event.at} nowMs={nowMs} />
        </dd>
        {event.startedBy !== null && (
          <>
            <dt>Ends</dt>
            <dd>
              <a href={alertHref(event.startedBy.id)}>
                the alert of <Moment iso={event.startedBy.at} nowMs={nowMs} withAgo={false} />
              </a>
            </dd>
          </>
        )}
        <dt>Rule</dt>
        <dd>{event.rule === null ? 'deleted since' : conditionOf(event.rule)}</dd>
      </dl>
      <Acknowledge event={known} nowMs={nowMs} onAcknowledge={onAcknowledge} />
      {event.type === 'TRIGGERED' && <EvidenceLines entries={event.evidence} />}
      <NotificationList notifications={event.notifications} nowMs={nowMs} />
    </>
  );
}
