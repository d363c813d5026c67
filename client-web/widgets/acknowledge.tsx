import { useState } from 'react';
import { isBeginning } from '../../client/model/alerts.js';
import type { AlertEventCard } from '../../schema/operations/alerts.js';
import { Moment } from './event-words.js';

export interface AcknowledgeProps {
  event: AlertEventCard;
  nowMs: number;
  /** Null: the role may not. */
  onAcknowledge: ((id: string) => Promise<void>) | null;
}

/** Whether somebody has seen to an alert, or the button to say so. */
export function Acknowledge({ event, nowMs, onAcknowledge }: AcknowledgeProps) {
  const [isAsking, setAsking] = useState(false);
  if (event.acknowledgedAt !== null) {
    return (
      <span className="acknowledged">
        <span aria-hidden="true">✓</span> acknowledged <Moment iso={event.acknowledgedAt} nowMs={nowMs} />
      </span>
    );
  }
  if (onAcknowledge === null || !isBeginning(event)) return null;
  const acknowledge = async () => {
    setAsking(true);
    await onAcknowledge(event.id);
    setAsking(false);
  };
  return (
    <button type="button" disabled={isAsking} onClick={() => void acknowledge()}>
      Acknowledge
    </button>
  );
}
