// Goal: of a rule that flaps over an agent people are told once, and once how it settled, which is the truth; its events stay.
// Method: the real server and an HTTP receiver; a rule of one second fires and recovers with each second of traffic. That a
// quarter of an hour has passed is said by SQL.
import { expect, test } from '@jest/globals';
import { until } from '../support/server.js';
import { alertEvents } from '../support/sources.js';
import { ownerSql } from '../support/tenants.js';
import { type Case, IN_AN_HOUR, server, serveTold, told } from '../support/told.js';

serveTold();

/** Fires at `offset`, and at every second second, so many times, and recovers each time. */
async function flap({ source, at }: Case, offset: number, times: number): Promise<void> {
  const bursts = Array.from({ length: times }, (_, i) => ({ at: at + offset + 2 * i, hits: 2 }));
  await source.send(...bursts, { at: at + offset + 2 * times + 10, hits: 1 });
}

const recorded = (rule: string, count: number) =>
  until(async () => (await alertEvents(server, [rule])).length === count, 30_000, `${count} events`);

const settle = (rule: string) =>
  ownerSql(
    server,
    "UPDATE notification SET due_at = now() WHERE rule_id = $1 AND type = 'SETTLED' AND due_at > now()",
    [rule],
  );

const BEGINNING = ['TRIGGERED', 'RECOVERED', 'TRIGGERED', 'RECOVERED', 'TRIGGERED', 'FLAPPING'];
const update = (id: string, input: object) =>
  told.done('mutation ($id: ID!, $input: AlertRulePatch!) { updateAlertRule(id: $id, input: $input) { id } }', {
    id,
    input,
  });

test('six transitions, and it flaps: told once, and once that it has settled; its events are as ever', async () => {
  const one = await told.begin();
  await flap(one, 0, 4);
  await told.heard(6);
  await flap(one, 30, 3);
  await recorded(one.rule, 14);
  await told.silent(one.rule);
  expect(told.kinds()).toEqual(BEGINNING);
  const seen = await alertEvents(server, [one.rule]);
  expect(seen.map(({ type }) => type)).toEqual(Array.from({ length: 7 }, () => ['TRIGGERED', 'RECOVERED']).flat());
  const { alertEvents: marked } = await told.done(
    'query ($ids: [ID!]) { alertEvents(ruleIds: $ids, first: 50, newestFirst: false) { nodes { at flappingUntil notifications { id } } } }',
    { ids: [one.rule] },
  );
  for (const [i, { at, flappingUntil }] of marked.nodes.entries())
    expect(flappingUntil && Date.parse(flappingUntil)).toBe(i < 5 ? null : Date.parse(at) + 900_000);
  expect(told.bodies()[5].text).toMatch(/flaps: 6 alerts and recoveries within 15 minutes/);

  await settle(one.rule);
  await told.heard(7);
  expect(told.bodies()[6]).toMatchObject({ kind: 'SETTLED', events: [{ type: 'RECOVERED', id: seen.at(-1)!.id }] });
  expect(told.bodies()[6].text).toContain('has settled, calm');
}, 120_000);

test('what settles in an alert is told to fire, and its recovery later', async () => {
  const one = await told.begin();
  await flap(one, 0, 3);
  await told.heard(6);
  await told.fire(one, 30);
  await recorded(one.rule, 7);
  // A quarter of an hour without a transition.
  await ownerSql(server, 'UPDATE alert_state SET flapping = NULL WHERE rule_id = $1', [one.rule]);
  await ownerSql(server, 'UPDATE agent SET alert_revision = alert_revision + 1');
  await one.source.send({ at: one.at + 60, hits: 1 });
  await told.heard(8);
  expect(told.kinds().slice(6)).toEqual(['SETTLED', 'RECOVERED']);
  const [settled, recovered] = told.bodies().slice(6);
  expect(settled.text).toContain('has settled, and fires');
  expect(settled.events[0].type).toBe('TRIGGERED');
  expect(recovered.events[0].since).toBe(settled.events[0].at);
}, 120_000);

test('it flaps again after it was told to have settled', async () => {
  const one = await told.begin();
  await flap(one, 0, 3);
  await told.heard(6);
  await settle(one.rule);
  await told.heard(7);
  await flap(one, 30, 1);
  await told.heard(8);
  await settle(one.rule);
  await told.heard(9);
  expect(told.kinds().slice(6)).toEqual(['SETTLED', 'FLAPPING', 'SETTLED']);
}, 120_000);

