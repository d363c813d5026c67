// Goal: a plan is held where work is taken in: nothing is lost by it, nobody else pays for it, and a change of it takes
// effect by itself.
// Method: a real server with several tenants; the plan is changed in the database, as another server would; real agents.

import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../agent/clock.js';
import { runAgent } from '../../agent/index.js';
import { BURST_SECONDS } from '../../server/core/plans/entry-bucket.js';
import { relayOutStale } from '../../server/retention/index.js';
import { Database } from '../../server/store/database.js';
import { fastClock, logLines, temporaryFolder } from '../support/agent-harness.js';
import { databaseUrl } from '../support/database.js';
import { codeOf, ingest, line, sendIngest, stateOf } from '../support/ingest.js';
import { setPlan } from '../support/plans.js';
import { type Answer, startTestServer, type TestServer, until } from '../support/server.js';
import { makeTenant, makeToken, ownerSql } from '../support/tenants.js';

const BATCH = 8_192;

let server: TestServer;
let tenantId: string;
/** An ADMIN's. */
let token: string;
const folder = temporaryFolder();

beforeAll(async () => {
  server = await startTestServer();
}, 60_000);
afterAll(async () => {
  folder.remove();
  await server.close();
});
beforeEach(async () => {
  tenantId = await makeTenant(server, `tenant ${Math.random()}`);
  token = await makeToken(server, { tenantId, role: 'ADMIN' });
});

const ask = (query: string, variables?: object): Promise<Answer> => server.gql(query, variables, token);
const CONNECT = 'mutation ($name: String!) { connectAgent(input: { name: $name }) { agent { id } } }';
const OPEN = 'mutation ($name: String!) { openStream(input: { agent: $name, name: "access.log" }) { position } }';
const INGEST = 'mutation ($name: String!) { ingestLogs(input: { agent: $name, skipped: 1 }) { outcome agent { id } } }';
const names = async (): Promise<string[]> =>
  (await ask('{ agents { nodes { name } } }')).data.agents.nodes.map(({ name }: { name: string }) => name);

function startAgent(name: string, file: string, clock = systemClock) {
  const said: string[] = [];
  const done = runAgent({
    files: [file],
    name,
    urls: [server.url],
    token,
    version: '1',
    format: 'auto',
    fromStart: true,
    once: true,
    ratePerSecond: null,
    stop: new AbortController().signal,
    say: (text) => said.push(text),
    stdin: process.stdin,
    clock,
  });
  return { said, done };
}

describe('agents', () => {
  test('no more than the plan has room for are registered, however many come at once, and by whatever', async () => {
    await setPlan(server, tenantId, { agents_max: 3 });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => ask([CONNECT, OPEN, INGEST][i % 3], { name: `agent-${i}` })),
    );
    const refused = answers.filter(({ errors }) => errors !== undefined);
    expect(refused).toHaveLength(9);
    for (const { errors } of refused) {
      expect(errors![0].message).toContain('room for 3 agents');
      expect(errors![0].extensions).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryAfterMs: expect.any(Number) });
    }
    expect(await names()).toHaveLength(3);
    // Those that have a place go on.
    for (const name of await names()) expect((await ask(INGEST, { name })).errors).toBeUndefined();
  });

  test('a deleted one leaves its place to another, and must wait where it comes again', async () => {
    await setPlan(server, tenantId, { agents_max: 1 });
    const { data } = await ask(INGEST, { name: 'first' });
    await ask('mutation ($id: ID!) { deleteAgent(id: $id) }', { id: data.ingestLogs.agent.id });
    expect((await ask(CONNECT, { name: 'second' })).errors).toBeUndefined();
    for (const again of [CONNECT, INGEST])
      expect(codeOf(await ask(again, { name: 'first' }))).toBe('RESOURCE_EXHAUSTED');
    expect(await names()).toEqual(['second']);
    await setPlan(server, tenantId, { agents_max: 2 });
    expect((await ask(INGEST, { name: 'first' })).errors).toBeUndefined();
    expect(await names()).toEqual(['first', 'second']);
  });

  test('a lowered plan takes nothing from those that are there', async () => {
    for (const name of ['first', 'second']) await ask(CONNECT, { name });
    await setPlan(server, tenantId, { agents_max: 1 });
    for (const name of ['first', 'second']) expect((await ask(INGEST, { name })).errors).toBeUndefined();
    expect(codeOf(await ask(CONNECT, { name: 'third' }))).toBe('RESOURCE_EXHAUSTED');
  });

  test('an agent without a place waits, says so in one line, and ships all once there is one', async () => {
    await setPlan(server, tenantId, { agents_max: 0 });
    const file = folder.path('waiting.log');
    writeFileSync(file, logLines(0, 50));
    const agent = startAgent('waiting', file, fastClock);
    await until(() => agent.said.some((text) => text.includes('room for 0 agents')));
    await setPlan(server, tenantId, { agents_max: 1 });
    expect(await agent.done).toBe(0);
    expect(agent.said.filter((text) => text.includes('room for'))).toHaveLength(1);
    expect(await acceptedOf('waiting')).toBe(50);
  });
});

