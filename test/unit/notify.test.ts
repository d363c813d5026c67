// Goal: webhooks go nowhere but to the open internet, wait longer each time, and messages hold nothing but text.
// Method: addresses of every reserved network and their disguises; schedules; hostile names and lines.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { headingOf, htmlOf, linkToEvent, type Message, slackOf, textOf } from '../../server/core/notify/message.js';
import { brokenForMs, retryAfterMs } from '../../server/core/notify/schedule.js';
import { isPublicAddress } from '../../server/notify/addresses.js';
import { post, RefusedAddressError } from '../../server/notify/http-post.js';

test.each([
  ...['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '0.0.0.0', '100.64.1.1', '224.0.0.1'],
  ...['255.255.255.255', '198.18.0.1', '192.0.2.1', '::1', '::', '::ffff:127.0.0.1', '::ffff:10.0.0.1', 'fe80::1'],
  ...['fc00::1', 'fd12::1', 'ff02::1', '64:ff9b::7f00:1', '2002:7f00:1::', '2001:db8::1', '::7f00:1', 'localhost', ''],
])('%s is not of the open internet', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each(['93.184.216.34', '8.8.8.8', '2606:2800:220:1:248:1893:25c8:1946'])('%s is', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test.each([
  ...['http://127.0.0.1/', 'http://2130706433/', 'http://0x7f.1/', 'http://[::1]/', 'http://[::ffff:7f00:1]/'],
  ...['http://localhost/', 'http://0/', 'http://①②⑦.0.0.1/'],
])('nothing is posted to %s', async (url) => {
  await expect(post(new URL(url), {}, '{}', { allowPrivate: false })).rejects.toThrow(RefusedAddressError);
});

test('each attempt waits longer, within half of its time, up to half an hour', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
      const full = Math.min(5_000 * 2 ** (attempt - 1), 1_800_000);
      const waited = retryAfterMs(attempt, random, null);
      expect(waited).toBeLessThanOrEqual(full);
      expect(waited).toBeGreaterThanOrEqual(full / 2);
    }),
  );
  expect(retryAfterMs(1, 0, 3_600_000)).toBe(3_600_000);
});

test('a channel breaks after five failures, and for ten minutes at most', () => {
  expect([0, 4, 5, 6, 40].map(brokenForMs)).toEqual([0, 0, 30_000, 60_000, 600_000]);
});

const HOSTILE = 'a\r\nBcc: x@y.z\u001b]0;t\u0007<script>&"\'<!channel> <@U1> *b* \u202etxt';
const message: Message = {
  id: 'i',
  kind: 'TRIGGERED',
  tenant: HOSTILE,
  rule: HOSTILE,
  severity: 'WARNING',
  metric: 'DURATION_P95',
  threshold: 1,
  events: [
    { id: 'e', type: 'TRIGGERED', agent: HOSTILE, at: '2026-01-01T00:00:00Z', value: 2, message: HOSTILE, since: null },
  ],
  summarised: 0,
  lines: [HOSTILE, 'x'.repeat(10_000)],
  link: null,
};

test.each([
  ['https://logs.example.com', 'https://logs.example.com/#alert=e1'],
  ['https://logs.example.com/', 'https://logs.example.com/#alert=e1'],
  ['https://example.com/logs', 'https://example.com/logs/#alert=e1'],
  ['http://h:4000/logs/?a=b#c', 'http://h:4000/logs/?a=b#alert=e1'],
])('of a server at %s, an event is seen at %s', (url, link) => {
  expect(linkToEvent(url, 'e1')).toBe(link);
});

test('a heading is one line of text', () => {
  expect(headingOf(message)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  expect(textOf(message)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  expect(textOf(message).length).toBeLessThan(2_000);
});

test('response times are told with their unit, what else is measured without', () => {
  expect(textOf(message)).toContain('  value 2 ms, threshold 1 ms, at 2026');
  expect(textOf({ ...message, metric: null })).toContain('  value 2, threshold 1, at 2026');
});

test('HTML and mrkdwn have no tag, mention or link of others', () => {
  expect(htmlOf(message).replace(/<\/?(?:!doctype html|meta charset="utf-8"|p|strong|pre)>/g, '')).not.toMatch(/[<>]/);
  const { text, blocks } = slackOf(message) as { text: string; blocks: { text: { type: string } }[] };
  expect(text).not.toMatch(/[<>]/);
  expect(blocks.map((block) => block.text.type)).toEqual(['plain_text', 'plain_text']);
});

test('a rule that flaps is told of as such; once it has settled, how', () => {
  const told = { ...message, rule: 'Errors', severity: 'WARNING' };
  const event = { ...message.events[0], agent: 'web-1', message: 'Errors recovered' };
  const heading = (kind: 'FLAPPING' | 'SETTLED', type: 'TRIGGERED' | 'RECOVERED') =>
    headingOf({ ...told, kind, events: [{ ...event, type }] });
  expect(heading('FLAPPING', 'TRIGGERED')).toBe(
    '[WARNING] web-1: Errors flaps: 6 alerts and recoveries within 15 minutes; more once it has settled',
  );
  expect(heading('SETTLED', 'RECOVERED')).toBe('[WARNING] web-1: Errors has settled, calm: Errors recovered');
  expect(heading('SETTLED', 'TRIGGERED')).toBe('[WARNING] web-1: Errors has settled, and fires: Errors recovered');
});
