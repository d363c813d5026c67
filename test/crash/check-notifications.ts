import type pg from 'pg';
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
}

/** An event that is to be told on a channel. */
interface Told {
  id: string;
  number: number;
  type: string;
  rule: string;
  channel: string;
  /** Its idempotency key there; null: it was never sent. */
  key: string | null;
  status: string | null;
}

/** What a server that was killed had in hand is sent by the next a minute later. */
const SENT_WITHIN_MS = 180_000;

/** Waits until nothing is left to be sent, and compares what came with the events. */
export async function checkNotifications(
  dataFolder: string,
  agentId: string,
  rules: readonly ToldRule[],
  { receipts, repeats, hurry }: ToldUnderFire & { hurry: boolean },
): Promise<NotificationsFound> {
  return withConnection(databaseUrl(dataFolder), async (client) => {
    await settle(client, hurry);
    const told = await eventsToTell(client, agentId, rules);
    const found: NotificationsFound = { wrong: [], sent: told.length, doubled: 0, missed: 0 };
    for (const one of told) checkOne(one, receipts, repeats, found);
    for (const { id, channels } of rules)
      for (const channel of channels) checkOrder(told, receipts, id, channel, found);
    const known = new Set(told.map(({ key, channel }) => `${key} ${channel}`));
    for (const { key, channel } of receipts)
      if (!known.has(`${key} ${channel}`)) found.wrong.push(`${channel} got ${key}, which is of no event`);
    return found;
  });
}

/** What waits for its next attempt has it now; in a hurry, what a killed server had in hand too. */
async function settle(client: pg.Client, hurry: boolean): Promise<void> {
  await client.query('UPDATE notification_channel SET failures = 0, broken_until = NULL');
  await client.query('UPDATE notification SET due_at = now() WHERE due_at > now() AND attempts > 0');
  if (hurry) await client.query('UPDATE notification SET leased_until = now() WHERE leased_until > now()');
  const left = async () => (await client.query('SELECT FROM notification WHERE due_at IS NOT NULL')).rows.length;
  await until(async () => (await left()) === 0, SENT_WITHIN_MS, 'all notifications to be sent');
}

async function eventsToTell(client: pg.Client, agentId: string, rules: readonly ToldRule[]): Promise<Told[]> {
  const { rows } = await client.query<Told>(
    `SELECT e.id, e.number::float8, e.type, e.rule_id AS rule, c.name AS channel, n.message_id AS key, n.status
     FROM alert_event e JOIN alert_rule r ON r.id = e.rule_id JOIN notification_channel c ON c.id = ANY (r.channel_ids)
       LEFT JOIN notification n ON n.event_id = e.id AND n.channel_id = c.id
     WHERE e.agent_id = $1 AND e.rule_id = ANY ($2) ORDER BY e.number`,
    [agentId, rules.map(({ id }) => id)],
  );
  return rows;
}

/** At least once; again only where a kill, or a receiver that did not say that it took it, came in between. */
function checkOne(told: Told, all: readonly Receipt[], repeats: readonly Span[], found: NotificationsFound): void {
  const { id, type, channel, key, status } = told;
  const what = `${type} ${id} on ${channel}`;
  const receipts = all.filter((one) => one.channel === channel && one.key === key);
  if (status !== 'SENT') found.wrong.push(`${what} is ${status}, not SENT`);
  if (!receipts.some(({ refused }) => !refused)) {
    found.missed++;
    found.wrong.push(`${what} never came`);
    return;
  }
  for (const { told: body } of receipts)
    if (body !== null && (body.kind !== type || !body.events.some((event) => event.id === id)))
      found.wrong.push(`${what} came as ${JSON.stringify(body)}`);
  const taken = receipts.filter(({ refused }) => !refused);
  found.doubled += taken.length - 1;
  for (const [i, again] of taken.slice(1).entries()) {
    const before = taken[i];
    if (!before.taken || repeats.some(({ fromMs, toMs }) => fromMs <= again.atMs && toMs >= before.atMs)) continue;
    found.wrong.push(`${what} came again ${Math.round(again.atMs - before.atMs)} ms later, for no reason`);
  }
}

/** On one channel nothing comes after what was recorded later: no recovery before its alert, no old word last. */
function checkOrder(
  told: readonly Told[],
  receipts: readonly Receipt[],
  rule: string,
  channel: string,
  found: NotificationsFound,
): void {
  const numbers = new Map(
    told.filter((one) => one.rule === rule && one.channel === channel).map(({ key, number }) => [key, number]),
  );
  let latest = 0;
  for (const receipt of receipts) {
    const number = receipt.channel === channel ? numbers.get(receipt.key) : undefined;
    if (number === undefined) continue;
    if (number < latest) found.wrong.push(`event ${number} of rule ${rule} came on ${channel} after event ${latest}`);
    latest = Math.max(latest, number);
  }
}
