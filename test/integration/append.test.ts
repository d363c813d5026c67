// Goal: a batch is appended once or not at all, each line is accounted for, and only those who may take part.
// Method: the real server on its own PostgreSQL, by the API as an agent uses it.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { batchOf } from '../../schema/log-batch-builder.js';
import { databaseUrl, withConnection } from '../support/database.js';
import { entry as wireEntry } from '../support/entries.js';
import { startTestServer, type TestServer } from '../support/server.js';

const INGEST = `mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) {
  outcome accepted late malformed quarantined position agent { id } } }`;
const OPEN = 'mutation ($input: OpenStreamInput!) { openStream(input: $input) { streamId epoch position } }';
const AGENT = `query ($name: String) { agents(search: $name) { nodes {
  id ledger { lines accepted malformed quarantined skipped late } streams { position duplicateBatches rejections { reason sample } }
  traffic(timeframe: { from: "2026-01-31T12:00:00Z", to: "2026-01-31T13:00:00Z" }) {
    total { hits } windows(step: "PT10S") { start revision stats { hits } } } } } }`;

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 31, 12, 0, seconds)).toISOString();
const entry = (seconds: number, fields: object = {}) => ({
  time: at(seconds),
  host: '192.0.2.1',
  method: 'GET',
  path: '/a/b',
  status: 200,
  ...fields,
});

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

async function ingest(agent: string, input: object, token?: string) {
  const { data, errors } = await server.gql(INGEST, { input: { agent, ...input } }, token);
  return errors ? errors[0].extensions.code : data.ingestLogs;
}

async function state(name: string) {
  const { data } = await server.gql(AGENT, { name });
  return data.agents.nodes[0];
}

describe('a batch', () => {
  test('that one request names for two agents is kept of both, entry by entry', async () => {
    const entries = Array.from({ length: 20 }, (_, i) => wireEntry({ timeMs: Date.parse(at(i)), target: `/${i}` }));
    const twice = `mutation ($batch: LogBatch!) {
      a: ingestLogs(input: { agent: "named-first", batch: $batch }) { outcome accepted }
      b: ingestLogs(input: { agent: "named-second", batch: $batch }) { outcome accepted } }`;
    const { data } = await server.gql(twice, { batch: batchOf(entries) });
    const taken = { outcome: 'APPENDED', accepted: 20 };
    expect(data).toEqual({ a: taken, b: taken });
    for (const name of ['named-first', 'named-second']) {
      const { id } = await state(name);
      const logs = await server.gql(`query ($ids: [ID!]) { logs(agentIds: $ids, first: 50) { nodes { path } } }`, {
        ids: [id],
      });
      const paths = logs.data.logs.nodes.map(({ path }: { path: string }) => path);
      expect(paths.toSorted()).toEqual(entries.map(({ target }) => target).sort());
    }
  });

  test('comes back as duplicate, out of sequence or fenced, and then changes nothing', async () => {
    const opened = (await server.gql(OPEN, { input: { agent: 'outcomes', name: 'access.log' } })).data.openStream;
    const batch = (from: number, to: number, epoch = opened.epoch) => ({
      stream: { id: opened.streamId, epoch, from, to },
      entries: [entry(from / 100)],
    });
    expect(await ingest('outcomes', batch(0, 100))).toMatchObject({ outcome: 'APPENDED', accepted: 1, position: 100 });
    const before = await state('outcomes');
    expect(await ingest('outcomes', batch(0, 100))).toMatchObject({ outcome: 'DUPLICATE', accepted: 0, position: 100 });
    expect(await ingest('outcomes', batch(0, 150))).toMatchObject({ outcome: 'OUT_OF_SEQUENCE', position: 100 });
    expect(await ingest('outcomes', batch(200, 300))).toMatchObject({ outcome: 'OUT_OF_SEQUENCE', position: 100 });
    const again = (
      await server.gql(OPEN, { input: { agent: 'outcomes', name: 'access.log', streamId: opened.streamId } })
    ).data.openStream;
    expect(again).toEqual({ streamId: opened.streamId, epoch: opened.epoch + 1, position: 100 });
    for (const [from, to] of [
      [0, 100],
      [0, 150],
      [100, 200],
    ]) {
      expect(await ingest('outcomes', batch(from, to))).toMatchObject({ outcome: 'FENCED', position: 100 });
    }
    const after = await state('outcomes');
    expect(after.streams[0].duplicateBatches).toBe(1);
    expect({ ...after, streams: null }).toEqual({ ...before, streams: null });
    expect(await ingest('outcomes', batch(100, 200, again.epoch))).toMatchObject({
      outcome: 'APPENDED',
      position: 200,
    });
  });

  test('of a stream sent ten times at once is appended once', async () => {
    const input = { stream: { id: 'script', from: 0, to: 10 }, entries: [entry(1), entry(2)] };
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => ingest('at once', input)));
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['APPENDED', ...Array(9).fill('DUPLICATE')]);
    expect((await state('at once')).ledger.lines).toBe(2);
  });

  test('accounts for every line: accepted, malformed, quarantined, late; skipped beside', async () => {
    const future = new Date(Date.now() + 11 * 60_000).toISOString();
    await ingest('ledger', { entries: [entry(600)] });
    const result = await ingest('ledger', {
      entries: [
        entry(5),
        entry(601),
        entry(602, { time: future }),
        entry(603, { time: '1989-12-31T23:59:59Z' }),
        entry(604, { bytes: -1 }),
      ],
      malformed: 2,
      skipped: 3,
      rejections: [{ position: 7, reason: 'no date', sample: 'x'.repeat(600) }],
    });
    expect(result).toMatchObject({ outcome: 'APPENDED', accepted: 2, late: 1, malformed: 3, quarantined: 2 });
    const { ledger, streams, traffic } = await state('ledger');
    expect(ledger).toEqual({ lines: 8, accepted: 3, malformed: 3, quarantined: 2, skipped: 3, late: 1 });
    expect(traffic.total.hits).toBe(3);
    const reasons = streams[0].rejections.map(({ reason }: { reason: string }) => reason);
    expect(reasons).toEqual(expect.arrayContaining(['no date', 'before 1990', 'more than 10 minutes in the future']));
    expect(streams[0].rejections.every(({ sample }: { sample: string }) => sample.length <= 500)).toBe(true);
  });

  test('late amends its window: the revision grows', async () => {
    await ingest('amends', { entries: [entry(0), entry(300)] });
    const revision = async () => (await state('amends')).traffic.windows[0].revision;
    const before = await revision();
    expect(await ingest('amends', { entries: [entry(1)] })).toMatchObject({ accepted: 1, late: 1 });
    expect(await revision()).toBeGreaterThan(before);
    expect((await state('amends')).traffic.windows[0].stats.hits).toBe(2);
  });

  test.each([
    [
      'both forms',
      { entries: [], batch: { version: 1, count: 0, base: 0, time: [], status: [], bytes: [], columns: {} } },
    ],
    ['an unknown version', { batch: { version: 2 } }],
    [
      'a column of another length',
      { batch: { version: 1, count: 1, base: 0, time: [], status: [200], bytes: [0], columns: {} } },
    ],
    ['an empty range', { stream: { id: 's', from: 5, to: 5 }, entries: [] }],
  ])('with %s is BAD_USER_INPUT', async (_what, input) => {
    expect(await ingest('bad', input)).toBe('BAD_USER_INPUT');
  });
});

