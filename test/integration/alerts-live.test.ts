// Goal: what fires recovers once the source says that it is quiet, or that it has ended, never because it died; a rule
// that is changed while it fires closes and fires again; and each event comes once, however the server is restarted.
// Method: the real server on its own PostgreSQL; agents that send traffic of now and heartbeats as a real one does. The
// scenarios wait on the wall clock, so that they run side by side.

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestServer, type TestServer, until } from '../support/server.js';
import {
  alertEvents,
  createRule,
  endAgent,
  nowSecond,
  numberOf,
  openSource,
  type SeenEvent,
  type Source,
  sendDirect,
} from '../support/sources.js';

const UPDATE = 'mutation ($id: ID!, $input: AlertRulePatch!) { updateAlertRule(id: $id, input: $input) { id } }';
const DELETE = 'mutation ($id: ID!) { deleteAlertRule(id: $id) }';
/** Alerts are decided 5 s behind, and heartbeats come every second here: with this a scenario has time to spare. */
const WITHIN_MS = 45_000;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, 60_000);
afterAll(() => server.close());

const of = async (rule: string, agent: string) =>
  (await alertEvents(server, [rule])).filter(({ agentName }) => agentName === agent);
const types = (events: SeenEvent[]) => events.map(({ type }) => type);
const second = ({ at }: SeenEvent) => Date.parse(at) / 1_000;

/** Calls `act` every so often until the condition holds. */
async function keepOn(act: () => Promise<void>, everyMs: number, condition: () => Promise<boolean>, what: string) {
  let lastMs = Number.NEGATIVE_INFINITY;
  await until(
    async () => {
      if (performance.now() - lastMs >= everyMs) {
        lastMs = performance.now();
        await act();
      }
      return condition();
    },
    WITHIN_MS,
    what,
  );
}

async function activeOf(agent: string): Promise<string[]> {
  const { data } = await server.gql('{ activeAlerts { type agentName ruleName } }');
  const active: { agentName: string; ruleName: string; type: string }[] = data.activeAlerts;
  return active
    .filter((alert) => alert.agentName === agent && alert.type === 'TRIGGERED')
    .map((alert) => alert.ruleName);
}

/** A source that fires a rule over ten seconds, with traffic that ended just now. */
async function firing(
  agent: string,
  rule: string,
  quiet: (source: Source) => Promise<void>,
): Promise<[Source, number]> {
  const source = await openSource(server, agent);
  const at = nowSecond();
  await source.send({ at, hits: 30 });
  await keepOn(
    () => quiet(source),
    1_000,
    async () => (await of(rule, agent)).length === 1,
    `${agent} to fire`,
  );
  return [source, at];
}

