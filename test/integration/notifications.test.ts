// Goal: people are told of alerts on their channels, once, in order, whatever fails; and not while a rule is silenced.
// Method: a real server, a real SMTP server, HTTP receivers that fail, redirect, hang; events by real traffic.
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { batchOf } from '../../schema/log-batch.js';
import { entry } from '../support/entries.js';
import { type HttpReceiver, type MailServer, startHttpReceiver, startMailServer } from '../support/receivers.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { ownerSql } from '../support/tenants.js';

let server: TestServer;
let mail: MailServer;
let hook: HttpReceiver;
beforeAll(async () => {
  mail = await startMailServer();
  hook = await startHttpReceiver();
  server = await startTestServer({ notify: { smtpUrl: mail.url } });
});
afterEach(async () => {
  const { data } = await server.gql('{ alertRules { id } }');
  for (const { id } of data.alertRules)
    await server.gql('mutation ($id: ID!) { updateAlertRule(id: $id, input: { enabled: false }) { id } }', { id });
  await ownerSql(server, 'UPDATE notification SET due_at = NULL');
  hook.received.length = 0;
  hook.answer = (response) => response.end();
  mail.mails.length = 0;
});
afterAll(async () => {
  await server.close();
  await mail.close();
  await hook.close();
});

async function done(query: string, variables?: object) {
  const { data, errors } = await server.gql(query, variables);
  expect(errors).toBeUndefined();
  return data;
}

async function channel(kind: string, target: string, secret?: string): Promise<string> {
  const { createNotificationChannel } = await done(
    'mutation ($input: NotificationChannelInput!) { createNotificationChannel(input: $input) { id } }',
    { input: { name: `${kind} channel`, kind, target, secret } },
  );
  return createNotificationChannel.id;
}

async function rule(name: string, channelIds: string[]): Promise<string> {
  const { createAlertRule } = await done(
    'mutation ($input: AlertRuleInput!) { createAlertRule(input: $input) { id } }',
    { input: { name, threshold: 2, window: 'PT10S', severity: 'CRITICAL', channelIds } },
  );
  return createAlertRule.id;
}

let agents = 0;

/** An agent of its own, whose traffic of so many seconds ago bursts, so that a rule of two hits a second fires. */
class Traffic {
  readonly name = `web-${agents++}`;
  readonly at: number;
  constructor(secondsAgo = 60) {
    this.at = Date.now() - secondsAgo * 1_000;
  }

  async send(offsetsMs: number[]): Promise<void> {
    const entries = offsetsMs.map((offset) => entry({ timeMs: this.at + offset, target: '/<secret>?token=hidden' }));
    await done('mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { accepted } }', {
      input: { agent: this.name, batch: batchOf(entries) },
    });
  }

  burst(): Promise<void> {
    return this.send([0, ...Array.from({ length: 40 }, (_, i) => 1_000 + i * 10), 9_000]);
  }

  /** Fires again after `calm`. */
  burstAgain(): Promise<void> {
    return this.send([50_000, ...Array.from({ length: 40 }, (_, i) => 51_000 + i * 10), 59_000]);
  }

  calm(): Promise<void> {
    return this.send([40_000]);
  }

  /** Recovers after `burstAgain`, so that it is calm for the rules of other tests. */
  async calmAgain(): Promise<void> {
    await this.send([100_000]);
    await until(async () => (await events(this.name)).length === 4, 30_000, 'the second recovery');
  }
}

const events = async (agent: string) => {
  const { alertEvents } = await done(
    `{ alertEvents(first: 100, newestFirst: false) { nodes {
      id type agentName message acknowledgedAt notifications { status attempts lastError sentAt channel { name } } } } }`,
  );
  return alertEvents.nodes.filter(({ agentName }: { agentName: string }) => agentName === agent);
};