describe('who may', () => {
  test('nobody without a token, and an agent only send', async () => {
    const read = '{ agents { totalCount } }';
    expect((await server.gql(read, {}, null)).errors?.[0].extensions.code).toBe('UNAUTHENTICATED');
    expect((await server.gql(read, {}, 'wrong')).errors?.[0].extensions.code).toBe('UNAUTHENTICATED');
    expect(await ingest('sent by an agent', { entries: [entry(0)] }, server.agentToken)).toMatchObject({ accepted: 1 });
    for (const query of [
      read,
      '{ traffic(timeframe: { last: "PT1H" }) { total { hits } } }',
      '{ logs { nodes { path } } }',
      '{ alertRules { id } }',
      'mutation { connectAgent(input: { name: "a" }) { agent { traffic(timeframe: { last: "PT1H" }) { total { hits } } } } }',
    ]) {
      expect((await server.gql(query, {}, server.agentToken)).errors?.[0].extensions.code).toBe('FORBIDDEN');
    }
  });

  test('another tenant sees nothing of it, whatever it asks for, and row-level security is on for every table of tenants', async () => {
    const { id } = await state('outcomes');
    await withConnection(databaseUrl(server.dataFolder), async (owner) => {
      const hash = createHash('sha256').update('other').digest();
      await owner.query("INSERT INTO tenant (name) VALUES ('other')");
      await owner.query(
        "INSERT INTO token (tenant_id, name, role, secret_hash) SELECT id, 'other', 'ADMIN', $1 FROM tenant WHERE name = 'other'",
        [hash],
      );
      const open = await owner.query(
        `SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
         WHERE attname = 'tenant_id' AND relkind IN ('r', 'p') AND NOT relispartition AND NOT relrowsecurity AND relnamespace = 'public'::regnamespace`,
      );
      expect(open.rows).toEqual([]);
      await owner.query('BEGIN; SET LOCAL ROLE hlm_app');
      expect((await owner.query('SELECT count(*)::int AS seen FROM traffic_window')).rows).toEqual([{ seen: 0 }]);
      await owner.query('ROLLBACK');
    });
    const all =
      '{ agents { totalCount } traffic(timeframe: { from: "2026-01-01T00:00:00Z" }) { total { hits } } logs { nodes { path } } }';
    const { data } = await server.gql(all, {}, 'other');
    expect(data).toEqual({ agents: { totalCount: 0 }, traffic: { total: { hits: 0 } }, logs: { nodes: [] } });
    expect((await server.gql('query ($id: ID!) { agent(id: $id) { name } }', { id }, 'other')).data.agent).toBeNull();
    const other = await server.gql(
      'query ($ids: [ID!]) { traffic(timeframe: { last: "P1D" }, agentIds: $ids) { total { hits } } }',
      { ids: [id] },
      'other',
    );
    expect(other.errors?.[0].extensions.code).toBe('NOT_FOUND');
  });
});
