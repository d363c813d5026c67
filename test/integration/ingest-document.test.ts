// Goal: docs/INGEST.md is all that an agent's author needs, and every example in it is true.
// Method: an agent that knows nothing but the document: it sends the examples in their order, by plain fetch, and compares
//   the answers; hashes and batches of the example's file are compared with those of our own agent.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { lineParser } from '../../agent/parse/index.js';
import { BatchDraft } from '../../agent/ship/batch.js';
import { LineSplitter } from '../../agent/source/lines.js';
import { digestOf } from '../../agent/source/proof.js';
import type { IngestLogsInput } from '../../schema/operations/agent.js';
import { type Fence, fencesOf, type Json, ShownIds } from '../support/document.js';
import { startTestServer, type TestServer } from '../support/server.js';

const fences = fencesOf('docs/INGEST.md');
const operations = new Map(
  fences.filter(({ info }) => info === 'graphql').map(({ text }) => [/^mutation (\w+)/.exec(text)![1], text] as const),
);
const file = Buffer.from(
  fences
    .filter(({ info }) => info === 'text access.log')
    .map(({ text }) => text)
    .join(''),
);

interface Example {
  line: number;
  /** What is posted. */
  query: string;
  variables: Json;
  answer: Json;
}

/** A request of the document: an operation's variables, or a whole call by curl. */
function requestOf({ info, text }: Fence): Pick<Example, 'query' | 'variables'> | null {
  const [, name] = /^json send (\w+)$/.exec(info) ?? [];
  if (name !== undefined) return { query: operations.get(name)!, variables: JSON.parse(text) };
  return info === 'sh' ? JSON.parse(/ -d '([^']+)'/.exec(text)![1]) : null;
}

const examples = fences.flatMap((fence, i): Example[] => {
  const request = requestOf(fence);
  return request === null ? [] : [{ line: fence.line, ...request, answer: JSON.parse(fences[i + 1].text) }];
});

test('every block of the document is played, and each request has its answer', () => {
  const known = /^(graphql|sh|json answer|text access\.log|json send (ConnectAgent|OpenStream|Heartbeat|IngestLogs))$/;
  expect(fences.filter(({ info }) => !known.test(info))).toEqual([]);
  const isRequest = fences.map((fence) => requestOf(fence) !== null);
  fences.forEach(({ info }, i) => {
    expect(info === 'json answer').toBe(i > 0 && isRequest[i - 1]);
  });
  expect(operations.size).toBe(4);
});

describe('to a server', () => {
  let server: TestServer;
  const ids = new ShownIds();
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  async function send({ query, variables }: Example): Promise<Json> {
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${server.agentToken}` },
      body: JSON.stringify({ query, variables: ids.toGiven(variables) }),
    });
    const answer = (await response.json()) as { errors?: { locations?: Json }[] };
    for (const error of answer.errors ?? []) delete error.locations;
    return answer as unknown as Json;
  }

  // In the order of the document: each goes on from what those before it have done.
  test.each(examples.map((example) => [example.line, example] as const))('line %i', async (_line, example) => {
    expect(ids.toShown(await send(example), example.answer)).toEqual(example.answer);
  });
});

describe("the example's file", () => {
  const digest = (from: number, to: number) => ({
    length: to - from,
    sha256: createHash('sha256').update(file.subarray(from, to)).digest('hex'),
  });

  /** What our own agent makes of the file's bytes. */
  function batchOf(from: number, to: number) {
    const lines = new LineSplitter(from, file.subarray(0, from));
    lines.push(file.subarray(from, to));
    const draft = new BatchDraft({ lines: 100, bytes: 100_000 });
    const parse = lineParser('common');
    for (let line = lines.next(); line !== null; line = lines.next()) draft.add(line, parse(line.text));
    const { from: first, to: end, tail, json, malformed, skipped, rejections } = draft.build(digestOf(lines.tail));
    const batch = JSON.parse(Buffer.from(json.bytes).toString());
    return { from: first, to: end, tail, batch, malformed, skipped, rejections };
  }

  /** Of the four operations' inputs, what tells of the file. */
  type Input = Partial<IngestLogsInput> & { head?: { length: number }; streams?: { backlogBytes: number }[] };
  const inputs = examples.map(({ variables }) => (variables as unknown as { input: Input }).input);

  test('is sent as our agent would', () => {
    const sent = inputs.filter(({ stream }) => stream?.tail);
    expect(sent.length).toBeGreaterThan(3);
    for (const { stream, batch, malformed = 0, skipped = 0, rejections = [] } of sent) {
      const { from, to, tail } = stream!;
      expect({ from, to, tail, batch, malformed, skipped, rejections }).toEqual(batchOf(from, to));
    }
  });

  test('has the heads that are shown, and is as long as the heartbeats say', () => {
    const heads = inputs.flatMap(({ head }) => head ?? []);
    expect(heads).toHaveLength(2);
    for (const head of heads) expect(head).toEqual(digest(0, head.length));
    expect(heads.at(-1)?.length).toBe(file.length);
    const [first] = inputs.flatMap(({ streams }) => streams ?? []);
    expect(first.backlogBytes).toBe(heads[0].length);
  });
});
