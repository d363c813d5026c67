// Goal: alerts are acknowledged once, and what counted towards them is kept as long as they are.
// Method: a real server; alerts by real traffic, whose raw entries are taken away.
import { expect, test } from '@jest/globals';
import { done, events, rule, serveNotified, server, Traffic } from '../support/notified.js';
import { until } from '../support/server.js';
import { ownerSql } from '../support/tenants.js';

serveNotified();

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

test('of the many alerts of an old file the evidence of each is kept, some at a time', async () => {
  await rule('Many', []);
  const ALERTS = 40;
  const EVERY_MS = 60_000;
  const traffic = new Traffic((ALERTS * EVERY_MS) / 1_000 + 60);
  const bursts = Array.from({ length: ALERTS }, (_, k) => k * EVERY_MS);
  await traffic.send([...bursts.flatMap((at) => Array.from({ length: 40 }, (_, i) => at + i * 10)), ALERTS * EVERY_MS]);
  const OF_AGENT = `FROM alert_event e WHERE type = 'TRIGGERED' AND agent_name = $1`;
  const count = async (where: string) => {
    const [{ count }] = await ownerSql(server, `SELECT count(*)::int AS count ${OF_AGENT} ${where}`, [traffic.name]);
    return Number(count);
  };
  await until(async () => (await count('')) === ALERTS, 30_000, 'the alerts');
  await until(async () => (await count('AND evidence_pending')) === 0, 90_000, 'the evidence');
  await ownerSql(server, 'DELETE FROM log_chunk');
  expect(await count('AND EXISTS (SELECT FROM alert_evidence k WHERE k.event_id = e.id)')).toBe(ALERTS);
});
