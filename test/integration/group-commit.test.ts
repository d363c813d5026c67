// Goal: batches that arrive together share transactions, and each is taken in as if it had come alone: whatever another
//   of its group is refused for, whoever holds an agent, whose tenant it is, and whatever was remembered of it.
// Method: the steps of ingest on a real PostgreSQL; which rows were written together is told by their xmin.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { decodeLogBatch, type Entry } from '../../schema/log-batch.js';
import { batchOf } from '../../schema/log-batch-builder.js';
import { type AppendResult, Heartbeats, Ingest } from '../../server/ingest/index.js';
import { withConnection } from '../support/database.js';
import { entry } from '../support/entries.js';
import { until } from '../support/server.js';
import { Statistics } from '../support/statistics.js';
import { expectStored } from '../support/stored-windows.js';

const T0 = Date.UTC(2026, 0, 31, 12);
const POISON = '/poison';

let statistics: Statistics;
let tenantId: string;
beforeAll(async () => {
  statistics = await Statistics.start();
});
afterAll(() => statistics.close());
beforeEach(async () => {
  tenantId = await statistics.newTenant();
});

interface Batch {
  agent: string;
  from: number;
  entries: readonly Entry[];
  epoch?: number;
  stream?: string;
  tenant?: string;
}

function send(
  { agent, from, entries, epoch, stream, tenant }: Batch,
  ingest = statistics.ingest,
): Promise<AppendResult> {
  const wire = batchOf(entries);
  const range = { id: stream ?? 's', epoch: epoch ?? null, tail: null, from, to: from + entries.length };
  const about = { malformed: 0, skipped: 0, rejections: [] };
  const batch = decodeLogBatch(wire);
  return ingest.append({
    tenantId: tenant ?? tenantId,
    agentName: agent,
    stream: range,
    wire,
    batch,
    ...about,
  });
}

/** Ten entries within ten seconds. */
const tenOf = (second: number, about: Partial<Entry> = {}) =>
  Array.from({ length: 10 }, (_, i) => entry({ timeMs: T0 + second * 1_000 + i * 100, bytes: i, ...about }));

const names = (count: number) => Array.from({ length: count }, (_, i) => `agent ${i}`);

/** The same batch of each agent at once: from 0 to 10, 10 to 20, … */
const sendAll = (agents: readonly string[], round: number) =>
  Promise.all(agents.map((agent) => send({ agent, from: round * 10, entries: tenOf(round) })));

async function transactions(table: string): Promise<number> {
  const rows = await statistics.db.ownerSql(`SELECT DISTINCT xmin FROM ${table} WHERE tenant_id = $1`, [tenantId]);
  return rows.length;
}

test('batches of many agents share transactions, and each is counted as it came', async () => {
  const agents = names(60);
  const first = await sendAll(agents, 0);
  await sendAll(agents, 1);
  for (const table of ['agent', 'stream', 'traffic_window']) expect(await transactions(table)).toBeLessThan(15);
  const entries = [...tenOf(0), ...tenOf(1)];
  await expectStored(statistics, tenantId, new Map(first.map(({ agentId }) => [agentId, entries])));
});

test('each of a group has an outcome of its own', async () => {
  const agents = names(30);
  await sendAll(agents, 0);
  const answers = agents.map((agent, i) => {
    if (i % 6 === 1) return send({ agent, from: 0, entries: tenOf(0) });
    if (i % 6 === 2) return send({ agent, from: 11, entries: tenOf(1) });
    if (i % 6 === 3) return send({ agent, from: 10, entries: tenOf(1), epoch: 7 });
    if (i % 6 === 4) return send({ agent, from: 10, entries: tenOf(1), epoch: 1, stream: 'nobody’s' });
    return send({ agent, from: 10, entries: tenOf(1) });
  });
  const outcomes = (await Promise.allSettled(answers)).map((one) =>
    one.status === 'fulfilled' ? one.value.outcome : one.reason.extensions.code,
  );
  const six = ['APPENDED', 'DUPLICATE', 'OUT_OF_SEQUENCE', 'FENCED', 'NOT_FOUND', 'APPENDED'];
  expect(outcomes).toEqual(Array.from({ length: 5 }, () => six).flat());
  const hits = await statistics.db.ownerSql<{ hits: number }>(
    'SELECT sum(hits)::integer AS hits FROM traffic_window WHERE tenant_id = $1 AND resolution = 10',
    [tenantId],
  );
  expect(hits).toEqual([{ hits: 300 + 10 * 10 }]);
});

