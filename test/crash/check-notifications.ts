import type pg from 'pg';
import { LEASE_SECONDS } from '../../server/notify/outbox.js';
import { databaseUrl, withConnection } from '../support/database.js';
import { until } from '../support/server.js';
import type { Receipt } from './receivers.js';
import type { ToldRule } from './rules.js';

/** Milliseconds of the monotonic clock, both inclusive. */
export interface Span {
  fromMs: number;
  toMs: number;
}

/** What came to the receivers, and when it may have come again. */
export interface ToldUnderFire {
  receipts: readonly Receipt[];
  /** Kills of the server: what it was sending comes again. */
  repeats: readonly Span[];
}

export interface NotificationsFound {
  wrong: string[];
  /** Events that were to be told on channels: each on each is one. */
  sent: number;
  /** Receipts that came again, after a kill or as the first one was not taken. */
  doubled: number;
  missed: number;
  /** That an alert still fires. */
  reminders: number;
}

interface Event {
  id: string;
  number: number;
  type: string;
  /** Event second. */
  at: number;
  rule: string;
}

/** A message that is to come on a channel. */
interface ToTell {
  /** What it says. */
  type: string;
  event: Event;
  channel: string;
  reminder: number | null;
}

/** A message as the outbox has it. */
interface Row {
  type: string;
  event: string;
  channel: string;
  /** Which one of its event; null: it is none. */
  reminder: number | null;
  /** Its idempotency key; null: it was never sent. */
  key: string | null;
  status: string;
}

/** What a server that was killed had in hand is sent by the next a minute later. */
const SENT_WITHIN_MS = 180_000;
const QUARTER_SECONDS = 900;

/** Waits until nothing is left to be sent, and compares what came with the events. */
export async function checkNotifications(
  dataFolder: string,
  agentId: string,
  rules: readonly ToldRule[],
  { receipts, repeats, hurry }: ToldUnderFire & { hurry: boolean },
): Promise<NotificationsFound> {
  return withConnection(databaseUrl(dataFolder), async (client) => {
    await settle(client, hurry);
    const events = await readEvents(client, agentId);
    const rows = await readRows(client, agentId);
    const expected: ToTell[] = rules.flatMap((rule) => {
      const told = toTell(
        events.filter((event) => event.rule === rule.id),
        rule.flapDetection,
      );
      return rule.channels.flatMap((channel) => told.map((one) => ({ ...one, channel, reminder: null })));
    });
    const reminders = rows.flatMap(({ type, event: id, channel, reminder, status }): ToTell[] => {
      const event = events.find((one) => one.id === id)!;
      return reminder !== null && status === 'SENT' ? [{ type, event, channel, reminder }] : [];
    });
    const found = { wrong: [] as string[], sent: expected.length, doubled: 0, missed: 0, reminders: reminders.length };
    const left = new Map(rows.map((row) => [nameOf(row), row]));
    const tellings = [...expected, ...reminders].map((one) => {
      const name = nameOf({ ...one, event: one.event.id });
      const row = left.get(name);
      left.delete(name);
      const came = receipts.filter(({ channel, key }) => channel === one.channel && key === row?.key);
      return { what: `${name} of ${one.event.rule}`, toTell: one, row, came };
    });
    for (const telling of tellings) checkOne(telling, repeats, found);
    for (const [name, { reminder }] of left) if (reminder === null) found.wrong.push(`${name} was not to be told`);
    checkOrder(tellings, receipts, found);
    for (const { id, remindEvery } of rules) checkReminders(tellings, id, remindEvery, found);
    const keys = new Set(rows.map(({ key }) => key));
    for (const { key, channel } of receipts)
      if (!keys.has(key)) found.wrong.push(`${channel} got ${key}, which is of no event`);
    return found;
  });
}

/** Not those of what is being sent: a lease is for a minute, and a receiver has long answered after these seconds of it. */
const LOST_LEASES = `UPDATE notification SET leased_until = now()
  WHERE leased_until > now() AND leased_until < now() + interval '${LEASE_SECONDS - 12} seconds'`;

/** What waits for its next attempt has it now, and what flapped has settled; in a hurry, what a killed server had in hand too. */
async function settle(client: pg.Client, hurry: boolean): Promise<void> {
  await client.query('UPDATE notification_channel SET failures = 0, broken_until = NULL');
  await client.query(
    "UPDATE notification SET due_at = now() WHERE due_at > now() AND (attempts > 0 OR type = 'SETTLED')",
  );
  const left = async () => {
    if (hurry) await client.query(LOST_LEASES);
    return (await client.query('SELECT FROM notification WHERE due_at IS NOT NULL')).rows.length;
  };
  await until(async () => (await left()) === 0, SENT_WITHIN_MS, 'all notifications to be sent');
}

