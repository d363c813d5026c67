// Goal: no line is lost silently and none blocks its stream; what comes from a log is only ever data.
// Method: the real server, fed what logs hold at their worst: times, numbers and texts that cannot be.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { batchOf } from '../../schema/log-batch-builder.js';
import { entry } from '../support/entries.js';
import { codeOf, type IngestInput, ingest, line, sendIngest, stateOf } from '../support/ingest.js';
import { startTestServer, type TestServer } from '../support/server.js';

const T0 = Date.UTC(2026, 0, 31, 12);
const MINUTE = 60_000;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const rejectionsOf = async (agent: string) =>
  (await stateOf(server, agent)).streams[0].rejections as { position: number | null; reason: string; sample: string }[];

describe('the ledger', () => {
  test('accounts for every line of random batches: lines = accepted + malformed + quarantined', async () => {
    const agent = 'random';
    let seed = 7;
    const random = (max: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % max;
    const sums = { lines: 0, accepted: 0, malformed: 0, quarantined: 0, skipped: 0 };
    for (let round = 0; round < 25; round++) {
      const kinds = Array.from({ length: random(30) }, () => random(4));
      const entries = kinds.map((kind) =>
        kind === 0 ? entry({ timeMs: 1_000 }) : entry({ timeMs: T0 + random(600_000), bytes: kind === 1 ? -5 : 10 }),
      );
      const [malformed, skipped] = [random(5), random(5)];
      const answer = await ingest(server, { agent, batch: batchOf(entries), malformed, skipped });
      const count = (wanted: number[]) => kinds.filter((kind) => wanted.includes(kind)).length;
      expect(answer).toMatchObject({
        accepted: count([2, 3]),
        malformed: malformed + count([1]),
        quarantined: count([0]),
      });
      sums.accepted += count([2, 3]);
      sums.malformed += malformed + count([1]);
      sums.quarantined += count([0]);
      sums.skipped += skipped;
      sums.lines = sums.accepted + sums.malformed + sums.quarantined;
    }
    const { ledger, traffic } = await stateOf(server, agent);
    expect(ledger).toMatchObject(sums);
    expect(traffic.total.hits).toBe(sums.accepted);
  });

  test('late: by the watermark of its own stream before the batch, at the window’s very end', async () => {
    const agent = 'late';
    const send = (id: string, from: number, ...times: number[]) =>
      ingest(server, { agent, stream: { id, from, to: from + 1 }, entries: times.map((ms) => line(T0 + ms)) });
    // Watermark: 130 s − 120 s = 10 s: the window [0, 10 s) is complete, the next is not.
    expect(await send('a', 0, 0, 130_000)).toMatchObject({ late: 0 });
    expect(await send('a', 1, 9_999, 10_000)).toMatchObject({ accepted: 2, late: 1 });
    expect(await send('b', 0, 0)).toMatchObject({ late: 0 });
    expect(await send('c', 0, 129_999)).toMatchObject({ late: 0 });
    expect(await send('c', 1, 0, 9_999)).toMatchObject({ late: 0 });
    expect((await stateOf(server, agent)).ledger).toMatchObject({ accepted: 8, late: 1 });
  });

  test('the newest event is taken as at most the server’s clock: an agent ahead makes nobody late', async () => {
    const agent = 'ahead';
    const now = Date.now();
    await ingest(server, { agent, stream: { id: 's', from: 0, to: 1 }, entries: [line(now + 9 * MINUTE)] });
    expect(
      await ingest(server, { agent, stream: { id: 's', from: 1, to: 2 }, entries: [line(now - 60_000)] }),
    ).toMatchObject({ late: 0 });
  });

  test.each([
    ['ten minutes ahead', () => Date.now() + 10 * MINUTE - 5_000, 0],
    ['eleven minutes ahead', () => Date.now() + 11 * MINUTE, 1],
    ['the first instant of 1990', () => Date.UTC(1990, 0, 1), 0],
    ['the last before it', () => Date.UTC(1990, 0, 1) - 1, 1],
    ['no time at all', () => 0, 1],
    ['the year 9999', () => Date.UTC(9999, 11, 31), 1],
    ['the year 1', () => Date.parse('0001-01-01T00:00:00Z'), 1],
    ['beyond what a date can say', () => 1e17, 1],
    ['beyond all numbers', () => -1e300, 1],
  ])('%s', async (what, timeMs, quarantined) => {
    const answer = await ingest(server, { agent: what, batch: batchOf([entry({ timeMs: timeMs() })]) });
    expect(answer).toMatchObject({ outcome: 'APPENDED', accepted: 1 - quarantined, malformed: 0, quarantined });
    const reasons = (await rejectionsOf(what)).map(({ reason }) => reason);
    expect(reasons).toEqual(
      quarantined === 0 ? [] : [expect.stringMatching(/^(before 1990|more than 10 minutes in the future)$/)],
    );
  });
});

describe('rejections', () => {
  test('the latest 20 are kept, the latest first, cut at 500 characters', async () => {
    const agent = 'rejections';
    for (let from = 0; from < 30; from += 10) {
      const rejections = Array.from({ length: 10 }, (_, i) => ({
        position: from + i,
        reason: `reason ${from + i}`,
        sample: 'x'.repeat(600),
      }));
      await ingest(server, { agent, stream: { id: 's', from, to: from + 10 }, malformed: 10, rejections });
    }
    const kept = await rejectionsOf(agent);
    expect(kept.map(({ position }) => position)).toEqual(Array.from({ length: 20 }, (_, i) => 29 - i));
    expect(kept.every(({ sample }) => sample === 'x'.repeat(500))).toBe(true);
  });

  test('a sample is cut between characters, of what the agent sends and of what the server refuses', async () => {
    const agent = 'cut';
    for (let length = 0; length < 8; length++) {
      const userAgent = `${'x'.repeat(length)}${'😀'.repeat(400)}`;
      const batch = batchOf([entry({ timeMs: 0, userAgent }), entry({ timeMs: T0, bytes: -1, userAgent })]);
      const rejections = [{ reason: `\ud83d\0${'😀'.repeat(200)}`, sample: userAgent }];
      expect(await ingest(server, { agent, batch, malformed: 1, rejections })).toMatchObject({
        malformed: 2,
        quarantined: 1,
      });
    }
    for (const { reason, sample } of await rejectionsOf(agent)) {
      expect(sample.length).toBeLessThanOrEqual(500);
      expect(Buffer.from(sample + reason).toString()).toBe(sample + reason);
    }
  });

  test('21 in one batch are BAD_USER_INPUT', async () => {
    const rejections = Array.from({ length: 21 }, () => ({ reason: 'r', sample: 's' }));
    expect(codeOf(await sendIngest(server, { agent: 'many', malformed: 21, rejections }))).toBe('BAD_USER_INPUT');
  });
});

const HOSTILE = [
  '\0',
  'a\0b',
  '\ud800',
  'x\udfff',
  '\u001b]52;c;ZXZpbA==\u0007',
  '\u202egpj.exe',
  '\r\nSet-Cookie: a',
  "'; DROP TABLE agent; --",
  '<script>alert(1)</script>',
  '__proto__',
  '{"a":1}',
  '\\u0000',
  '漢'.repeat(3_000),
  '😀'.repeat(3_000),
];

describe('hostile texts', () => {
  test.each([['entries'], ['batch']])('are stored as what they are, made well-formed: %s', async (form) => {
    const agent = `hostile ${form}`;
    const times = HOSTILE.map((_, i) => T0 + i);
    const texts = (text: string) => ({
      host: text,
      user: text,
      method: text,
      protocol: text,
      referrer: text,
      userAgent: text,
    });
    const input: IngestInput =
      form === 'entries'
        ? { agent, entries: HOSTILE.map((text, i) => line(times[i], { ...texts(text), path: text })) }
        : {
            agent,
            batch: batchOf(HOSTILE.map((text, i) => entry({ timeMs: times[i], ...texts(text), target: text }))),
          };
    expect(await ingest(server, input)).toMatchObject({ accepted: HOSTILE.length, malformed: 0 });
    const { id } = await stateOf(server, agent);
    const { data, errors } = await server.gql(
      `query ($ids: [ID!]) { logs(agentIds: $ids) { nodes { host user method path section protocol referrer userAgent } }
         traffic(agentIds: $ids, timeframe: { from: "2026-01-31T12:00:00Z" }) { total { hits distinctHosts
           SECTION: top(dimension: SECTION, first: 99) { key hits } USER: top(dimension: USER, first: 99) { key hits }
           REFERRER: top(dimension: REFERRER, first: 99) { key hits } USER_AGENT: top(dimension: USER_AGENT, first: 99) { key } } } }`,
      { ids: [id] },
    );
    expect(errors).toBeUndefined();
    const wellFormed = (text: string, length = 1_024) =>
      (text.slice(0, length) as unknown as { toWellFormed(): string }).toWellFormed().replaceAll('\0', '\ufffd');
    expect(data.logs.nodes.map(({ userAgent }: { userAgent: string }) => userAgent).reverse()).toEqual(
      HOSTILE.map((text) => wellFormed(text)),
    );
    expect(data.traffic.total).toMatchObject({ hits: HOSTILE.length });
    const distinct = new Set(HOSTILE.map((text) => wellFormed(text)));
    expect(data.traffic.total.distinctHosts).toBe(distinct.size);
    expect(new Set(data.traffic.total.USER.map(({ key }: { key: string }) => key))).toEqual(distinct);
  });

  test.each([['a tail'], ['a head'], ['an agent’s own words']])('%s never makes an internal error', async (what) => {
    const agent = `words ${what}`;
    const OPEN = 'mutation ($input: OpenStreamInput!) { openStream(input: $input) { streamId } }';
    const HELLO =
      'mutation ($input: ConnectAgentInput!) { connectAgent(input: $input) { agent { name } streams { name head { sha256 } tail { sha256 } } } }';
    for (const text of [...HOSTILE, 'ab'.repeat(32)]) {
      const digest = { length: 4, sha256: text };
      const answer =
        what === 'a tail'
          ? await sendIngest(server, {
              agent,
              stream: { id: `s${text.length}`, from: 0, to: 1, tail: digest },
              entries: [line(T0)],
            })
          : what === 'a head'
            ? await server.gql(OPEN, { input: { agent, name: 'x', head: digest } })
            : await server.gql(HELLO, { input: { name: agent, hostname: text, version: text } });
      expect([undefined, 'BAD_USER_INPUT']).toContain(codeOf(answer));
      if (text.startsWith('ab')) expect(codeOf(answer)).toBeUndefined();
    }
    expect(codeOf(await server.gql(HELLO, { input: { name: agent } }))).toBeUndefined();
  });

  test.each([
    ['agent', (text: string) => ({ agent: text, entries: [line(T0)] })],
    ['stream', (text: string) => ({ agent: 'names', stream: { id: text, from: 0, to: 1 }, entries: [line(T0)] })],
  ])('a name of an %s: taken or refused, never an internal error', async (_what, input) => {
    const long = Array.from({ length: 1_024 }, (_, i) => String.fromCharCode(0x4e00 + ((i * 7_919) % 20_000))).join('');
    for (const text of [...HOSTILE, '', ' ', long, long.slice(0, 200), 'x'.repeat(1_025)]) {
      expect([undefined, 'BAD_USER_INPUT']).toContain(codeOf(await sendIngest(server, input(text))));
    }
  });
});

describe('what is no batch', () => {
  test('a large one of the form that our agent writes is taken in, refused by its place, and shown in few words', async () => {
    const agent = 'large';
    const large = batchOf(Array.from({ length: 3_000 }, (_, i) => entry({ timeMs: T0 + i, bytes: i === 7 ? -1 : i })));
    const answer = await ingest(server, { agent, batch: large, malformed: 0 });
    expect(answer).toMatchObject({ outcome: 'APPENDED', accepted: 2_999, malformed: 1 });
    large.columns.host!.index[5] = 9;
    const refused = await sendIngest(server, { agent, batch: large, malformed: 0 });
    expect(codeOf(refused)).toBe('BAD_USER_INPUT');
    expect(refused.errors![0].message).toContain('LogBatch: columns.host.index[5] is 9, not within 0 to 1');
    expect(refused.errors![0].message).toContain('{ version: 1, count: 3000 }');
    expect(refused.errors![0].message.length).toBeLessThan(300);
  });

  const empty = { version: 1, count: 0, base: 0, time: [], status: [], bytes: [], columns: {} };

  test.each<[string, object]>([
    ['entries and batch', { entries: [line(T0)], batch: empty }],
    ['a list', { batch: [] }],
    ['a text', { batch: 'x' }],
    ['a version that cannot be shown', { batch: { version: { toString: 1 } } }],
    ['more entries than may be', { batch: { ...empty, count: 8_193 } }],
    ['a column of another length', { batch: { ...empty, count: 1 } }],
    ['no host', { batch: { ...empty, count: 1, time: [0], status: [200], bytes: [1] } }],
    ['from after to', { stream: { id: 's', from: 2, to: 1 } }],
    ['from equal to to', { stream: { id: 's', from: 1, to: 1 } }],
    ['a negative from', { stream: { id: 's', from: -1, to: 1 } }],
    ['a position beyond 2^53', { stream: { id: 's', from: 0, to: 2 ** 53 } }],
    ['a position that is no whole number', { stream: { id: 's', from: 0.5, to: 1 } }],
    ['negative malformed', { malformed: -1 }],
    ['negative skipped', { skipped: -1 }],
    ['a time that is none', { entries: [{ ...line(T0), time: 'yesterday' }] }],
    ['bytes beyond 2^53', { entries: [line(T0, { bytes: 2 ** 53 })] }],
    ['more entries than may be, one by one', { entries: Array.from({ length: 8_193 }, () => line(T0)) }],
  ])('%s: BAD_USER_INPUT, and nobody is registered', async (what, input) => {
    expect(codeOf(await sendIngest(server, { agent: what, ...input }))).toBe('BAD_USER_INPUT');
    expect(await stateOf(server, what)).toBeNull();
  });

  test('neither entries nor batch: lines that are none still move the stream on', async () => {
    const answer = await ingest(server, {
      agent: 'none',
      stream: { id: 's', from: 0, to: 9 },
      malformed: 2,
      skipped: 3,
    });
    expect(answer).toMatchObject({ outcome: 'APPENDED', accepted: 0, malformed: 2, position: 9 });
    expect((await stateOf(server, 'none')).ledger).toMatchObject({ lines: 2, malformed: 2, skipped: 3 });
  });

  test('as many lines as a number of GraphQL can say: told, or refused before anything is done', async () => {
    const input = { agent: 'most', batch: batchOf([entry({ timeMs: T0, bytes: -1 })]), malformed: 2 ** 31 - 1 };
    const answer = await sendIngest(server, input);
    if (answer.errors) expect(await stateOf(server, 'most')).toBeNull();
    else expect(answer.data.ingestLogs.malformed).toBe(2 ** 31);
  });

  test('entries whose numbers cannot be are malformed, each for itself', async () => {
    const entries = [
      line(T0),
      line(T0, { status: -1 }),
      line(T0, { status: 1_000 }),
      line(T0, { bytes: -1 }),
      line(T0, { bytes: 2 ** 43 + 1 }),
      line(T0, { durationMs: -0.1 }),
      line(T0, { bytes: 2 ** 43, status: 999, durationMs: 31_536_000_000 }),
    ];
    expect(await ingest(server, { agent: 'numbers', entries })).toMatchObject({ accepted: 2, malformed: 5 });
    const { ledger, streams, traffic } = await stateOf(server, 'numbers');
    expect(ledger).toMatchObject({ lines: 7, accepted: 2, malformed: 5 });
    expect(streams[0].rejections).toHaveLength(5);
    expect(traffic.total).toMatchObject({ hits: 2, bytes: 2 ** 43 + 10 });
  });

  test('sums of bytes stay at 2^53 − 1 where they would pass it, over batches and windows', async () => {
    const huge = Array.from({ length: 1_500 }, (_, i) => entry({ timeMs: T0 + i * 10, bytes: 2 ** 43 }));
    for (let i = 0; i < 2; i++) await ingest(server, { agent: 'huge', batch: batchOf(huge) });
    expect((await stateOf(server, 'huge')).traffic.total).toMatchObject({
      hits: 3_000,
      bytes: Number.MAX_SAFE_INTEGER,
    });
  });
});
