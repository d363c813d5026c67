import type { AlertMetric } from './decide.js';

/**
 * What an alert event can say; NO_DATA: the agent sends nothing; CLOSED: the rule was changed or deleted while it fired, or
 * while there was no data.
 */
export type AlertMessageType = 'TRIGGERED' | 'RECOVERED' | 'NO_DATA' | 'CLOSED';

const OUTCOME: Record<AlertMessageType, { said: string; when: string }> = {
  TRIGGERED: { said: 'generated an alert', when: 'triggered at' },
  NO_DATA: { said: 'generated an alert', when: 'triggered at' },
  RECOVERED: { said: 'recovered', when: 'recovered at' },
  CLOSED: { said: 'closed', when: 'closed at' },
};

const MEASURE: Record<AlertMetric, (value: number) => string> = {
  HITS_PER_SECOND: (value) => `hits = ${value.toFixed(2)}`,
  BYTES_PER_SECOND: (value) => `bytes/s = ${value.toFixed(2)}`,
  ERROR_RATE: (value) => `error rate = ${(value * 100).toFixed(2)} %`,
  DURATION_P95: (value) => `p95 = ${value.toFixed(2)} ms`,
};

/**
 * The one line that an alert event says, the same on every channel:
 *
 *     High traffic generated an alert - hits = 10.05, triggered at 2019-02-07T21:12:36Z
 *     High traffic recovered - hits = 9.98, recovered at 2019-02-07T21:14:03Z
 *
 * The value with two decimals (`toFixed` of the double), hits being hits per second; an error rate as a percentage; the 95th
 * percentile of the response time in milliseconds.
 *
 * @param value in the metric's unit; null: no entry has a response time any more
 * @param at event second (Unix), from 1970 to 9999
 */
export function alertMessage(
  rule: { name: string; metric: AlertMetric },
  type: AlertMessageType,
  value: number | null,
  at: number,
): string {
  return messageOf(rule.name, type, value === null ? 'no response times' : MEASURE[rule.metric](value), at);
}

/**
 * The same of an agent that sends nothing, or does again:
 *
 *     High traffic generated an alert - no data for 300 s, triggered at 2019-02-07T21:12:36Z
 *
 * @param seconds without data
 * @param at second of wall time (Unix)
 */
export function noDataMessage(rule: { name: string }, type: AlertMessageType, seconds: number, at: number): string {
  return messageOf(rule.name, type, noData(seconds), at);
}

/**
 * What a reminder says of an alert:
 *
 *     High traffic still fires - hits = 12.00, since 2019-02-07T21:12:36Z
 *
 * @param value now, in the metric's unit; of an agent that sends nothing, the seconds of it
 * @param since event second (Unix), of wall time where the agent sends nothing
 */
export function reminderMessage(
  rule: { name: string; metric: AlertMetric },
  type: AlertMessageType,
  value: number,
  since: number,
): string {
  const measured = type === 'NO_DATA' ? noData(value) : MEASURE[rule.metric](value);
  return `${plainName(rule.name)} still fires - ${measured}, since ${isoSecond(since)}`;
}

const noData = (seconds: number) => `no data for ${seconds} s`;

function messageOf(name: string, type: AlertMessageType, measured: string, at: number): string {
  const { said, when } = OUTCOME[type];
  return `${plainName(name)} ${said} - ${measured}, ${when} ${isoSecond(at)}`;
}

/**
 * A name as text of one line. A name is what some user typed, and the message goes to terminals, mail subjects and
 * chats: line breaks become blanks; controls, escapes, lone surrogates and marks that turn the direction of text go.
 */
function plainName(name: string): string {
  return name
    .replace(/(?![\s\u0085])[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .replace(/[\s\u0085]+/gu, ' ')
    .trim();
}

function isoSecond(second: number): string {
  return new Date(second * 1000).toISOString().replace('.000Z', 'Z');
}
