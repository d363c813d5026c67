import type { AlertMetric } from '../alerts/decide.js';
import { FLAPPING_SECONDS, FLAPPING_TRANSITIONS } from '../alerts/flapping.js';
import type { AlertMessageType } from '../alerts/message.js';

/**
 * What one message to people says, whatever the channel. FLAPPING: the rule fires and recovers over and over, which is not
 * told each time; SETTLED: it does so no longer, and how it stands since the event that is told. REMINDER: what was told still fires.
 */
export type MessageKind = AlertMessageType | 'FLAPPING' | 'SETTLED' | 'REMINDER' | 'SUMMARY' | 'TEST';

/** One alert event, as it is told. */
export interface ToldEvent {
  id: string;
  type: AlertMessageType;
  agent: string;
  /** ISO 8601. */
  at: string;
  value: number;
  /** The one line that says it. */
  message: string;
  /** Of a recovery or a reminder: since when it fires, or fired, ISO 8601. */
  since: string | null;
}

export interface Message {
  /** Its idempotency key: the same whenever it is sent again. */
  id: string;
  kind: MessageKind;
  tenant: string;
  rule: string;
  severity: string;
  /** Of what the threshold and the values are; null: they are seconds without data, or the rule is gone. */
  metric: AlertMetric | null;
  threshold: number;
  /** Of a summary: none. */
  events: readonly ToldEvent[];
  /** Of a summary: how many there were. */
  summarised: number;
  /** Lines that caused it, the newest first. */
  lines: readonly string[];
  /** Where more is to be seen; null: the server does not know its own address. */
  link: string | null;
}

const LINE_LENGTH_MAX = 300;

/** Where an event is seen on the web page (`client-web/`), whose address is that of the folder that it is served at. */
export function linkToEvent(pageUrl: string, eventId: string): string {
  const url = new URL(pageUrl);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  url.hash = `alert=${eventId}`;
  return url.href;
}

const EVENTS_SHOWN = 20;

/** One line: what a mail's subject, a notification's heading say. */
export function headingOf({ kind, rule, severity, events, summarised }: Message): string {
  if (kind === 'TEST') return 'HTTP Logs Monitor: this channel works';
  if (kind === 'SUMMARY')
    return plain(`[${severity}] ${rule}: ${summarised} alerts and recoveries in old entries that were taken in`);
  const [first] = events;
  const others = events.length > 1 ? ` and ${events.length - 1} more` : '';
  return plain(`[${severity}] ${first.agent}${others}: ${saying(kind, rule, first)}`);
}

const FLAPS = `flaps: ${FLAPPING_TRANSITIONS} alerts and recoveries within ${FLAPPING_SECONDS / 60} minutes; more once it has settled`;

function saying(kind: MessageKind, rule: string, { type, message }: ToldEvent): string {
  if (kind === 'FLAPPING') return `${rule} ${FLAPS}`;
  if (kind === 'SETTLED') return `${rule} has settled, ${type === 'TRIGGERED' ? 'and fires' : 'calm'}: ${message}`;
  return message;
}

/** All of it, as lines of text. */
export function textOf(message: Message): string {
  const { kind, tenant, rule, metric, threshold, events, lines, link } = message;
  if (kind === 'TEST') return [headingOf(message), ...(link ? ['', link] : [])].join('\n');
  const unit = metric === 'DURATION_P95' ? ' ms' : '';
  const told = events
    .slice(0, EVENTS_SHOWN)
    .flatMap((event) => [
      `${plain(event.agent)}: ${plain(event.message)}`,
      `  value ${event.value}${unit}, threshold ${threshold}${unit}, at ${event.at}${event.since ? `, since ${event.since}` : ''}`,
    ]);
  const left = events.length > EVENTS_SHOWN ? [`… and ${events.length - EVENTS_SHOWN} more`] : [];
  const caused =
    lines.length > 0 ? ['', 'Some of the lines that caused it:', ...lines.map((line) => `  ${shortened(line)}`)] : [];
  return [
    headingOf(message),
    '',
    ...told,
    ...left,
    `Rule: ${plain(rule)} · Tenant: ${plain(tenant)}`,
    ...caused,
    ...(link ? ['', link] : []),
  ].join('\n');
}

/** The same as HTML, with nothing in it but text. */
export function htmlOf(message: Message): string {
  const [heading, ...rest] = textOf(message).split('\n');
  return `<!doctype html><meta charset="utf-8"><p><strong>${escapedHtml(heading)}</strong></p><pre>${escapedHtml(rest.join('\n').trim())}</pre>`;
}

/** Slack's Block Kit: log lines as plain text, which is never read as mrkdwn, a mention or a link. */
export function slackOf(message: Message): object {
  const heading = headingOf(message);
  const body = textOf(message).split('\n').slice(1).join('\n').trim();
  const plainText = (text: string, max: number) => ({ type: 'plain_text', text: cut(text, max), emoji: false });
  return {
    text: escapedMrkdwn(cut(heading, 3_000)),
    blocks: [
      { type: 'header', text: plainText(heading, 150) },
      ...(body === '' ? [] : [{ type: 'section', text: plainText(body, 3_000) }]),
    ],
    unfurl_links: false,
    unfurl_media: false,
  };
}

/** A webhook's JSON body (docs/NOTIFICATIONS.md). */
export function webhookOf(message: Message): object {
  const { id, kind, tenant, rule, severity, metric, threshold, events, summarised, lines, link } = message;
  return {
    version: 1,
    id,
    kind,
    tenant,
    rule,
    severity,
    metric,
    threshold,
    events,
    summarised,
    lines,
    link,
    text: headingOf(message),
  };
}

/** One line of text: no controls, no marks that turn its direction. */
function plain(text: string): string {
  return text
    .replace(/(?![\s\u0085])[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .replace(/[\s\u0085\u2028\u2029]+/gu, ' ')
    .trim();
}

function shortened(line: string): string {
  return cut(plain(line), LINE_LENGTH_MAX);
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

function escapedHtml(text: string): string {
  return text.replace(/[&<>"']/g, (unit) => `&#${unit.charCodeAt(0)};`);
}

function escapedMrkdwn(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