async function acceptedOf(name: string): Promise<number> {
  const { data } = await ask('query ($name: String) { agents(search: $name) { nodes { ledger { accepted } } } }', {
    name,
  });
  return data.agents.nodes[0]?.ledger.accepted ?? 0;
}

describe('entries a second', () => {
  const lines = (count: number) => Array.from({ length: count }, () => line(Date.now()));

  test('what is too much is refused and stores nothing; nobody else waits for it; more is allowed within seconds', async () => {
    await setPlan(server, tenantId, { entries_per_second_max: 1 });
    // More than may come at once, and let in whole: the debt is for those after it.
    await ingest(server, { agent: 'web', entries: lines(500) }, token);
    const before = await stateOfOwn('web');
    const refused = await sendIngest(server, { agent: 'web', entries: lines(1) }, token);
    expect(refused.errors![0]).toMatchObject({
      message: expect.stringContaining('1 entries a second'),
      extensions: { code: 'RATE_LIMITED', retryAfterMs: expect.any(Number) },
    });
    expect(await stateOfOwn('web')).toEqual(before);
    await ingest(server, { agent: 'web', entries: lines(500) });
    await setPlan(server, tenantId, { entries_per_second_max: 100_000 });
    await until(
      async () => (await sendIngest(server, { agent: 'web', entries: lines(1) }, token)).errors === undefined,
    );
    expect((await stateOfOwn('web')).ledger.accepted).toBe(501);
  });

  const stateOfOwn = (name: string) => stateOf({ ...server, gql: (query, variables) => ask(query, variables) }, name);

  test('what comes again and changes nothing costs nothing', async () => {
    await setPlan(server, tenantId, { entries_per_second_max: 100 });
    const batch = { agent: 'web', stream: { id: 'script', from: 0, to: 400 }, entries: lines(400) };
    expect((await ingest(server, batch, token)).outcome).toBe('APPENDED');
    for (let i = 0; i < 5; i++) expect((await ingest(server, batch, token)).outcome).toBe('DUPLICATE');
    const next = { ...batch, stream: { id: 'script', from: 400, to: 3_400 }, entries: lines(3_000) };
    expect((await ingest(server, next, token)).outcome).toBe('APPENDED');
    expect(
      codeOf(await sendIngest(server, { ...batch, stream: { id: 'script', from: 3_400, to: 3_800 } }, token)),
    ).toBe('RATE_LIMITED');
  });

  test('a real agent ships a file that is too much, whole and once, as slowly as the plan says', async () => {
    // So little that any machine would be faster.
    const [rate, count] = [1_000, 16_000];
    await setPlan(server, tenantId, { entries_per_second_max: rate });
    const file = folder.path('large.log');
    writeFileSync(file, logLines(0, count));
    const begunMs = performance.now();
    const agent = startAgent('large', file);
    expect(await agent.done).toBe(0);
    // The least that the law allows: no machine is too slow for it.
    const least = (count - BATCH - BURST_SECONDS * rate) / rate;
    expect((performance.now() - begunMs) / 1_000).toBeGreaterThanOrEqual(least);
    expect(await acceptedOf('large')).toBe(count);
    const span = 'from: "2026-11-23T00:00:00Z", to: "2026-11-24T00:00:00Z"';
    const { data } = await ask(`{ traffic(timeframe: { ${span} }) { total { hits } } }`);
    expect(data.traffic.total.hits).toBe(count);
    expect(agent.said.filter((text) => text.includes('The plan allows'))).toHaveLength(1);
    expect(agent.said.filter((text) => text.includes('answers again'))).toEqual([]);
  }, 60_000);
});