describe('recovery', () => {
  let rule: string;
  beforeAll(async () => {
    rule = await createRule(server, { name: 'recovery', threshold: 2 });
  });

  test('by caught-up heartbeats and by a second stream; not for an agent that fell silent, nor one that is behind', async () => {
    const idle = async () => {
      const [source, at] = await firing('idle', rule, (opened) => opened.beat());
      expect(await activeOf('idle')).toEqual(['recovery']);
      await keepOn(
        () => source.beat(),
        1_000,
        async () => (await of(rule, 'idle')).length === 2,
        'idle to recover',
      );
      const events = await of(rule, 'idle');
      expect(types(events)).toEqual(['TRIGGERED', 'RECOVERED']);
      expect(events.map(second)).toEqual([at, at + 10]);
      expect(await activeOf('idle')).toEqual([]);
    };
    /** Fires by traffic alone, and is never heard of again. */
    const died = async () => {
      const source = await openSource(server, 'died');
      const at = nowSecond();
      await source.beat();
      await source.send({ at: at - 20, hits: 30 }, { at: at - 14, hits: 1 });
      await until(async () => (await of(rule, 'died')).length === 1, WITHIN_MS, 'the one that dies to fire');
    };
    /** Goes on beating, but says that it has lines that it could not send. */
    const behind = async (recovered: () => boolean) => {
      const source = await openSource(server, 'behind');
      const at = nowSecond();
      await source.send({ at: at - 20, hits: 30 }, { at: at - 14, hits: 1 });
      const beat = () => source.beat({ backlogBytes: 10 });
      await keepOn(beat, 1_000, async () => recovered(), 'the others to recover');
    };
    /** One stream is quiet, the other goes on: the clock is that of the one that is not idle. */
    const rotated = async () => {
      const [old, at] = await firing('rotated', rule, (opened) => opened.beat());
      await old.beat({ closed: true });
      const fresh = await openSource(server, 'rotated', 'access.log, new');
      const recovered = async () => (await of(rule, 'rotated')).length === 2;
      await keepOn(() => fresh.beat(), 1_000, recovered, 'the rotated one to recover');
      expect((await of(rule, 'rotated')).map(second)).toEqual([at, at + 10]);
    };
    let done = false;
    const both = Promise.all([idle(), died(), rotated()]).finally(() => {
      done = true;
    });
    await Promise.all([both, behind(() => done)]);
    // The others had all the time that they needed: these two still fire.
    expect(types(await of(rule, 'died'))).toEqual(['TRIGGERED']);
    expect(types(await of(rule, 'behind'))).toEqual(['TRIGGERED']);
    expect(await activeOf('died')).toEqual(['recovery']);
  }, 120_000);

  test('by heartbeats of a new stream, whose lines were still to come when the old one was closed', async () => {
    const at = nowSecond();
    const old = await openSource(server, 'rotated at once');
    const fresh = await openSource(server, 'rotated at once', 'access.log, new');
    await old.send({ at, hits: 30 });
    await old.beat({ closed: true });
    await fresh.beat({ backlogBytes: 10 });
    // Nothing gives the agent a time until the new stream is caught up, and that is looked at 250 ms after a batch.
    const since = performance.now();
    await until(() => performance.now() - since > 1_000, 2_000, 'an evaluation');
    const recovered = async () => (await of(rule, 'rotated at once')).length === 2;
    await keepOn(() => fresh.beat(), 1_000, recovered, 'it to fire and to recover');
    expect((await of(rule, 'rotated at once')).map(second)).toEqual([at, at + 10]);
  }, 60_000);

  test('by the end of the sources, at once, though its seconds lie ahead', async () => {
    const source = await openSource(server, 'ending');
    const at = nowSecond();
    await source.send({ at, hits: 30 });
    await source.beat({ ending: true });
    await until(async () => (await of(rule, 'ending')).length === 2, 5_000, 'the ended one to recover');
    expect((await of(rule, 'ending')).map(second)).toEqual([at, at + 10]);
  });
});

