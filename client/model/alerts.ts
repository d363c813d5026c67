import type { AlertEventCard } from '../../schema/operations/alerts.js';

/** The alert events that are known, in whatever order and however often they came. */
export interface AlertBook {
  events: ReadonlyMap<string, AlertEventCard>;
  /** Events that no longer fire: recovered, closed, or gone from the server's list. */
  ended: ReadonlySet<string>;
}

export const EMPTY_BOOK: AlertBook = { events: new Map(), ended: new Set() };

/** Enough for the history of any page; older ones are asked for when they are looked for. */
export const EVENTS_MAX = 1_000;

/**
 * Adds events; one that came before changes nothing, unless somebody has seen to it since.
 *
 * @param eventsMax beyond it the older half goes, but for what fires
 */
export function addEvents(book: AlertBook, added: readonly AlertEventCard[], eventsMax = EVENTS_MAX): AlertBook {
  const fresh = added.filter(({ id, acknowledgedAt }) => {
    const held = book.events.get(id);
    return held === undefined || (held.acknowledgedAt === null && acknowledgedAt !== null);
  });
  if (fresh.length === 0) return book;
  const events = new Map(book.events);
  const ended = new Set(book.ended);
  for (const event of fresh) {
    events.set(event.id, event);
    if (event.startedBy) ended.add(event.startedBy.id);
  }
  return pruned({ events, ended }, eventsMax);
}

/**
 * Takes what the server says fires now: adds it, and ends what fired before the question was asked and is no longer
 * named. Events that came while it was on its way are left alone.
 */
export function reconcile(
  book: AlertBook,
  active: readonly AlertEventCard[],
  knownBefore: ReadonlySet<string>,
  eventsMax = EVENTS_MAX,
): AlertBook {
  const named = new Set(active.map((event) => event.id));
  const added = addEvents(book, active, eventsMax);
  const ended = new Set(added.ended);
  for (const event of firing(added)) if (knownBefore.has(event.id) && !named.has(event.id)) ended.add(event.id);
  return { events: added.events, ended };
}

/** Whether an alert begins with it. */
export function isBeginning({ type }: AlertEventCard): boolean {
  return type === 'TRIGGERED' || type === 'NO_DATA';
}

/** Whether its rule flaps now: it has fired and recovered so often that the server tells its channels no longer each time. */
export function flaps({ flappingUntil }: AlertEventCard, nowMs: number): boolean {
  return flappingUntil !== null && nowMs < Date.parse(flappingUntil);
}

/** What fires now, the newest first; of one server where it is named. */
export function firing(book: AlertBook, agentId?: string): AlertEventCard[] {
  return newestFirst(book, agentId).filter((event) => isBeginning(event) && !book.ended.has(event.id));
}

/** Events by event time, the newest first; of one server where it is named. */
export function newestFirst(book: AlertBook, agentId?: string): AlertEventCard[] {
  const events = [...book.events.values()].filter((event) => agentId === undefined || event.agent?.id === agentId);
  return events.sort(
    (a, b) =>
      Date.parse(b.at) - Date.parse(a.at) ||
      Date.parse(b.recordedAt) - Date.parse(a.recordedAt) ||
      // Of one second: what ended lies before what began.
      Number(isBeginning(b)) - Number(isBeginning(a)) ||
      (a.id < b.id ? 1 : -1),
  );
}

function pruned(book: AlertBook, eventsMax: number): AlertBook {
  if (book.events.size <= eventsMax) return book;
  const kept = newestFirst(book).filter(
    (event, index) => index < eventsMax / 2 || (isBeginning(event) && !book.ended.has(event.id)),
  );
  const events = new Map(kept.map((event) => [event.id, event]));
  return { events, ended: new Set([...book.ended].filter((id) => events.has(id))) };
}
