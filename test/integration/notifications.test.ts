// Goal: people are told of alerts on their channels, once, in order, whatever fails; and not while a rule is silenced.
// Method: a real server, a real SMTP server, HTTP receivers that fail, redirect, hang; events by real traffic.
import { createHmac } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { channel, done, events, hook, mail, rule, serveNotified, server, Traffic } from '../support/notified.js';
import { until } from '../support/server.js';
import { ownerSql } from '../support/tenants.js';

serveNotified();

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