async function readEvents(client: pg.Client, agentId: string): Promise<Event[]> {
  const { rows } = await client.query<Event>(
    `SELECT id, number::float8, type, at_second::float8 AS at, rule_id AS rule FROM alert_event
     WHERE agent_id = $1 ORDER BY number`,
    [agentId],
  );
  return rows;
}

async function readRows(client: pg.Client, agentId: string): Promise<Row[]> {
  const { rows } = await client.query<Row>(
    `SELECT n.type, n.event_id AS event, c.name AS channel, n.reminder, n.message_id AS key, n.status
     FROM notification n JOIN notification_channel c ON c.id = n.channel_id WHERE n.agent_id = $1`,
    [agentId],
  );
  return rows;
}

const nameOf = ({ type, event, channel, reminder }: Omit<Row, 'key' | 'status'>): string =>
  `${type} ${reminder ?? ''} ${event} on ${channel}`;

/**
 * What of a rule's events is told on each channel: each event, but while it flaps, six within 15 minutes, and until there
 * was none for as long, that it does with the first of these, and that it has settled with the last.
 */
function toTell(events: readonly Event[], flapDetection: boolean): Pick<ToTell, 'type' | 'event'>[] {
  let flaps = false;
  return events.flatMap((event, i) => {
    const [before, sixth] = [events[i - 1], events[i - 5]];
    const begins = sixth !== undefined && event.at - sixth.at < QUARTER_SECONDS;
    const goesOn = flaps && event.at - before.at < QUARTER_SECONDS;
    const isFirst = !goesOn;
    flaps = flapDetection && (begins || goesOn);
    if (!flaps) return [{ type: event.type, event }];
    const next = events[i + 1];
    const isLast = next === undefined || next.at - event.at >= QUARTER_SECONDS;
    return [...(isFirst ? [{ type: 'FLAPPING', event }] : []), ...(isLast ? [{ type: 'SETTLED', event }] : [])];
  });
}

interface Telling {
  what: string;
  toTell: ToTell;
  /** Undefined: it was never written. */
  row: Row | undefined;
  came: Receipt[];
}

/** At least once; again only where a kill, or a receiver that did not say that it took it, came in between. */
function checkOne(
  { what, toTell: { type, event }, row, came }: Telling,
  repeats: readonly Span[],
  found: NotificationsFound,
) {
  if (row?.status !== 'SENT') found.wrong.push(`${what} is ${row?.status}, not SENT`);
  const taken = came.filter(({ refused }) => !refused);
  if (taken.length === 0) {
    found.missed++;
    found.wrong.push(`${what} never came`);
    return;
  }
  for (const { told } of came)
    if (told !== null && (told.kind !== type || !told.events.some(({ id }) => id === event.id)))
      found.wrong.push(`${what} came as ${JSON.stringify(told)}`);
  found.doubled += taken.length - 1;
  for (const [i, again] of taken.slice(1).entries()) {
    const before = taken[i];
    if (!before.taken || repeats.some(({ fromMs, toMs }) => fromMs <= again.atMs && toMs >= before.atMs)) continue;
    found.wrong.push(`${what} came again ${Math.round(again.atMs - before.atMs)} ms later, for no reason`);
  }
}

/** Of one rule, on one channel, nothing comes after what was recorded later: no recovery before its alert, no old word last. */
function checkOrder(tellings: readonly Telling[], receipts: readonly Receipt[], found: NotificationsFound): void {
  const numbers = new Map(tellings.map(({ row, toTell }) => [row?.key, toTell]));
  const latest = new Map<string, number>();
  for (const { key } of receipts) {
    const told = numbers.get(key);
    if (told === undefined) continue;
    const { event, channel, type } = told;
    const place = `${event.rule} ${channel}`;
    const before = latest.get(place) ?? 0;
    if (event.number < before) found.wrong.push(`${type} ${event.number} came after ${before} on ${channel}`);
    latest.set(place, Math.max(before, event.number));
  }
}

/** Those of an alert on one channel come an interval after what was told there last, or later; where none is asked for, none. */
function checkReminders(
  tellings: readonly Telling[],
  rule: string,
  every: number | null,
  found: NotificationsFound,
): void {
  const own = tellings.filter(({ toTell, came }) => toTell.event.rule === rule && came.length > 0);
  for (const { what, toTell, came } of own) {
    const { reminder, event, channel } = toTell;
    if (reminder === null) continue;
    const before = own.filter(
      ({ toTell: other }) => other.event === event && other.channel === channel && (other.reminder ?? 0) < reminder,
    );
    const lastMs = Math.max(...before.map((one) => one.came[0].atMs));
    if (every === null || came[0].atMs - lastMs < every * 1_000)
      found.wrong.push(`${what} came ${Math.round(came[0].atMs - lastMs)} ms after what was told before it`);
  }
}
