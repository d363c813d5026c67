// Goal: who follows entries is told them as they come, in order; what is too much is left out and counted to the entry; by
// whatever server they were taken in.
// Method: the real server, and another one on its database; subscriptions over graphql-ws; floods of whole batches.

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { batchOf } from '../../schema/log-batch-builder.js';
import { Tails } from '../../server/live/index.js';
import { TailSlot } from '../../server/live/tail-slot.js';
import { databaseUrl } from '../support/database.js';
import { entry } from '../support/entries.js';
import { ingest, line } from '../support/ingest.js';
import { subscribeRaw } from '../support/raw-socket.js';
import { type Subscription, startTestServer, type TestServer, until } from '../support/server.js';
import { agentId } from '../support/sources.js';
import { makeTenant, makeToken } from '../support/tenants.js';

const NOW = Date.now();
const TAIL = `subscription ($agentIds: [ID!], $filter: LogFilterInput) { logTail(agentIds: $agentIds, filter: $filter) {
  missed entries { id agent { name } time host method path query section status bytes } } }`;

let server: TestServer;
/** On the same database. */
let other: TestServer;
beforeAll(async () => {
  server = await startTestServer({ limits: { tailsPerTenant: 10 } });
  other = await startTestServer({ databaseUrl: databaseUrl(server.dataFolder) });
}, 120_000);
afterAll(async () => {
  await other.close();
  await server.close();
});

interface Told {
  entries: { id: string; agent: { name: string }; path: string; status: number }[];
  missed: number;
}

const told = async (tail: Subscription): Promise<Told> => {
  const { data, errors } = await tail.next();
  expect(errors).toBeUndefined();
  return data.logTail;
};
const refusal = async (tail: Subscription) => {
  const code = (await tail.next()).errors?.[0].extensions.code;
  await tail.close();
  return code;
};

/** Subscribes, and waits until what comes is told. */
async function follow(variables: object = {}, at = server, token?: string): Promise<Subscription> {
  const tail = at.subscribe(TAIL, variables, token);
  expect(await told(tail)).toEqual({ entries: [], missed: 0 });
  return tail;
}

/** What is told until so many entries were, or were left out; no message is longer than 200, none says nothing. */
async function toldUntil(tail: Subscription, count: number): Promise<Told> {
  const sum: Told = { entries: [], missed: 0 };
  while (sum.entries.length + sum.missed < count) {
    const { entries, missed } = await told(tail);
    expect(entries.length).toBeLessThanOrEqual(200);
    expect(entries.length + missed).toBeGreaterThan(0);
    sum.entries.push(...entries);
    sum.missed += missed;
  }
  expect(sum.entries.length + sum.missed).toBe(count);
  return sum;
}

const send = (agent: string, paths: string[], at = server, token?: string) =>
  ingest(at, { agent, entries: paths.map((path) => line(NOW, { path })) }, token);
const pathsOf = ({ entries }: Told) => entries.map(({ path }) => path);

/** Sends large batches whose n-th entry of all has the path /n and, every thousandth, status 500. */
async function flood(agent: string, batches: number, lines: number, at = server): Promise<void> {
  for (let i = 0; i < batches; i++) {
    const entries = Array.from({ length: lines }, (_, j) => i * lines + j).map((n) =>
      entry({ timeMs: NOW, target: `/${n}`, status: n % 1_000 === 0 ? 500 : 200 }),
    );
    await ingest(at, { agent, batch: batchOf(entries) });
  }
}

