// Goal: a rule with noDataAfter tells once that an agent sends no data, by wall time, and once that it is heard of again.
// Method: the real server; receipts of batches are made older by SQL; what never was heard of, or ended, stays calm.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { agentId, alertEvents, createRule, endAgent, nowSecond, openSource, sendDirect } from '../support/sources.js';
import { ownerSql } from '../support/tenants.js';

const NOON = Date.parse('2024-05-01T12:00:00Z') / 1_000;
const UPDATE =
  'mutation ($id: ID!, $input: AlertRulePatch!) { updateAlertRule(id: $id, input: $input) { noDataAfter } }';
const CREATE = 'mutation ($input: AlertRuleInput!) { createAlertRule(input: $input) { noDataAfter minHits } }';
const ACTIVE = '{ activeAlerts { id type } }';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, 60_000);
afterAll(() => server.close());

/** As if a batch had come so much earlier. */
async function pass(agent: string, seconds: number): Promise<void> {
  await ownerSql(server, 'UPDATE agent SET last_batch_at = last_batch_at - make_interval(secs => $2) WHERE name = $1', [
    agent,
    seconds,
  ]);
}

/** Less than the API takes: the server must itself have watched for so long. */
async function shorten(rule: string, seconds: number): Promise<void> {
  await ownerSql(server, 'UPDATE alert_rule SET no_data_after = $2 WHERE id = $1', [rule, seconds]);
}

const wait = (seconds: number) => ownerSql(server, 'SELECT pg_sleep($1)', [seconds]);

async function told(rule: string, count: number) {
  await until(async () => (await alertEvents(server, [rule])).length >= count, 20_000, `${count} events`);
  return alertEvents(server, [rule]);
}

test('an agent that sends nothing for too long is told once, and once that it is heard of again, over a restart', async () => {
  const source = await openSource(server, 'dies');
  await source.send({ at: NOON, hits: 1 });
  const rule = await createRule(server, {
    name: 'alive',
    threshold: 1e9,
    noDataAfter: 'PT1M',
    agentIds: [await source.id()],
  });
  await pass('dies', 3_600);
  // The server itself has watched for less than a minute.
  await wait(2);
  expect(await alertEvents(server, [rule])).toEqual([]);
  await shorten(rule, 2);
  const [missed] = await told(rule, 1);
  expect(missed).toMatchObject({ type: 'NO_DATA', agentName: 'dies', threshold: 2, startedBy: null });
  expect(missed.message).toMatch(/^alive generated an alert - no data for \d+ s, triggered at /);
  expect((await server.gql(ACTIVE)).data.activeAlerts).toEqual([{ id: missed.id, type: 'NO_DATA' }]);

  await server.restart();
  await wait(3);
  expect(await alertEvents(server, [rule])).toHaveLength(1);
  const before = nowSecond();
  await source.send({ at: NOON + 1, hits: 1 });
  const [, again] = await told(rule, 2);
  expect(again).toMatchObject({ type: 'RECOVERED', startedBy: { id: missed.id }, threshold: 2 });
  expect(again.value).toBeGreaterThanOrEqual(3_600);
  expect(Date.parse(again.at) / 1_000).toBeGreaterThanOrEqual(before - 1);
  expect((await server.gql(ACTIVE)).data.activeAlerts).toEqual([]);
}, 120_000);

test('an agent that ended, or never sent anything, is not missed; one that is deleted or changed is closed', async () => {
  await sendDirect(server, 'ended', { at: NOON, hits: 1 });
  await endAgent(server, 'ended');
  await openSource(server, 'never');
  await sendDirect(server, 'deleted', { at: NOON, hits: 1 });
  const named = ['ended', 'never', 'deleted'];
  const agentIds = await Promise.all(named.map((name) => agentId(server, name)));
  const rule = await createRule(server, { name: 'r', threshold: 1e9, noDataAfter: 'PT1M', agentIds });
  await shorten(rule, 2);
  for (const name of named) await pass(name, 3_600);
  const [missed] = await told(rule, 1);
  expect(missed).toMatchObject({ type: 'NO_DATA', agentName: 'deleted' });
  const { errors } = await server.gql(UPDATE, { id: rule, input: { noDataAfter: 'PT2H' } });
  expect(errors).toBeUndefined();
  const [, closed, ...more] = await told(rule, 2);
  expect(more).toEqual([]);
  expect(closed).toMatchObject({ type: 'CLOSED', startedBy: { id: missed.id } });
  expect(closed.message).toMatch(/^r closed - no data for 3[67]\d\d s, closed at /);
  await server.gql(UPDATE, { id: rule, input: { noDataAfter: 'PT30M' } });
  await shorten(rule, 2);
  const [, , , ...rest] = await told(rule, 3);
  expect(rest).toEqual([]);
  await server.gql('mutation ($id: ID!) { deleteAgent(id: $id) }', { id: agentIds[2] });
  const events = await told(rule, 4);
  expect(events.map(({ type }) => type)).toEqual(['NO_DATA', 'CLOSED', 'NO_DATA', 'CLOSED']);
}, 120_000);

test('less than a minute is refused; null lifts it', async () => {
  const input = { name: 'short', threshold: 1, noDataAfter: 'PT59S' };
  expect((await server.gql(CREATE, { input })).errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
  const id = await createRule(server, { name: 'lifted', threshold: 1e9, noDataAfter: 'P1D' });
  const { data } = await server.gql(UPDATE, { id, input: { noDataAfter: null } });
  expect(data.updateAlertRule).toEqual({ noDataAfter: null });
});