describe('alert rules', () => {
  const create = () => ask('mutation { createAlertRule(input: { name: "rule", threshold: 5 }) { id } }');

  test('no more than the plan has room for, however many are made at once', async () => {
    await setPlan(server, tenantId, { alert_rules_max: 2 });
    const answers = await Promise.all(Array.from({ length: 6 }, create));
    expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(2);
    expect(answers.map(codeOf).filter((code) => code === 'RESOURCE_EXHAUSTED')).toHaveLength(4);
    const { data } = await ask('{ alertRules { id } }');
    await ask('mutation ($id: ID!) { deleteAlertRule(id: $id) }', { id: data.alertRules[0].id });
    expect((await create()).errors).toBeUndefined();
  });
});

describe('how long raw entries are kept', () => {
  const RETENTION = '{ retention { defaultLogs pendingChunks policies { name keepLogs } logs { keepLogs entries } } }';
  const SET =
    'mutation { setRetention(input: { defaultLogs: "P2D", policies: [{ name: "Errors", filter: { statusMin: 400 }, keepLogs: "P7D" }] }) { defaultLogs policies { keepLogs } } }';
  const send = () =>
    ingest(server, { agent: 'web', entries: [line(Date.now()), line(Date.now(), { status: 500 })] }, token);
  const keeps = async () =>
    (await ask(RETENTION)).data.retention.logs.map(({ keepLogs, entries }: { keepLogs: string; entries: number }) => [
      keepLogs,
      entries,
    ]);

  test('no longer than the plan says, whatever policies say, and longer again once it allows it', async () => {
    const db = await Database.open(databaseUrl(server.dataFolder));
    try {
      expect((await ask(SET)).data.setRetention).toEqual({ defaultLogs: 'P2D', policies: [{ keepLogs: 'P7D' }] });
      await send();
      expect(await keeps()).toEqual([
        ['P2D', 1],
        ['P7D', 1],
      ]);
      await setPlan(server, tenantId, { keep_logs_max_seconds: 3 * 86_400 });
      // What comes is kept so at once; what is there follows.
      await send();
      expect((await ask(RETENTION)).data.retention).toMatchObject({
        defaultLogs: 'P2D',
        policies: [{ name: 'Errors', keepLogs: 'P3D' }],
        pendingChunks: 2,
      });
      await relayOutStale(db);
      expect(await keeps()).toEqual([
        ['P2D', 2],
        ['P3D', 2],
      ]);
      await setPlan(server, tenantId, { keep_logs_max_seconds: 3_600 });
      expect((await ask(SET)).data.setRetention).toEqual({ defaultLogs: 'PT1H', policies: [{ keepLogs: 'PT1H' }] });
      await relayOutStale(db);
      expect(await keeps()).toEqual([['PT1H', 4]]);
      await setPlan(server, tenantId, { keep_logs_max_seconds: null });
      await relayOutStale(db);
      expect(await keeps()).toEqual([
        ['P2D', 2],
        ['P7D', 2],
      ]);
    } finally {
      await db.close();
    }
  });
});

test('what is used is told beside: counted, deleted agents left out, entries of the last minute', async () => {
  const USAGE = '{ viewer { tenant { usage { agents alertRules entriesPerSecond keepLogs } } } }';
  const usage = async () => (await ask(USAGE)).data.viewer.tenant.usage;
  expect(await usage()).toEqual({ agents: 0, alertRules: 0, entriesPerSecond: 0, keepLogs: 'PT1H' });
  const { agent } = await ingest(server, { agent: 'gone', entries: [] }, token);
  await ask('mutation ($id: ID!) { deleteAgent(id: $id) }', { id: agent.id });
  const old = Array.from({ length: 90 }, (_, i) => line(Date.parse('2024-05-01T12:00:00Z'), { status: 200 + i * 3 }));
  await ask(
    'mutation { setRetention(input: { policies: [{ name: "Errors", filter: { statusMin: 400 }, keepLogs: "P7D" }] }) { defaultLogs } }',
  );
  await ingest(server, { agent: 'web', entries: old }, token);
  await ask('mutation { createAlertRule(input: { name: "rule", threshold: 5 }) { id } }');
  expect(await usage()).toEqual({ agents: 1, alertRules: 1, entriesPerSecond: 1.5, keepLogs: 'P7D' });
  // Taken in two minutes ago: of the last minute no more.
  await ownerSql(
    server,
    `UPDATE log_chunk SET taken_in_at = taken_in_at - interval '2 minutes', expires_at = expires_at - interval '2 minutes'
     WHERE tenant_id = $1`,
    [tenantId],
  );
  expect((await usage()).entriesPerSecond).toBe(0);
});
