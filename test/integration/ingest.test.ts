// Goal: a stream goes on from where it stands and nowhere else, whoever sends what at the same time; what is sent twice
//   changes nothing at all.
// Method: the real server; each batch that must not count is sent between two looks at everything that it could change.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { codeOf, type IngestInput, ingest, line, sendIngest, stateOf } from '../support/ingest.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { ownerSql } from '../support/tenants.js';

const OPEN = 'mutation ($input: OpenStreamInput!) { openStream(input: $input) { streamId epoch position } }';
const T0 = Date.UTC(2026, 0, 31, 12);

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

async function open(input: object) {
  const { data, errors } = await server.gql(OPEN, { input: { name: 'access.log', ...input } });
  if (errors) throw new Error(JSON.stringify(errors));
  return data.openStream;
}

describe('positions', () => {
  test('what does not fit is refused in the order fenced, duplicate, out of sequence, and leaves no trace', async () => {
    const agent = 'order';
    const { streamId: id, epoch } = await open({ agent, startAt: 1_000 });
    const input = (from: number, to: number, claim: number | null = epoch): IngestInput => ({
      agent,
      stream: { id, epoch: claim, from, to },
      entries: [line(T0 + from)],
      malformed: 1,
      rejections: [{ reason: 'x', sample: 'y' }],
    });
    expect(await ingest(server, input(1_000, 1_100))).toMatchObject({ outcome: 'APPENDED', position: 1_100 });
    await open({ agent, streamId: id });
    const before = await stateOf(server, agent);
    for (const [from, to, claim, outcome] of [
      [1_000, 1_100, epoch, 'FENCED'], // a duplicate of a stale claim
      [1_100, 1_200, epoch, 'FENCED'], // fits, but is not the claimant's any more
      [5_000, 6_000, epoch, 'FENCED'],
      [1_000, 1_100, epoch + 2, 'FENCED'], // a claim that nobody made
      [1_000, 1_100, epoch + 1, 'DUPLICATE'],
      [0, 10, epoch + 1, 'DUPLICATE'],
      [1_050, 1_100, null, 'DUPLICATE'],
      [1_099, 1_101, epoch + 1, 'OUT_OF_SEQUENCE'],
      [1_101, 1_102, null, 'OUT_OF_SEQUENCE'],
    ] as const) {
      const answer = await ingest(server, input(from, to, claim));
      expect({ from, to, ...answer }).toMatchObject({ outcome, position: 1_100, accepted: 0, malformed: 0, late: 0 });
    }
    const after = await stateOf(server, agent);
    expect(after.streams[0].duplicateBatches).toBe(3);
    after.streams[0].duplicateBatches = 0;
    expect(after).toEqual(before);
  });

  test('a refused batch does not move the clock of alerts that rest', async () => {
    const agent = 'resting';
    await ingest(server, { agent, stream: { id: 's', from: 0, to: 1 }, entries: [line(T0)] });
    const states = () =>
      ownerSql(
        server,
        `SELECT decided_until, agent.alert_clock_ms, alert_rested FROM alert_state JOIN agent ON agent.id = agent_id WHERE agent.name = $1`,
        [agent],
      );
    // What the first batch plans has been decided: it would decide from the clock that is set here.
    await until(async () => (await states()).length > 0);
    await ownerSql(server, `UPDATE agent SET alert_rested = true, alert_clock_ms = $2 WHERE name = $1`, [
      agent,
      T0 + 900_000,
    ]);
    await ownerSql(
      server,
      `INSERT INTO alert_state (tenant_id, rule_id, agent_id, rule_version, decided_until)
       SELECT agent.tenant_id, alert_rule.id, agent.id, 1, 1 FROM agent, alert_rule WHERE agent.name = $1
       ON CONFLICT (tenant_id, rule_id, agent_id) DO UPDATE SET decided_until = 1`,
      [agent],
    );
    const before = await states();
    for (const [from, to] of [
      [0, 1],
      [5, 6],
    ]) {
      await ingest(server, { agent, stream: { id: 's', from, to }, entries: [line(T0 + 5_000)] });
    }
    expect(await states()).toEqual(before);
  });

  test("a script's stream begins at the from of its first batch, under a name of its own for each agent", async () => {
    for (const agent of ['script a', 'script b']) {
      const stream = { id: '/var/log/ünï 😀.log', from: 700, to: 800 };
      expect(await ingest(server, { agent, stream, entries: [line(T0)] })).toMatchObject({
        outcome: 'APPENDED',
        position: 800,
      });
      expect(await ingest(server, { agent, stream, entries: [line(T0)] })).toMatchObject({ outcome: 'DUPLICATE' });
      const { streams } = await stateOf(server, agent);
      expect(streams.map(({ name, position }: { name: string; position: number }) => [name, position])).toEqual([
        [stream.id, 800],
      ]);
    }
  });

  test('without a stream every call appends, to `direct`, whose position counts lines', async () => {
    const agent = 'direct';
    const input = { agent, entries: [line(T0), line(T0)], malformed: 1, skipped: 2 };
    expect(await ingest(server, input)).toMatchObject({ outcome: 'APPENDED', position: 5 });
    expect(await ingest(server, input)).toMatchObject({ outcome: 'APPENDED', position: 10 });
    const { streams, traffic } = await stateOf(server, agent);
    expect(streams).toMatchObject([
      { name: 'direct', position: 10, ledger: { lines: 6, accepted: 4, malformed: 2, skipped: 4 } },
    ]);
    expect(traffic.total.hits).toBe(4);
  });

  test('a stream that was opened belongs to its agent alone', async () => {
    const { streamId, epoch } = await open({ agent: 'owner of a stream' });
    await ingest(server, { agent: 'another agent', entries: [line(T0)] });
    const input = { agent: 'another agent', stream: { id: streamId, epoch, from: 0, to: 10 }, entries: [line(T0)] };
    expect(codeOf(await sendIngest(server, input))).toBe('NOT_FOUND');
    expect(codeOf(await server.gql(OPEN, { input: { agent: 'another agent', name: 'x', streamId } }))).toBe(
      'NOT_FOUND',
    );
    expect((await stateOf(server, 'owner of a stream')).streams[0].position).toBe(0);
  });

  test.each([
    ['of an unknown agent', 'never seen', '7f6c1b1e-0000-4000-8000-000000000000'],
    ['that is no id', 'never seen', 'nonsense'],
  ])('a claim on a stream %s is NOT_FOUND, and registers nobody', async (_what, agent, id) => {
    const input = { agent, stream: { id, epoch: 1, from: 0, to: 10 }, entries: [line(T0)] };
    expect(codeOf(await sendIngest(server, input))).toBe('NOT_FOUND');
    expect(await stateOf(server, agent)).toBeNull();
  });

  test('positions reach 2^53 − 1', async () => {
    const stream = { id: 'far', from: Number.MAX_SAFE_INTEGER - 1, to: Number.MAX_SAFE_INTEGER };
    const answer = await ingest(server, { agent: 'far', stream, entries: [line(T0)] });
    expect(answer).toMatchObject({ outcome: 'APPENDED', position: Number.MAX_SAFE_INTEGER });
    expect((await stateOf(server, 'far')).streams[0].position).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('at once', () => {
  test('ten batches for each of five places: each place is won once, and all that counts is what won', async () => {
    const agent = 'race';
    let from = 0;
    for (let round = 0; round < 5; round++) {
      const place = from;
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          ingest(server, {
            agent,
            stream: { id: 'file', from: place, to: place + 1 + i },
            entries: [line(T0 + round * 10_000)],
          }),
        ),
      );
      const won = answers.filter(({ outcome }) => outcome === 'APPENDED');
      expect(won).toHaveLength(1);
      from = won[0].position;
      for (const { outcome, accepted, position } of answers.filter((answer) => answer !== won[0])) {
        expect(['DUPLICATE', 'OUT_OF_SEQUENCE']).toContain(outcome);
        expect({ accepted, position }).toEqual({ accepted: 0, position: from });
      }
    }
    const { ledger, traffic, streams } = await stateOf(server, agent);
    expect(streams[0].position).toBe(from);
    expect([ledger.accepted, traffic.total.hits]).toEqual([5, 5]);
  });

  test('first batches of a new agent: one agent, and every line counted', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        ingest(server, { agent: 'newborn', stream: { id: `s${i}`, from: 0, to: 1 }, entries: [line(T0 + i)] }),
      ),
    );
    expect(new Set(answers.map(({ agent }) => agent.id)).size).toBe(1);
    expect(await stateOf(server, 'newborn')).toMatchObject({
      ledger: { accepted: 12 },
      traffic: { total: { hits: 12, peakHitsPerSecond: 12 } },
    });
  });

  test('two agents that send the same do not mix', async () => {
    const sent = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 'left' : 'right'));
    await Promise.all(
      sent.map((agent, i) => ingest(server, { agent, entries: [line(T0, { bytes: i % 2 === 0 ? 1 : 100 })] })),
    );
    expect((await stateOf(server, 'left')).traffic.total).toMatchObject({ hits: 10, bytes: 10 });
    expect((await stateOf(server, 'right')).traffic.total).toMatchObject({ hits: 10, bytes: 1_000 });
  });

  test('claims of one stream: each gets an epoch of its own, and only the last is not fenced', async () => {
    const agent = 'claims';
    const { streamId } = await open({ agent });
    const epochs = (await Promise.all(Array.from({ length: 8 }, () => open({ agent, streamId })))).map(
      ({ epoch }) => epoch,
    );
    expect([...epochs].sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    for (const epoch of [2, 8, 9]) {
      const answer = await ingest(server, {
        agent,
        stream: { id: streamId, epoch, from: 0, to: 5 },
        entries: [line(T0)],
      });
      expect(answer.outcome).toBe(epoch === 9 ? 'APPENDED' : 'FENCED');
    }
  });
});

