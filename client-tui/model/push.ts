import type { AlertEventCard } from '../../schema/operations/alerts.js';
import { safeText } from '../format/safe-text.js';
import { isBeginning } from './alerts.js';

/** Alerts that were recorded longer ago are history, and push nothing. Milliseconds. */
const FRESH_MS = 60_000;
const TEXT_LENGTH_MAX = 200;

/**
 * What the desktop is told of events that have just come: those that fired, but of a rule that flaps; null: none of them.
 *
 * @param nowMs wall clock
 */
export function pushText(events: readonly AlertEventCard[], nowMs: number): string | null {
  const fired = events.filter(
    (event) => isBeginning(event) && event.flappingUntil === null && nowMs - Date.parse(event.recordedAt) < FRESH_MS,
  );
  const [first] = fired;
  if (first === undefined) return null;
  const others = fired.length > 1 ? ` and ${fired.length - 1} more` : '';
  return safeText(`${first.agentName}${others}: ${first.message}`).slice(0, TEXT_LENGTH_MAX);
}