test('what PostgreSQL refuses of one batch costs the others nothing', async () => {
  const agents = names(20);
  await sendAll(agents, 0);
  await statistics.db.ownerSql(
    `ALTER TABLE traffic_breakdown ADD CONSTRAINT no_poison
     CHECK (position('\\x${Buffer.from(POISON).toString('hex')}'::bytea IN top_path) = 0)`,
  );
  try {
    const answers = await Promise.all(
      agents.map((agent, i) => {
        const entries = tenOf(1);
        if (i === 7) entries[3] = { ...entries[3], target: POISON };
        return send({ agent, from: 10, entries });
      }),
    );
    expect(answers.map(({ outcome, accepted, quarantined }) => [outcome, accepted, quarantined])).toEqual(
      agents.map((_, i) => ['APPENDED', i === 7 ? 9 : 10, i === 7 ? 1 : 0]),
    );
    const all = [...tenOf(0), ...tenOf(1)];
    await expectStored(
      statistics,
      tenantId,
      new Map(answers.map(({ agentId }, i) => [agentId, i === 7 ? all.toSpliced(13, 1) : all])),
    );
  } finally {
    await statistics.db.ownerSql('ALTER TABLE traffic_breakdown DROP CONSTRAINT no_poison');
  }
});

test('whoever holds an agent holds up no other, and its batch is taken in afterwards', async () => {
  const agents = names(20);
  const [{ agentId }] = await sendAll(agents, 0);
  await withConnection(statistics.db.url, async (holder) => {
    await holder.query('BEGIN');
    await holder.query('SELECT FROM agent WHERE id = $1 FOR NO KEY UPDATE', [agentId]);
    const answers = agents.map((agent) => send({ agent, from: 10, entries: tenOf(1) }));
    let isAnswered = false;
    void answers[0].then(() => {
      isAnswered = true;
    });
    const others = await Promise.all(answers.slice(1));
    expect(new Set(others.map(({ outcome }) => outcome))).toEqual(new Set(['APPENDED']));
    expect(isAnswered).toBe(false);
    await holder.query('ROLLBACK');
    expect(await answers[0]).toMatchObject({ outcome: 'APPENDED', position: 20 });
  });
});

test('batches of one agent that are sent at once are taken in in their order', async () => {
  const agents = names(5);
  const batches = Array.from({ length: 12 }, (_, round) =>
    agents.map((agent) => send({ agent, from: round * 10, entries: tenOf(round) })),
  );
  const answers = await Promise.all(batches.flat());
  expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set(['APPENDED']));
  const entries = Array.from({ length: 12 }, (_, round) => tenOf(round)).flat();
  await expectStored(statistics, tenantId, new Map(answers.slice(0, 5).map(({ agentId }) => [agentId, entries])));
});

test("tenants that share a transaction get each its own, under the same agents' names", async () => {
  // Of the first two each has a transaction under way when the others' are gathered.
  const tenants = [tenantId, await statistics.newTenant(), await statistics.newTenant()];
  const agents = names(20);
  const all = (round: number) =>
    tenants.flatMap((tenant) =>
      agents.map((agent) => send({ agent, from: round * 10, entries: tenOf(round), tenant })),
    );
  const answers = await Promise.all(all(0));
  await Promise.all(all(1));
  const shared = await statistics.db.ownerSql(
    'SELECT xmin::text FROM agent WHERE tenant_id = ANY ($1) GROUP BY 1 HAVING count(DISTINCT tenant_id) > 1',
    [tenants],
  );
  expect(shared.length).toBeGreaterThan(0);
  const entries = [...tenOf(0), ...tenOf(1)];
  await expectStored(statistics, tenantId, new Map(answers.slice(0, 20).map(({ agentId }) => [agentId, entries])));
});