describe('heartbeats', () => {
  const BEAT = `mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { fencedStreamIds } }`;
  const beat = (agent: string, streams: object[] = []) =>
    server.gql(BEAT, { input: { agent, sentAt: new Date().toISOString(), streams } });

  test('name the streams that another has claimed, and what is none of the agent’s', async () => {
    const agent = 'fenced';
    const first = await open({ agent });
    await open({ agent, streamId: first.streamId });
    const { streamId: strange } = await open({ agent: 'stranger' });
    const said = [first, { streamId: strange, epoch: 1 }, { streamId: 'none', epoch: 1 }].map(
      ({ streamId, epoch }) => ({
        streamId,
        epoch,
        backlogBytes: 5,
      }),
    );
    expect((await beat(agent, said)).data.heartbeat.fencedStreamIds).toEqual(said.map(({ streamId }) => streamId));
  });

  test('of more bytes than a number holds are told as the largest, and agents stay readable', async () => {
    const agent = 'backlog';
    const streams = await Promise.all([open({ agent }), open({ agent })]);
    const said = [...streams, ...streams].map(({ streamId, epoch }) => ({
      streamId,
      epoch,
      backlogBytes: Number.MAX_SAFE_INTEGER,
    }));
    expect((await beat(agent, said)).errors).toBeUndefined();
    expect((await stateOf(server, agent)).backlogBytes).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('of an agent that is none are NOT_FOUND, of fewer than no bytes BAD_USER_INPUT', async () => {
    expect(codeOf(await beat('nobody'))).toBe('NOT_FOUND');
    const { streamId, epoch } = await open({ agent: 'negative' });
    expect(codeOf(await beat('negative', [{ streamId, epoch, backlogBytes: -1 }]))).toBe('BAD_USER_INPUT');
  });
});

test('a missing partition is made on the fly, also by many at once', async () => {
  const partitions = await ownerSql(
    server,
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'log\\_chunk\\_hours\\_%'`,
  );
  expect(partitions.length).toBeGreaterThan(0);
  for (const { relname } of partitions) await ownerSql(server, `DROP TABLE ${relname}`);
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, i) =>
      ingest(server, { agent: `partition ${i}`, entries: [line(T0, { path: `/partition/${i}` })] }),
    ),
  );
  expect(answers.every(({ outcome, accepted }) => outcome === 'APPENDED' && accepted === 1)).toBe(true);
  const { data } = await server.gql('{ logs(filter: { section: "/partition" }) { nodes { path } } }');
  expect(data.logs.nodes.map(({ path }: { path: string }) => path).sort()).toEqual(
    [0, 1, 2, 3, 4, 5].map((i) => `/partition/${i}`),
  );
  for (let i = 0; i < 6; i++) expect((await stateOf(server, `partition ${i}`)).ledger.accepted).toBe(1);
});
