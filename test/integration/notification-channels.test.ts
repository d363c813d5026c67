// Goal: channels are made as they can work, tested at once, hide their secrets, and leave their rules when they go.
// Method: a real server, a real SMTP server that refuses, a receiver that redirects and hangs up.
import { expect, test } from '@jest/globals';
import { channel, done, hook, mail, rule, serveNotified, server } from '../support/notified.js';

serveNotified();

const CREATE =
  'mutation ($input: NotificationChannelInput!) { createNotificationChannel(input: $input) { id target } }';

test.each([
  ['an address that is none', { kind: 'EMAIL', target: 'a@b.c\r\nBcc: x@y.z' }],
  ['several addresses', { kind: 'EMAIL', target: 'a@example.com, b@example.com' }],
  ['a secret for mails', { kind: 'EMAIL', target: 'a@example.com', secret: 's' }],
  ['another protocol', { kind: 'WEBHOOK', target: 'file:///etc/passwd' }],
  ['a user in the address', { kind: 'WEBHOOK', target: 'https://me:secret@example.com/' }],
  ['no address', { kind: 'WEBHOOK', target: 'example' }],
  ['no name', { kind: 'WEBHOOK', target: 'https://example.com/', name: ' ' }],
])('a channel with %s is refused', async (_what, change) => {
  const { errors } = await server.gql(CREATE, { input: { name: 'x', ...change } });
  expect(errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
});

test('targets hide their secrets; a channel that is deleted leaves its rules', async () => {
  const { createNotificationChannel: slack } = await done(CREATE, {
    input: { name: 'x', kind: 'SLACK', target: 'https://hooks.slack.com/services/T0/B0/secret' },
  });
  expect(slack.target).toBe('https://hooks.slack.com/…');
  const id = await rule('Left', [slack.id]);
  await done('mutation ($id: ID!) { deleteNotificationChannel(id: $id) }', { id: slack.id });
  const { alertRules } = await done('{ alertRules { id channelIds } }');
  expect(alertRules.find((one: { id: string }) => one.id === id).channelIds).toEqual([]);
  const { errors } = await server.gql(
    'mutation ($id: ID!, $c: ID!) { updateAlertRule(id: $id, input: { channelIds: [$c] }) { id } }',
    { id, c: slack.id },
  );
  expect(errors?.[0].extensions.code).toBe('NOT_FOUND');
});

test('a channel is tested at once, and says what came of it', async () => {
  const TEST =
    'mutation ($id: ID!) { testNotificationChannel(id: $id) { status lastError attempts channel { name } } }';
  const email = await channel('EMAIL', 'me@example.com');
  const result = async (id: string) => (await done(TEST, { id })).testNotificationChannel;
  expect(await result(email)).toEqual({
    status: 'SENT',
    lastError: null,
    attempts: 1,
    channel: { name: 'EMAIL channel' },
  });
  expect(mail.mails[0].text).toContain('Subject: HTTP Logs Monitor: this channel works');
  mail.refuse = 1;
  expect(await result(email)).toMatchObject({ status: 'FAILED', lastError: 'the mail server refused: 451' });
  hook.answer = (response) => response.writeHead(302, { location: hook.url }).end();
  const web = await channel('WEBHOOK', hook.url);
  expect(await result(web)).toMatchObject({
    status: 'FAILED',
    lastError: 'answered with HTTP status 302, a redirect, which is not followed',
  });
  expect(hook.received).toHaveLength(1);
  hook.answer = (response) => response.destroy();
  expect((await result(web)).lastError).toMatch(/^cannot be reached \(/);
});