test('an alert and its end are told by mail, to Slack and to a webhook', async () => {
  const ids = [
    await channel('EMAIL', 'ops@example.com'),
    await channel('SLACK', `${hook.url}/slack`),
    await channel('WEBHOOK', `${hook.url}/web?key=k`, 'shared secret'),
  ];
  await rule('Bursts & <peaks>', ids);
  const traffic = new Traffic();
  await traffic.burst();
  await until(() => mail.mails.length === 1 && hook.received.length === 2, 30_000, 'the alert on three channels');
  await traffic.calm();
  await until(() => mail.mails.length === 2 && hook.received.length === 4, 30_000, 'the recovery');

  const [alert, recovery] = mail.mails;
  expect(alert).toMatchObject({ from: 'hlm@example.com', to: ['ops@example.com'] });
  expect(alert.text).toContain(`Subject: [CRITICAL] ${traffic.name}: Bursts & <peaks> generated an alert - hits`);
  expect(recovery.text).toContain(`Bursts & <peaks> recovered - hits`);
  // HTML holds text alone.
  expect(alert.text.replace(/=\r?\n/g, '')).toContain('Bursts &#38; &#60;peaks&#62;');

  const slack = JSON.parse(hook.received.find(({ path }) => path === '/hook/slack')!.body);
  expect(slack.text).toContain('Bursts &amp; &lt;peaks&gt; generated an alert');
  expect(slack.blocks[1].text).toMatchObject({ type: 'plain_text', text: expect.stringContaining('/<secret> ') });

  const webhook = hook.received.find(({ path }) => path === '/hook/web?key=k')!;
  const body = JSON.parse(webhook.body);
  expect(body).toMatchObject({
    version: 1,
    kind: 'TRIGGERED',
    rule: 'Bursts & <peaks>',
    severity: 'CRITICAL',
    metric: 'HITS_PER_SECOND',
    threshold: 2,
    link: expect.stringMatching(/^https:\/\/logs\.example\.com\/#alert=[0-9a-f-]{36}$/),
    events: [{ agent: traffic.name, since: null, value: expect.any(Number) }],
  });
  expect(body.link).toContain(body.events[0].id);
  expect(alert.text.replace(/=\r?\n/g, '').replaceAll('=3D', '=')).toContain(body.link);
  expect(body.lines).toHaveLength(5);
  expect(body.lines.join()).not.toContain('token=hidden');
  expect(webhook.headers['idempotency-key']).toBe(body.id);
  const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(webhook.headers['x-hlm-signature'] as string)!;
  expect(v1).toBe(createHmac('sha256', 'shared secret').update(`${t}.${webhook.body}`).digest('hex'));

  const [triggered, recovered] = await events(traffic.name);
  expect([triggered.type, recovered.type]).toEqual(['TRIGGERED', 'RECOVERED']);
  const sent = { status: 'SENT', attempts: 1, lastError: null, sentAt: expect.any(String) };
  expect(triggered.notifications).toHaveLength(3);
  expect(recovered.notifications).toHaveLength(3);
  for (const notification of [...triggered.notifications, ...recovered.notifications])
    expect(notification).toMatchObject(sent);
});

test('what fails is sent again under the same key; the end waits for its alert', async () => {
  const id = await channel('WEBHOOK', hook.url);
  await rule('Fails', [id]);
  let fail = true;
  hook.answer = (response) => {
    response.statusCode = fail ? 503 : 200;
    response.end();
  };
  const traffic = new Traffic();
  await traffic.burst();
  await until(() => hook.received.length === 1, 30_000, 'the first attempt');
  await traffic.calm();
  await until(async () => (await events(traffic.name)).length === 2, 30_000, 'the recovery');
  await until(async () => {
    const [{ notifications }] = await events(traffic.name);
    return notifications[0].lastError === 'answered with HTTP status 503';
  });
  fail = false;
  await ownerSql(server, 'UPDATE notification SET due_at = now() WHERE due_at IS NOT NULL');
  await until(() => hook.received.length === 3, 30_000, 'the alert, and its end');
  const bodies = hook.received.map(({ body }) => JSON.parse(body));
  expect(bodies.map(({ kind }) => kind)).toEqual(['TRIGGERED', 'TRIGGERED', 'RECOVERED']);
  expect(bodies[1]).toEqual(bodies[0]);
  expect(bodies[2].id).not.toBe(bodies[0].id);
  expect(bodies[2].events[0].since).toBe(bodies[0].events[0].at);
});

test('what fails is sent again before what came after it, and no later than that', async () => {
  const id = await channel('WEBHOOK', hook.url);
  await rule('In order', [id]);
  const traffic = new Traffic(120);
  await traffic.burst();
  await until(() => hook.received.length === 1, 30_000, 'the alert');
  hook.answer = (response) => {
    response.statusCode = 503;
    response.end();
  };
  await traffic.calm();
  await until(async () => {
    const [, recovery] = await events(traffic.name);
    return recovery?.notifications[0].lastError === 'answered with HTTP status 503';
  });
  // As if it had failed for long.
  await ownerSql(server, "UPDATE notification SET due_at = now() + interval '20 min' WHERE due_at IS NOT NULL");
  const before = hook.received.length;
  hook.answer = (response) => response.end();
  await traffic.burstAgain();
  await until(() => hook.received.length === before + 2, 30_000, 'the recovery, and the next alert');
  const kinds = hook.received.map(({ body }) => JSON.parse(body).kind);
  expect(kinds.filter((kind, i) => kind !== kinds[i - 1])).toEqual(['TRIGGERED', 'RECOVERED', 'TRIGGERED']);
  await traffic.calmAgain();
});

test('nothing is told while what came before it is under way', async () => {
  const id = await channel('WEBHOOK', hook.url);
  await rule('One by one', [id]);
  const traffic = new Traffic(120);
  await traffic.burst();
  await until(() => hook.received.length === 1, 30_000, 'the alert');
  const answers: (() => void)[] = [];
  hook.answer = (response) => answers.push(() => response.end());
  await traffic.calm();
  await until(() => hook.received.length === 2, 30_000, 'the recovery');
  await traffic.burstAgain();
  await until(async () => (await events(traffic.name)).length === 3, 30_000, 'the next alert');
  // It is due, and several looks of the courier have passed.
  await ownerSql(server, 'SELECT pg_sleep(4)');
  expect(hook.received.length).toBe(2);
  hook.answer = (response) => response.end();
  answers[0]();
  await until(() => hook.received.length === 3, 30_000, 'the next alert to be told');
  expect(hook.received.map(({ body }) => JSON.parse(body).kind)).toEqual(['TRIGGERED', 'RECOVERED', 'TRIGGERED']);
  await traffic.calmAgain();
});

test('what cannot be sent for a day has failed, and its end is not told', async () => {
  const id = await channel('WEBHOOK', hook.url);
  await rule('Given up', [id]);
  hook.answer = (response) => {
    response.statusCode = 500;
    response.end();
  };
  const traffic = new Traffic();
  await traffic.burst();
  await until(() => hook.received.length === 1, 30_000, 'the first attempt');
  await until(async () => (await events(traffic.name))[0].notifications[0].lastError !== null);
  await ownerSql(
    server,
    "UPDATE notification SET created_at = now() - interval '25 hours', due_at = now() WHERE status = 'PENDING' AND due_at IS NOT NULL",
  );
  await until(
    async () => (await events(traffic.name))[0].notifications[0].status === 'FAILED',
    30_000,
    'the end of it',
  );
  const attempts = hook.received.length;
  await traffic.calm();
  const recovery = async () => (await events(traffic.name))[1]?.notifications[0];
  await until(async () => (await recovery())?.status === 'SILENCED', 30_000, 'the recovery');
  expect(await recovery()).toMatchObject({ attempts: 0, lastError: 'the alert itself was not sent' });
  expect(hook.received.length).toBe(attempts);
});

test('a channel that fails over and over is left alone for a while', async () => {
  const id = await channel('WEBHOOK', hook.url);
  hook.answer = (response) => {
    response.statusCode = 500;
    response.end();
  };
  await rule('Broken', [id]);
  await new Traffic().burst();
  for (let attempts = 1; attempts <= 5; attempts++) {
    await until(() => hook.received.length === attempts, 30_000, `attempt ${attempts}`);
    await until(async () => {
      const [{ failures }] = await ownerSql(server, 'SELECT failures FROM notification_channel WHERE id = $1', [id]);
      return failures === attempts;
    });
    if (attempts < 5) await ownerSql(server, 'UPDATE notification SET due_at = now() WHERE due_at IS NOT NULL');
  }
  const [{ is_broken: isBroken }] = await ownerSql(
    server,
    'SELECT broken_until > now() AS is_broken FROM notification_channel WHERE id = $1',
    [id],
  );
  expect(isBroken).toBe(true);
});

test('while a rule is silenced nothing is told; what still fires when that ends is', async () => {
  const id = await channel('WEBHOOK', hook.url);
  const ruleId = await rule('Silenced', [id]);
  const silence = (until: string | null) =>
    done('mutation ($id: ID!, $until: DateTime) { silenceAlertRule(id: $id, until: $until) { silencedUntil } }', {
      id: ruleId,
      until,
    });
  await silence(new Date(Date.now() + 3_600_000).toISOString());
  const [over, still] = [new Traffic(), new Traffic()];
  await over.burst();
  await still.burst();
  await over.calm();
  await until(async () => (await events(over.name)).length === 2 && (await events(still.name)).length === 1, 30_000);
  expect((await events(still.name))[0].notifications).toMatchObject([{ status: 'SILENCED', attempts: 0 }]);
  await silence(null);
  await until(async () => (await events(still.name))[0].notifications[0].status === 'SENT', 30_000, 'what still fires');
  const [alert, recovery] = await events(over.name);
  expect([alert.notifications[0].status, recovery.notifications[0].status]).toEqual(['SILENCED', 'SILENCED']);
  expect(hook.received.map(({ body }) => JSON.parse(body).events[0].agent)).toEqual([still.name]);
});

test('an agent under maintenance is silent, the others are not; what lies ahead silences nothing yet', async () => {
  const id = await channel('WEBHOOK', hook.url);
  const ruleId = await rule('Maintained', [id]);
  const [quiet, other] = [new Traffic(), new Traffic()];
  await quiet.send([-30_000]);
  const { agents } = await done(`{ agents(search: "${quiet.name}") { nodes { id name } } }`);
  const agentIds = agents.nodes
    .filter(({ name }: { name: string }) => name === quiet.name)
    .map((one: { id: string }) => one.id);
  const create = (input: object) =>
    done('mutation ($input: SilenceInput!) { createSilence(input: $input) { id from until } }', {
      input: { name: 'maintenance', ...input },
    });
  const until1 = new Date(Date.now() + 3_600_000).toISOString();
  const { createSilence: silence } = await create({ agentIds, until: until1 });
  await create({ ruleIds: [ruleId], from: until1, until: new Date(Date.now() + 7_200_000).toISOString() });
  await quiet.burst();
  await other.burst();
  await until(() => hook.received.length === 1, 30_000, 'the other agent');
  expect(JSON.parse(hook.received[0].body).events[0].agent).toBe(other.name);
  const [{ notifications }] = await events(quiet.name);
  expect(notifications).toMatchObject([{ status: 'SILENCED' }]);
  const { silences } = await done('{ silences { name agentIds ruleIds until } }');
  expect(silences).toMatchObject([
    { agentIds, ruleIds: [], until: until1 },
    { agentIds: [], ruleIds: [ruleId] },
  ]);
  await done('mutation ($id: ID!) { deleteSilence(id: $id) }', { id: silence.id });
  await until(() => hook.received.length === 2, 30_000, 'what still fires');
  const wrong = await server.gql('mutation ($input: SilenceInput!) { createSilence(input: $input) { id } }', {
    input: { name: 'x', until: '2020-01-01T00:00:00Z' },
  });
  expect(wrong.errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
});

test('one rule over many agents is told in one message', async () => {
  const id = await channel('WEBHOOK', hook.url);
  const ruleId = await rule('Everywhere', [id]);
  const silence = (until: string | null) =>
    done('mutation ($id: ID!, $until: DateTime) { silenceAlertRule(id: $id, until: $until) { id } }', {
      id: ruleId,
      until,
    });
  // So that all are due in the same instant, however slow the machine is.
  await silence(new Date(Date.now() + 3_600_000).toISOString());
  const many = Array.from({ length: 5 }, () => new Traffic());
  await Promise.all(many.map((traffic) => traffic.burst()));
  for (const traffic of many) await until(async () => (await events(traffic.name)).length === 1, 30_000, 'the alerts');
  await silence(null);
  const told = () => hook.received.flatMap(({ body }) => JSON.parse(body).events);
  await until(() => told().length === 5, 30_000, 'all agents');
  expect(new Set(told().map(({ agent }) => agent)).size).toBe(5);
  expect(hook.received.length).toBeLessThan(5);
});

test('old entries are told of in one summary', async () => {
  const id = await channel('WEBHOOK', hook.url);
  await rule('Old', [id]);
  const traffic = new Traffic(7_200);
  await traffic.burst();
  await traffic.calm();
  await until(async () => (await events(traffic.name)).length === 2, 30_000, 'the history');
  await ownerSql(server, 'UPDATE notification SET due_at = now() WHERE due_at IS NOT NULL');
  await until(() => hook.received.length === 1, 30_000, 'the summary');
  expect(JSON.parse(hook.received[0].body)).toMatchObject({ kind: 'SUMMARY', rule: 'Old', summarised: 2, events: [] });
});

test('a rule that is deleted while it fires tells its channels', async () => {
  const id = await channel('WEBHOOK', hook.url);
  const ruleId = await rule('Deleted', [id]);
  await new Traffic().burst();
  await until(() => hook.received.length === 1, 30_000, 'the alert');
  await done('mutation ($id: ID!) { deleteAlertRule(id: $id) }', { id: ruleId });
  await until(() => hook.received.length === 2, 30_000, 'the closing');
  expect(JSON.parse(hook.received[1].body).kind).toBe('CLOSED');
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

test('alerts are acknowledged, once', async () => {
  await rule('Acknowledged', []);
  const traffic = new Traffic();
  await traffic.burst();
  await until(async () => (await events(traffic.name)).length === 1, 30_000, 'the alert');
  const [{ id }] = await events(traffic.name);
  const ACKNOWLEDGE = 'mutation ($id: ID!) { acknowledgeAlert(eventId: $id) { acknowledgedAt } }';
  const first = (await done(ACKNOWLEDGE, { id })).acknowledgeAlert.acknowledgedAt;
  expect((await done(ACKNOWLEDGE, { id })).acknowledgeAlert.acknowledgedAt).toBe(first);
  expect((await events(traffic.name))[0].acknowledgedAt).toBe(first);
  const { auditLog } = await done('{ auditLog(first: 1) { nodes { action subject } } }');
  expect(auditLog.nodes).toEqual([{ action: 'ALERT_ACKNOWLEDGED', subject: 'Acknowledged' }]);
  const { errors } = await server.gql(ACKNOWLEDGE, { id: '00000000-0000-4000-8000-000000000000' });
  expect(errors?.[0].extensions.code).toBe('NOT_FOUND');
});

test('the entries that counted outlive their retention, and go when they are deleted on request', async () => {
  await rule('Evidence', []);
  const traffic = new Traffic();
  await traffic.burst();
  await until(async () => (await events(traffic.name)).length === 1, 30_000, 'the alert');
  // By then it may have recovered.
  const alert = async () => {
    const { alertEvents } = await done(
      '{ alertEvents(first: 100) { nodes { type agent { id name } evidence(first: 50) { id time path agent { name } } } } }',
    );
    return alertEvents.nodes.find(
      ({ type, agent }: { type: string; agent: { name: string } }) =>
        type === 'TRIGGERED' && agent.name === traffic.name,
    );
  };
  const before = await alert();
  expect(before.evidence.length).toBeGreaterThan(20);
  expect(before.evidence[0]).toMatchObject({ path: '/<secret>', agent: { name: traffic.name } });
  await until(
    async () => (await ownerSql(server, 'SELECT FROM alert_event WHERE evidence_pending')).length === 0,
    30_000,
    'the evidence',
  );
  await ownerSql(server, 'DELETE FROM log_chunk');
  expect(await alert()).toEqual(before);
  const minute = (ms: number) => new Date(Math.floor(ms / 60_000) * 60_000).toISOString();
  await done('mutation ($input: DeleteTrafficInput!) { deleteTraffic(input: $input) { windows } }', {
    input: {
      agentIds: [before.agent.id],
      timeframes: [{ from: minute(traffic.at), to: minute(traffic.at + 120_000) }],
      includeLogs: true,
    },
  });
  expect((await alert()).evidence).toEqual([]);
});

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
