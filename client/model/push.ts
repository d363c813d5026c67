import type { AlertEventCard } from '../../schema/operations/alerts.js';
import { safeText } from '../format/safe-text.js';
import { isBeginning } from './alerts.js';

/**
 * Alerts that were recorded longer ago are history, and push nothing: after a night without a connection nobody is called
 * for what is over. More than clocks of two machines differ by. Milliseconds.
 */
const FRESH_MS = 300_000;
/** Of entries that were older when they were taken in, it is history that is told: as for mails and webhooks. Milliseconds. */
const OLD_AFTER_MS = 900_000;
const TEXT_LENGTH_MAX = 200;

/**
 * Whether a desktop is told of an event that has just come: one of now, not one of an old file that is being read, nor of
 * a rule that flaps.
 *
 * @param nowMs wall clock
 */
export function isNews({ at, recordedAt, flappingUntil }: AlertEventCard, nowMs: number): boolean {
  const recordedMs = Date.parse(recordedAt);
  return flappingUntil === null && nowMs - recordedMs < FRESH_MS && recordedMs - Date.parse(at) < OLD_AFTER_MS;
}

/** Text as a desktop shows it: short, and without what would turn it into something else. */
export const pushLine = (text: string): string => safeText(text).slice(0, TEXT_LENGTH_MAX);

/** What is told of events that came together, in one line: of those that fired; null: none of them. */
export function pushText(events: readonly AlertEventCard[], nowMs: number): string | null {
  const fired = events.filter((event) => isBeginning(event) && isNews(event, nowMs));
  const [first] = fired;
  if (first === undefined) return null;
  const more = fired.length > 1 ? ` and ${fired.length - 1} more` : '';
  return pushLine(`${first.agentName}${more}: ${first.message}`);
}
