// Goal: an entry that PostgreSQL refuses never blocks its stream, and costs no other entry; what is not an entry's doing
//   is never taken for it; and the search holds no server up that stops.
// Method: the real server, whose database is made to refuse by triggers and constraints on what windows hold.
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Entry } from '../../schema/log-batch.js';
import { batchOf } from '../../schema/log-batch-builder.js';
import { entry } from '../support/entries.js';
import { codeOf, type IngestInput, ingest, sendIngest, stateOf } from '../support/ingest.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { ownerSql } from '../support/tenants.js';

const T0 = Date.UTC(2026, 0, 31, 12);
const COUNT = 300;
const POISON = '/poison/漢';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
afterEach(async () => {
  await ownerSql(server, 'DROP FUNCTION IF EXISTS refuse CASCADE');
  await ownerSql(server, 'ALTER TABLE traffic_breakdown DROP CONSTRAINT IF EXISTS no_poison');
});

/** Has the table refuse rows of which this holds. */
async function refuse(table: string, condition: string): Promise<void> {
  await ownerSql(
    server,
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN RAISE EXCEPTION 'unsupported Unicode escape sequence' USING ERRCODE = '22P05'; END $$`,
  );
  await ownerSql(
    server,
    `CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION refuse()`,
  );
}

const HAS_POISON = `position('\\x${Buffer.from(POISON).toString('hex')}'::bytea IN NEW.top_path) > 0`;

/** A batch of 300 entries over 30 seconds, told apart by their bytes, of which some are guilty. */
function batchWith(guilty: readonly number[], from = 0): IngestInput['batch'] {
  const entries = Array.from({ length: COUNT }, (_, i): Entry => {
    const target = guilty.includes(i) ? POISON : '/api/user';
    return entry({ timeMs: T0 + from + i * 100, bytes: i, target });
  });
  return batchOf(entries);
}

function input(agent: string, guilty: readonly number[], from = 0): IngestInput {
  const stream = { id: 's', from, to: from + 50_000 };
  const rejections = [{ position: 7, reason: 'no date', sample: '漢' }];
  return { agent, stream, batch: batchWith(guilty, from), malformed: 1, skipped: 2, rejections };
}

/** Bytes of each raw entry that is told, in the order of their times. */
async function rawBytes(agentId: string): Promise<number[]> {
  const found: number[] = [];
  for (let after: string | null = null; ; ) {
    const { data } = await server.gql(
      `query ($ids: [ID!], $after: String) { logs(agentIds: $ids, first: 500, after: $after) {
         nodes { bytes } pageInfo { hasNextPage endCursor } } }`,
      { ids: [agentId], after },
    );
    found.push(...data.logs.nodes.map(({ bytes }: { bytes: number }) => bytes));
    if (!data.logs.pageInfo.hasNextPage) return found.reverse();
    after = data.logs.pageInfo.endCursor;
  }
}

async function isSearching(): Promise<boolean> {
  const [{ count }] = await ownerSql(
    server,
    "SELECT count(*)::integer FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
  );
  return count > 0;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

async function expectWithout(agent: string, guilty: readonly number[]): Promise<void> {
  const kept = Array.from({ length: COUNT }, (_, i) => i).filter((i) => !guilty.includes(i));
  expect(await ingest(server, input(agent, guilty))).toMatchObject({
    outcome: 'APPENDED',
    position: 50_000,
    accepted: kept.length,
    malformed: 1,
    quarantined: guilty.length,
  });
  const state = await stateOf(server, agent);
  const ledger = { lines: COUNT + 1, accepted: kept.length, malformed: 1, quarantined: guilty.length, skipped: 2 };
  expect(state.ledger).toMatchObject(ledger);
  expect(state.traffic.total).toMatchObject({ hits: kept.length, bytes: sum(kept) });
  expect(await rawBytes(state.id)).toEqual(kept);
  const samples = state.streams[0].rejections.filter(({ reason }: { reason: string }) => /SQLSTATE 2/.test(reason));
  expect(samples).toHaveLength(Math.min(guilty.length, 5));
  for (const { sample } of samples) expect(sample).toContain('"/poison/?"');

  expect(await ingest(server, input(agent, guilty))).toMatchObject({ outcome: 'DUPLICATE', position: 50_000 });
  const again = await stateOf(server, agent);
  expect(again.streams[0].duplicateBatches).toBe(1);
  again.streams[0].duplicateBatches = 0;
  expect(again).toEqual(state);
}

test.each([
  ['one in the middle', [150]],
  ['three: the first, the last, and two in a row', [0, 298, 299]],
  ['twenty', Array.from({ length: 20 }, (_, i) => i * 15)],
])('guilty entries are quarantined, the rest is appended once: %s', async (what, guilty) => {
  await refuse('traffic_breakdown', HAS_POISON);
  await expectWithout(what, guilty);
});

test('so it is with what a constraint refuses, which has the SQLSTATE of a missing partition', async () => {
  const condition = HAS_POISON.replace('NEW.', '').replace('> 0', '= 0');
  await ownerSql(server, `ALTER TABLE traffic_breakdown ADD CONSTRAINT no_poison CHECK (${condition})`);
  await expectWithout('constraint', [75, 225]);
});

test('what is refused whatever the entries quarantines none: the batch waits until it is mended', async () => {
  const agent = 'not theirs';
  await ingest(server, { agent, stream: { id: 's', from: 0, to: 0 + 1 }, malformed: 1 });
  const before = await stateOf(server, agent);
  await refuse('stream', "NEW.position > 1 AND NEW.name = 's'");
  const batch = { ...input(agent, [3]), stream: { id: 's', from: 1, to: 50_000 } };
  expect(codeOf(await sendIngest(server, batch))).toBe('INTERNAL_SERVER_ERROR');
  expect(await stateOf(server, agent)).toEqual(before);
  await ownerSql(server, 'DROP FUNCTION refuse CASCADE');
  expect(await ingest(server, batch)).toMatchObject({ outcome: 'APPENDED', accepted: COUNT, quarantined: 0 });
});

test('a search that takes longer than a stopping server waits is given up: nothing is changed, and the batch comes again', async () => {
  await ingest(server, { agent: 'slow', stream: { id: 's', from: 0, to: 1 }, malformed: 1 });
  const before = await stateOf(server, 'slow');
  await refuse('traffic_breakdown', 'pg_sleep(0.2) IS NOT NULL');
  const batch = { ...input('slow', []), stream: { id: 's', from: 1, to: 50_000 } };
  const cutOff = expect(sendIngest(server, batch)).rejects.toThrow();
  await until(() => isSearching(), 10_000, 'the search');
  const startMs = performance.now();
  await server.restart();
  expect(performance.now() - startMs).toBeLessThan(20_000);
  await cutOff;
  expect(await stateOf(server, 'slow')).toEqual(before);
  await ownerSql(server, 'DROP FUNCTION refuse CASCADE');
  expect(await ingest(server, batch)).toMatchObject({ outcome: 'APPENDED', accepted: COUNT, quarantined: 0 });
}, 60_000);
