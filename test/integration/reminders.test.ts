// Goal: who was told of an alert is reminded of it once an interval while it fires and nobody has seen to it; never after it.
// Method: the real server and an HTTP receiver; that an interval has passed is said by SQL.
import { expect, test } from '@jest/globals';
import { writeReminders } from '../../server/notify/reminders.js';
import { Database } from '../../server/store/database.js';
import { databaseUrl } from '../support/database.js';
import { until } from '../support/server.js';
import { alertEvents } from '../support/sources.js';
import { ownerSql } from '../support/tenants.js';
import { type Case, type CaseInput, IN_AN_HOUR, server, serveTold, told } from '../support/told.js';

serveTold();

/** As if what was sent of a rule had been so much earlier. */
const pass = (rule: string, seconds: number) =>
  ownerSql(server, 'UPDATE notification SET sent_at = sent_at - make_interval(secs => $2) WHERE rule_id = $1', [
    rule,
    seconds,
  ]);

/** A rule that fires, of which its channel was told. */
async function fires(input: CaseInput = { remindEvery: 'PT1M' }): Promise<Case> {
  const one = await told.begin(input);
  await told.fire(one, 0);
  await until(
    async () => {
      const [row] = await ownerSql(server, 'SELECT status FROM notification WHERE rule_id = $1', [one.rule]);
      return row?.status === 'SENT';
    },
    30_000,
    'the alert to be told',
  );
  return one;
}

/** Some looks of the courier have passed, and everything is sent. */
async function quiet(): Promise<void> {
  await ownerSql(server, 'SELECT pg_sleep(3)');
  await until(
    async () => (await ownerSql(server, 'SELECT FROM notification WHERE due_at IS NOT NULL')).length === 0,
    30_000,
  );
}

const reminders = (rule: string) =>
  ownerSql(server, "SELECT reminder, status FROM notification WHERE rule_id = $1 AND type = 'REMINDER' ORDER BY 1", [
    rule,
  ]);

test('once an interval, with what it is now and since when; then its end, and no more', async () => {
  const one = await fires();
  await pass(one.rule, 30);
  await quiet();
  expect(told.kinds()).toEqual(['TRIGGERED']);
  await pass(one.rule, 30);
  await told.heard(2);
  await quiet();
  await server.restart();
  await pass(one.rule, 60);
  await told.heard(3);
  await quiet();
  expect(told.kinds()).toEqual(['TRIGGERED', 'REMINDER', 'REMINDER']);
  const [alert, first, second] = told.bodies();
  expect(first.id).not.toBe(second.id);
  expect(first.events).toMatchObject([{ id: alert.events[0].id, type: 'TRIGGERED', since: alert.events[0].at }]);
  // The last second that was decided, five before the newest.
  expect(first.events[0].value).toBeGreaterThan(alert.events[0].value);
  expect(first.text).toBe(
    `[WARNING] web-1: rule 1 still fires - hits = ${first.events[0].value.toFixed(2)}, since ${alert.events[0].at}`,
  );
  const { alertEvents: seen } = await told.done(
    'query ($ids: [ID!]) { alertEvents(ruleIds: $ids) { nodes { notifications { kind status } } } }',
    { ids: [one.rule] },
  );
  const sent = (kind: string) => ({ kind, status: 'SENT' });
  expect(seen.nodes).toEqual([{ notifications: ['TRIGGERED', 'REMINDER', 'REMINDER'].map(sent) }]);

  await one.source.send({ at: one.at + 60, hits: 1 });
  await told.heard(4);
  await pass(one.rule, 3_600);
  await quiet();
  expect(told.kinds()).toEqual(['TRIGGERED', 'REMINDER', 'REMINDER', 'RECOVERED']);
}, 120_000);

test('many servers that look at once write one', async () => {
  const one = await fires();
  const databases = await Promise.all(Array.from({ length: 4 }, () => Database.open(databaseUrl(server.dataFolder))));
  try {
    for (let interval = 1; interval <= 3; interval++) {
      await pass(one.rule, 3_600);
      const looks = [...databases, ...databases].map((db) => db.aboveTenants(({ sql }) => writeReminders(sql)));
      await Promise.all(looks);
      await quiet();
      expect(await reminders(one.rule)).toHaveLength(interval);
    }
  } finally {
    await Promise.all(databases.map((db) => db.close()));
  }
  expect(told.kinds()).toEqual(['TRIGGERED', 'REMINDER', 'REMINDER', 'REMINDER']);
}, 120_000);