test('entries as they are taken in, in that order, whatever their times; nothing from before', async () => {
  await send('old', ['/before']);
  const tail = await follow();
  await ingest(server, {
    agent: 'web-1',
    entries: [
      line(NOW, { path: '/api/user?page=2', method: 'POST', status: 503, host: '192.0.2.9', bytes: 7 }),
      line(NOW - 3_600_000, { path: '/late' }),
    ],
  });
  await send('web-2', ['/x', '/y']);
  await send('web-1', ['/z']);
  const all = await toldUntil(tail, 5);
  expect(all.missed).toBe(0);
  expect(pathsOf(all)).toEqual(['/api/user', '/late', '/x', '/y', '/z']);
  expect(all.entries.map(({ agent }) => agent.name)).toEqual(['web-1', 'web-1', 'web-2', 'web-2', 'web-1']);
  const { id, ...first } = all.entries[0];
  expect(first).toEqual({
    agent: { name: 'web-1' },
    time: new Date(NOW).toISOString(),
    ...{
      host: '192.0.2.9',
      method: 'POST',
      path: '/api/user',
      query: 'page=2',
      section: '/api',
      status: 503,
      bytes: 7,
    },
  });
  // The same names as of the stored ones.
  const { data } = await server.gql('{ logs { nodes { id path } } }');
  expect(data.logs.nodes).toContainEqual({ id, path: '/api/user' });
  await tail.close();
});

test('only of the agents and the filter that were named; an empty list names none', async () => {
  await send('chosen', ['/']);
  const tails = {
    chosen: await follow({ agentIds: [await agentId(server, 'chosen')] }),
    errors: await follow({ filter: { statusMin: 500 } }),
    section: await follow({ filter: { section: '/api', search: 'USER' } }),
    all: await follow({ agentIds: [] }),
  };
  await send('left out', ['/1']);
  await ingest(server, {
    agent: 'chosen',
    entries: [line(NOW, { path: '/2', status: 500 }), line(NOW, { path: '/api/user' })],
  });
  expect(pathsOf(await toldUntil(tails.chosen, 2))).toEqual(['/2', '/api/user']);
  expect(pathsOf(await toldUntil(tails.errors, 1))).toEqual(['/2']);
  expect(pathsOf(await toldUntil(tails.section, 1))).toEqual(['/api/user']);
  expect(pathsOf(await toldUntil(tails.all, 3))).toEqual(['/1', '/2', '/api/user']);
  for (const tail of Object.values(tails)) await tail.close();
});

test('refused: agents that are not there, a filter too long, those who may only send, more tails than there may be', async () => {
  for (const id of ['00000000-0000-4000-8000-000000000000', 'x'])
    expect(await refusal(server.subscribe(TAIL, { agentIds: [id] }))).toBe('NOT_FOUND');
  expect(await refusal(server.subscribe(TAIL, { filter: { path: 'x'.repeat(1_001) } }))).toBe('BAD_USER_INPUT');
  expect(await refusal(server.subscribe(TAIL, {}, server.agentToken))).toBe('FORBIDDEN');
  const tails = [];
  for (let statusMin = 1; statusMin <= 10; statusMin++) tails.push(await follow({ filter: { statusMin } }));
  expect(await refusal(server.subscribe(TAIL, { filter: { statusMin: 11 } }))).toBe('RATE_LIMITED');
  tails.push(await follow({ filter: { statusMin: 10 } }));
  for (const tail of tails) await tail.close();
});

test('of a flood the newest, and how many were left out: together exactly those that the filter admits', async () => {
  const all = await follow();
  const errors = await follow({ filter: { statusMin: 500 } });
  const [batches, lines] = [12, 8_000];
  const sent = flood('flood', batches, lines);
  const [told, toldErrors] = await Promise.all([
    toldUntil(all, batches * lines),
    toldUntil(errors, (batches * lines) / 1_000),
    sent,
  ]);
  expect(told.missed).toBeGreaterThan(0);
  const numbers = pathsOf(told).map((path) => Number(path.slice(1)));
  expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  expect(numbers.at(-1)).toBe(batches * lines - 1);
  expect(toldErrors.entries.length).toBeGreaterThan(0);
  expect(toldErrors.entries.every(({ status }) => status === 500)).toBe(true);
  for (const tail of [all, errors]) await tail.close();
}, 60_000);