test('what is remembered of open windows is not taken for what is stored once another changed it', async () => {
  const elsewhere = new Ingest(statistics.db, pino({ level: 'silent' }), () => undefined);
  const agent = 'open';
  const first = tenOf(0, { host: '192.0.2.1' });
  const { agentId } = await send({ agent, from: 0, entries: first });
  const spans = [{ fromMs: T0, toMs: T0 + 10_000 }];
  await statistics.deletion.deleteTraffic({ tenantId, agentIds: [agentId], spans, dryRun: false, includeLogs: true });
  const [second, third, fourth] = [1, 2, 3].map((i) => tenOf(i, { host: `192.0.2.${i + 1}` }));
  await send({ agent, from: 10, entries: second });
  await send({ agent, from: 20, entries: third }, elsewhere);
  await send({ agent, from: 30, entries: fourth });
  await expectStored(statistics, tenantId, new Map([[agentId, [...second, ...third, ...fourth]]]));
});

test('a batch that is rolled back leaves nothing behind in what is remembered', async () => {
  const agent = 'lost';
  const { agentId } = await send({ agent, from: 0, entries: tenOf(0) });
  // The first of an agent is not remembered.
  await send({ agent, from: 10, entries: tenOf(2) });
  await statistics.db.ownerSql('ALTER TABLE log_chunk RENAME COLUMN entries TO hidden');
  await expect(send({ agent, from: 20, entries: tenOf(1) })).rejects.toThrow('entries');
  await statistics.db.ownerSql('ALTER TABLE log_chunk RENAME COLUMN hidden TO entries');
  await send({ agent, from: 20, entries: tenOf(1) });
  await expectStored(statistics, tenantId, new Map([[agentId, [...tenOf(0), ...tenOf(2), ...tenOf(1)]]]));
});

test('heartbeats share transactions too; one of nobody is told so', async () => {
  const heartbeats = new Heartbeats(statistics.db);
  const agents = names(60);
  await sendAll(agents, 0);
  await until(async () => (await transactions('agent')) > 1, 10_000, 'the agents');
  const beat = (agentName: string) =>
    heartbeats.beat({ tenantId, agentName, sentAtMs: Date.now(), streams: [], ending: false });
  const answers = await Promise.allSettled([...agents, 'nobody'].map(beat));
  expect(answers.map(({ status }) => status)).toEqual([...agents.map(() => 'fulfilled'), 'rejected']);
  expect(answers[60]).toMatchObject({ reason: { extensions: { code: 'NOT_FOUND' } } });
  expect(await transactions('agent')).toBeLessThan(15);
});

test('a heartbeat that a batch overtakes does not say that the agent has caught up with it', async () => {
  const heartbeats = new Heartbeats(statistics.db);
  const agent = 'overtaken';
  const { agentId } = await send({ agent, from: 0, entries: tenOf(0) });
  const [{ id: streamId }] = await statistics.db.ownerSql<{ id: string }>('SELECT id FROM stream WHERE agent_id = $1', [
    agentId,
  ]);
  const stream = { streamId, epoch: 0, backlogBytes: 0, catchingUp: false, closed: false };
  const beat = () =>
    heartbeats.beat({ tenantId, agentName: agent, sentAtMs: Date.now(), streams: [stream], ending: false });
  const hasCaughtUp = async () => {
    const [row] = await statistics.db.ownerSql<{ idle: boolean }>(
      'SELECT caught_up_at > last_batch_at AS idle FROM stream WHERE id = $1',
      [streamId],
    );
    return row.idle;
  };
  await beat();
  expect(await hasCaughtUp()).toBe(true);
  await withConnection(statistics.db.url, async (another) => {
    await another.query('BEGIN');
    await another.query('SELECT FROM agent WHERE id = $1 FOR NO KEY UPDATE', [agentId]);
    const answer = beat();
    await until(
      async () => (await statistics.db.ownerSql('SELECT FROM pg_locks WHERE NOT granted')).length > 0,
      10_000,
      'it to wait',
    );
    await another.query('UPDATE stream SET last_batch_at = clock_timestamp() WHERE id = $1', [streamId]);
    await another.query('COMMIT');
    await answer;
  });
  expect(await hasCaughtUp()).toBe(false);
});