test('none of what somebody has acknowledged, and none once its rule asks for none', async () => {
  const [seen, unasked] = [await fires(), await fires()];
  const [{ id }] = await alertEvents(server, [seen.rule]);
  await told.done('mutation ($id: ID!) { acknowledgeAlert(eventId: $id) { id } }', { id });
  await told.done('mutation ($id: ID!) { updateAlertRule(id: $id, input: { remindEvery: null }) { id } }', {
    id: unasked.rule,
  });
  for (const { rule } of [seen, unasked]) await pass(rule, 3_600);
  await quiet();
  expect(told.kinds()).toEqual(['TRIGGERED', 'TRIGGERED']);
  // How it is told is no change of what it watches.
  const { activeAlerts } = await told.done('{ activeAlerts { ruleName } }');
  expect(activeAlerts).toContainEqual({ ruleName: unasked.name });
}, 120_000);

test('none while it is silenced; after that the next', async () => {
  const one = await fires();
  await told.silence(one.rule, IN_AN_HOUR());
  await pass(one.rule, 3_600);
  await quiet();
  expect(told.kinds()).toEqual(['TRIGGERED']);
  await told.silence(one.rule, null);
  await told.heard(2);
  await quiet();
  expect(told.kinds()).toEqual(['TRIGGERED', 'REMINDER']);
}, 120_000);

test('one that cannot be sent is given up once the alert has ended, whose end is told', async () => {
  const one = await fires();
  told.hook.answer = (response) => {
    response.statusCode = 503;
    response.end();
  };
  await pass(one.rule, 60);
  await told.heard(2);
  await until(async () => {
    const [row] = await ownerSql(
      server,
      "SELECT last_error AS why FROM notification WHERE rule_id = $1 AND type = 'REMINDER'",
      [one.rule],
    );
    return row.why !== null;
  });
  await ownerSql(server, "UPDATE notification SET due_at = now() + interval '20 min' WHERE due_at IS NOT NULL");
  const before = told.kinds().length;
  told.hook.answer = (response) => response.end();
  await one.source.send({ at: one.at + 60, hits: 1 });
  await until(() => told.kinds().includes('RECOVERED'), 30_000, 'the recovery');
  await quiet();
  // What was under way may come once more before it.
  expect(
    told
      .kinds()
      .slice(before)
      .filter((kind) => kind !== 'REMINDER'),
  ).toEqual(['RECOVERED']);
  expect(told.kinds().at(-1)).toBe('RECOVERED');
}, 120_000);

test('of an agent without data too, and of old entries that are taken in none', async () => {
  const dead = await told.begin({ noDataAfter: 'PT1M', remindEvery: 'PT1M' });
  await ownerSql(server, 'UPDATE alert_rule SET no_data_after = 1 WHERE id = $1', [dead.rule]);
  await told.heard(1);
  await until(async () => (await reminders(dead.rule)).length === 0);
  await quiet();
  await pass(dead.rule, 60);
  await told.heard(2);
  expect(told.kinds()).toEqual(['NO_DATA', 'REMINDER']);
  // The API takes no less than a minute.
  await ownerSql(server, 'UPDATE alert_rule SET no_data_after = 60 WHERE id = $1', [dead.rule]);
  expect(told.bodies()[1].text).toMatch(/: rule \d+ still fires - no data for \d+ s, since /);

  const old = await told.begin({ secondsAgo: 7_200, remindEvery: 'PT1M' });
  await told.fire(old, 0);
  await until(async () => (await alertEvents(server, [old.rule])).length === 1, 30_000);
  await ownerSql(server, 'UPDATE notification SET due_at = now() WHERE due_at IS NOT NULL');
  await told.heard(3);
  await quiet();
  await pass(old.rule, 3_600);
  await quiet();
  expect(await reminders(old.rule)).toEqual([]);
}, 120_000);

test('less than a minute is refused', async () => {
  const { errors } = await server.gql(
    'mutation { createAlertRule(input: { name: "r", threshold: 1, remindEvery: "PT59S" }) { id } }',
  );
  expect(errors?.[0].message).toBe('remindEvery must be a minute or more (PT1M).');
});