test('what another server on the database takes in is told too, and counted as exactly', async () => {
  const tail = await follow({ filter: { search: 'mark' } });
  // From when the other knows that somebody follows.
  let sent = 0;
  await until(async () => {
    await send('elsewhere', [`/mark/${sent++}`, '/unasked'], other);
    return tail.waiting.length > 0;
  });
  const { entries } = await told(tail);
  expect(entries[0].agent.name).toBe('elsewhere');
  const from = Number(entries[0].path.slice('/mark/'.length));
  const rest = await toldUntil(tail, sent - from - entries.length);
  expect([...entries, ...rest.entries].map(({ path }) => path)).toEqual(
    Array.from({ length: sent - from }, (_, i) => `/mark/${from + i}`),
  );

  const paths = Array.from({ length: 1_000 }, (_, i) => `/mark/${i}`);
  for (let i = 0; i < 20; i++) await send(`elsewhere ${i % 3}`, paths, other);
  const flooded = await toldUntil(tail, 20_000);
  expect(flooded.missed).toBeGreaterThan(0);
  expect(flooded.entries.at(-1)?.path).toBe('/mark/999');
  await tail.close();
}, 60_000);

test('each tenant is told its own', async () => {
  const tenantId = await makeTenant(server, 'tailing');
  const token = await makeToken(server, { tenantId, role: 'ADMIN' });
  const own = await follow({}, server, token);
  const others = await follow();
  await send('web', ['/default']);
  await send('web', ['/of the tenant'], server, token);
  expect(pathsOf(await toldUntil(own, 1))).toEqual(['/of the tenant']);
  expect(pathsOf(await toldUntil(others, 1))).toEqual(['/default']);
  for (const tail of [own, others]) await tail.close();
});

test('a token that is revoked ends what it follows', async () => {
  const { data } = await server.gql(
    'mutation { createToken(input: { name: "tail", role: VIEWER }) { secret token { id } } }',
  );
  const { secret, token } = data.createToken;
  const tail = await follow({}, server, secret);
  await server.gql('mutation ($id: ID!) { revokeToken(id: $id) }', { id: token.id });
  await expect(tail.next()).rejects.toThrow();
  await send('web-1', ['/after']);
  expect(tail.waiting).toEqual([]);
  await tail.close();
});

test('one who stalls costs a bounded place, delays nobody, and is closed', async () => {
  const slots: TailSlot[] = [];
  const { put } = TailSlot.prototype;
  TailSlot.prototype.put = function (batch) {
    if (!slots.includes(this)) slots.push(this);
    put.call(this, batch);
    sizes.push(this.size);
  };
  let tails: Tails | undefined;
  const { takenIn } = Tails.prototype;
  Tails.prototype.takenIn = function (batch) {
    tails = this;
    takenIn.call(this, batch);
  };
  const sizes: number[] = [];
  try {
    const raw = await subscribeRaw(server.url, server.operatorToken, 'subscription { logTail { entries { path } } }');
    raw.stall();
    const healthy = await follow({ filter: { method: 'GET' } });
    // Messages of nearly a megabyte: the kernel's buffers are soon full.
    const long = 'x'.repeat(4_000);
    let sent = 0;
    let toldOf = 0;
    const started = performance.now();
    for (let isStalled = true; isStalled && performance.now() - started < 40_000; sent += 300) {
      await send(
        'stalling',
        Array.from({ length: 300 }, (_, i) => `/${long}/${sent + i}`),
      );
      const { entries, missed } = await told(healthy);
      toldOf += entries.length + missed;
      isStalled = tails!.subscribers > 1;
    }
    await toldUntil(healthy, sent - toldOf);
    expect(tails?.subscribers).toBe(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(200);
    expect(slots.length).toBe(2);
    raw.socket.destroy();
    await healthy.close();
  } finally {
    TailSlot.prototype.put = put;
    Tails.prototype.takenIn = takenIn;
  }
}, 90_000);