describe('a rule that is changed while it fires', () => {
  /** Traffic that goes on, twenty hits a second, so that what fires goes on firing. */
  async function going(agent: string, rule: string): Promise<{ more: () => Promise<void> }> {
    const source = await openSource(server, agent);
    let sent = nowSecond() - 30;
    const more = async () => {
      const bursts = [];
      for (; sent <= nowSecond(); sent++) bursts.push({ at: sent, hits: 20 });
      if (bursts.length > 0) await source.send(...bursts);
    };
    await keepOn(more, 500, async () => (await of(rule, agent)).length > 0, `${agent} to fire`);
    return { more };
  }

  test('closes at its last decided second with its value, and fires again at the next; deleted, it is over', async () => {
    const rule = await createRule(server, { name: 'changing', threshold: 2 });
    const { more } = await going('going', rule);
    await server.gql(UPDATE, { id: rule, input: { threshold: 3 } });
    await keepOn(more, 500, async () => (await of(rule, 'going')).length >= 3, 'it to fire again');
    const [first, closed, again] = await of(rule, 'going');
    expect(types([first, closed, again])).toEqual(['TRIGGERED', 'CLOSED', 'TRIGGERED']);
    expect(closed).toMatchObject({ value: 20, threshold: 2, startedBy: { id: first.id } });
    expect(closed.message).toMatch(/^changing closed - hits = 20\.00, closed at /);
    expect(again).toMatchObject({ value: 20, threshold: 3, startedBy: null });
    expect(second(again)).toBeGreaterThan(second(closed));
    // At most what came between the last evaluation and the change.
    expect(second(again) - second(closed)).toBeLessThanOrEqual(3);

    for (const input of [
      { name: 'changed' },
      { severity: 'CRITICAL' },
      { name: 'changed', severity: 'CRITICAL' },
      {},
    ]) {
      expect((await server.gql(UPDATE, { id: rule, input })).errors).toBeUndefined();
    }
    expect((await server.gql(UPDATE, { id: rule, input: { threshold: 3, enabled: true } })).errors).toBeUndefined();
    await more();
    expect(await of(rule, 'going')).toHaveLength(3);
    expect(await activeOf('going')).toContain('changing');

    await server.gql(UPDATE, { id: rule, input: { enabled: false } });
    expect(types(await of(rule, 'going')).slice(3)).toEqual(['CLOSED']);
    expect(await activeOf('going')).not.toContain('changing');
    await server.gql(UPDATE, { id: rule, input: { enabled: true } });
    await keepOn(more, 500, async () => (await of(rule, 'going')).length === 5, 'it to fire once more');

    await server.gql(DELETE, { id: rule });
    const all = (await alertEvents(server)).filter(
      ({ agentName, ruleName }) => agentName === 'going' && /^chang/.test(ruleName),
    );
    expect(types(all).slice(3)).toEqual(['CLOSED', 'TRIGGERED', 'CLOSED']);
    expect(all[5]).toMatchObject({
      rule: null,
      ruleName: 'changed',
      severity: 'CRITICAL',
      startedBy: { id: all[4].id },
    });
    await more();
    expect(await activeOf('going')).not.toContain('changed');
  }, 90_000);
});

describe('restarts', () => {
  test('right after ingest: each event comes once, and none is missing', async () => {
    const rule = await createRule(server, { name: 'restarted', threshold: 1 });
    const noon = Date.parse('2024-05-01T12:00:00Z') / 1_000;
    const agents = ['r0', 'r1', 'r2'];
    for (let round = 0; round < 3; round++) {
      for (const agent of agents) {
        const from = noon + round * 1_000;
        await sendDirect(server, agent, { at: from, hits: 11 }, { at: from + 100, hits: 11 });
        if (round > 0) await endAgent(server, agent);
      }
      // Stopped before, while or after the evaluator looks: 250 ms later it would.
      await server.restart();
    }
    await until(async () => (await alertEvents(server, [rule])).length >= 36, 20_000, 'all events');
    const all = await alertEvents(server);
    expect(all.map(numberOf)).toEqual(all.map((_, i) => i + 1));
    const expected = [0, 1, 2].flatMap((round) =>
      [0, 10, 100, 110].map((after, i) => [i % 2 === 0 ? 'TRIGGERED' : 'RECOVERED', noon + round * 1_000 + after]),
    );
    for (const agent of agents) {
      expect((await of(rule, agent)).map((event) => [event.type, second(event)])).toEqual(expected);
    }
  }, 60_000);

  test('while it fires: it goes on firing, and recovers by heartbeats to the new server', async () => {
    const rule = await createRule(server, { name: 'survives', threshold: 2 });
    const [source, at] = await firing('survivor', rule, (opened) => opened.beat());
    await server.restart();
    expect(await activeOf('survivor')).toContain('survives');
    const recovered = async () => (await of(rule, 'survivor')).length >= 2;
    await keepOn(() => source.beat(), 1_000, recovered, 'it to recover');
    expect((await of(rule, 'survivor')).map((event) => [event.type, second(event)])).toEqual([
      ['TRIGGERED', at],
      ['RECOVERED', at + 10],
    ]);
  }, 90_000);
});