test('a rule that is changed while it flaps has settled, and is closed where it fires', async () => {
  const [calm, firing] = [await told.begin(), await told.begin()];
  await flap(calm, 0, 3);
  await flap(firing, 0, 3);
  await told.heard(12);
  await told.fire(firing, 30);
  await recorded(firing.rule, 7);
  await update(calm.rule, { threshold: 5 });
  await update(firing.rule, { threshold: 5 });
  await told.heard(15);
  const of = (rule: string) =>
    told
      .bodies()
      .filter((body) => body.rule === rule)
      .slice(6);
  expect(of(calm.name).map(({ kind }) => kind)).toEqual(['SETTLED']);
  expect(of(firing.name).map(({ kind }) => kind)).toEqual(['SETTLED', 'CLOSED']);
}, 120_000);

test('without flapDetection each is told', async () => {
  const one = await told.begin({ flapDetection: false });
  await flap(one, 0, 4);
  await told.heard(8);
  await told.silent(one.rule);
  expect(told.kinds()).toEqual(Array.from({ length: 4 }, () => ['TRIGGERED', 'RECOVERED']).flat());
  const { alertEvents: marked } = await told.done(
    'query ($ids: [ID!]) { alertEvents(ruleIds: $ids) { nodes { flappingUntil } } }',
    {
      ids: [one.rule],
    },
  );
  expect(marked.nodes.every(({ flappingUntil }: { flappingUntil: null }) => flappingUntil === null)).toBe(true);
}, 120_000);

test('silence holds it back; what still is so when it ends is told', async () => {
  const [flapping, settledCalm, settledFiring] = [await told.begin(), await told.begin(), await told.begin()];
  for (const { rule } of [flapping, settledCalm, settledFiring]) await told.silence(rule, IN_AN_HOUR());
  for (const one of [flapping, settledCalm, settledFiring]) {
    await flap(one, 0, 3);
    await recorded(one.rule, 6);
  }
  await told.fire(settledFiring, 30);
  await recorded(settledFiring.rule, 7);
  for (const { rule } of [settledCalm, settledFiring]) {
    await settle(rule);
    await until(async () => {
      const rows = await ownerSql(server, "SELECT status FROM notification WHERE rule_id = $1 AND type = 'SETTLED'", [
        rule,
      ]);
      return rows[0].status === 'SILENCED';
    });
  }
  expect(told.kinds()).toEqual([]);
  for (const { rule } of [flapping, settledCalm, settledFiring]) await told.silence(rule, null);
  await told.heard(2);
  for (const { rule } of [flapping, settledCalm, settledFiring]) await told.silent(rule);
  const byRule = Object.fromEntries(told.bodies().map(({ rule, kind, text }) => [rule, `${kind} ${text}`]));
  expect(Object.keys(byRule)).toHaveLength(2);
  expect(byRule[flapping.name]).toMatch(/^FLAPPING/);
  expect(byRule[settledFiring.name]).toMatch(/^SETTLED .*and fires/);
}, 120_000);

test('a silence that begins while it flaps holds back that it has settled, and does not lose it', async () => {
  const one = await told.begin();
  await flap(one, 0, 3);
  await told.heard(6);
  await told.silence(one.rule, IN_AN_HOUR());
  await settle(one.rule);
  await until(async () => {
    const rows = await ownerSql(server, "SELECT status FROM notification WHERE rule_id = $1 AND type = 'SETTLED'", [
      one.rule,
    ]);
    return rows[0].status === 'SILENCED';
  });
  expect(told.kinds()).toEqual(BEGINNING);
  await told.silence(one.rule, null);
  await told.heard(7);
  expect(told.kinds()).toEqual([...BEGINNING, 'SETTLED']);
}, 120_000);

test('of old entries that are taken in nobody is told that they flapped', async () => {
  const one = await told.begin({ secondsAgo: 7_200 });
  await flap(one, 0, 5);
  await recorded(one.rule, 10);
  const rows = await ownerSql(server, 'SELECT DISTINCT type FROM notification WHERE rule_id = $1', [one.rule]);
  expect(rows).toEqual([{ type: 'SUMMARY' }]);
}, 120_000);
