// Goal: the exercise's file gives the reference's figures to the digit, however it is cut into batches and shuffled.
// Method: the real server on its own PostgreSQL; batches of 4, of 5,000, shuffled within the allowed lateness.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { describeWithData, sharedData } from '../support/shared-data.js';

interface Line {
  time: string;
  host: string;
  user: string | null;
  method: string;
  path: string;
  protocol: string;
  status: number;
  bytes: number;
}

interface ReferenceWindow {
  start: number;
  hits: number;
  bytes: number;
  errors_4xx: number;
  errors_5xx: number;
  top_sections: [string, number][];
  by_method: Record<string, number>;
  distinct_hosts: number;
}

function sampleLines(): Line[] {
  const rows = readFileSync(sharedData('sample_csv.txt')!, 'utf8').trim().split('\n').slice(1);
  return rows.map((row) => {
    const [host, , user, date, request, status, bytes] = row.replaceAll('"', '').split(',');
    const [method, path, protocol] = request.split(' ');
    return {
      time: new Date(Number(date) * 1_000).toISOString(),
      host,
      user,
      method,
      path,
      protocol,
      status: Number(status),
      bytes: Number(bytes),
    };
  });
}

/** Each line moves by less than `seconds` of event time: what comes so late is within the lateness. */
function shuffledWithin(lines: Line[], seconds: number): Line[] {
  let seed = 42;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  return lines
    .map((line) => ({ line, key: Date.parse(line.time) / 1_000 + random() * seconds }))
    .sort((a, b) => a.key - b.key)
    .map(({ line }) => line);
}

const INGEST = 'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { outcome accepted late } }';
const SPAN = '{ from: "2019-02-07T21:10:50Z", to: "2019-02-07T21:19:10Z" }';

describeWithData('the sample', () => {
  const reference = JSON.parse(readFileSync(sharedData('reference_sample.json') ?? '/dev/null', 'utf8') || '{}');
  const lines = sharedData('sample_csv.txt') === null ? [] : sampleLines();
  let server: TestServer;

  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  async function send(agent: string, entries: Line[], size: number): Promise<void> {
    for (let from = 0; from < entries.length; from += size) {
      const part = entries.slice(from, from + size);
      const input = { agent, stream: { id: 'file', from, to: from + part.length }, entries: part };
      const { data, errors } = await server.gql(INGEST, { input });
      expect(errors).toBeUndefined();
      expect(data.ingestLogs).toMatchObject({ outcome: 'APPENDED', accepted: part.length });
    }
  }

  /** Says that nothing more will come, so that all seconds are decided. */
  async function end(agent: string): Promise<void> {
    const input = { agent, sentAt: new Date().toISOString(), ending: true };
    await server.gql('mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { incarnation } }', { input });
  }

  async function agentId(name: string): Promise<string> {
    const { data } = await server.gql('query ($name: String) { agents(search: $name) { nodes { id name } } }', {
      name,
    });
    return data.agents.nodes.find((node: { name: string }) => node.name === name).id;
  }

  async function expectWindows(agent: string): Promise<void> {
    const { data } = await server.gql(
      `query ($id: ID!) { agent(id: $id) { traffic(timeframe: ${SPAN}) {
         total { hits bytes distinctHosts }
         windows(step: "PT10S") { start stats { hits bytes distinctHosts status { clientError serverError }
           sections: top(dimension: SECTION, first: 5) { key hits } methods: top(dimension: METHOD) { key hits } } } } } }`,
      { id: await agentId(agent) },
    );
    const { total, windows } = data.agent.traffic;
    expect(total).toEqual({ hits: 4_830, bytes: 5_939_093, distinctHosts: 5 });
    const found = windows.filter((window: { stats: { hits: number } }) => window.stats.hits > 0);
    expect(found).toHaveLength(50);
    expect(found.map(figuresOf)).toEqual(reference.windows.map(referenceFigures));
  }

  async function expectAlerts(agent: string): Promise<void> {
    const ids = [await agentId(agent)];
    const query = 'query ($ids: [ID!]) { alertEvents(agentIds: $ids, newestFirst: false) { nodes { type at value } } }';
    const events = async () =>
      (await server.gql(query, { ids })).data.alertEvents.nodes as { type: string; at: string; value: number }[];
    await until(async () => (await events()).length >= 4, 10_000, 'four alert events');
    const found = (await events()).map(({ type, at, value }) => ({
      type,
      at: Date.parse(at) / 1_000,
      hits: Math.round(value * 1e6) / 1e6,
    }));
    expect(found).toEqual(
      reference.alerts.map(({ type, at, hits }: { type: string; at: number; hits: number }) => ({ type, at, hits })),
    );
  }

  test.each([
    ['in order, one batch after the other of 5,000', 5_000, 0],
    ['in order, in batches of 4', 4, 0],
    ['shuffled within 5 seconds', 700, 5],
  ])(
    '%s: all 50 windows and all 4 alert transitions',
    async (name, size, seconds) => {
      await send(name, shuffledWithin(lines, seconds), size);
      await end(name);
      await expectWindows(name);
      await expectAlerts(name);
    },
    180_000,
  );

  test('shuffled within the allowed lateness: all 50 windows, and nothing is late', async () => {
    await send('two minutes', shuffledWithin(lines, 119), 900);
    await expectWindows('two minutes');
    const { data } = await server.gql('{ agents(search: "two minutes") { nodes { ledger { lines accepted late } } } }');
    expect(data.agents.nodes[0].ledger).toEqual({ lines: 4_830, accepted: 4_830, late: 0 });
  });
});

// biome-ignore lint/suspicious/noExplicitAny: the query's shape.
function figuresOf({ start, stats }: any) {
  return {
    start: Date.parse(start) / 1_000,
    hits: stats.hits,
    bytes: stats.bytes,
    errors: [stats.status.clientError, stats.status.serverError],
    sections: stats.sections.map(({ key, hits }: { key: string; hits: number }) => [key, hits]),
    methods: Object.fromEntries(stats.methods.map(({ key, hits }: { key: string; hits: number }) => [key, hits])),
    hosts: stats.distinctHosts,
  };
}

function referenceFigures(window: ReferenceWindow) {
  const { start, hits, bytes, errors_4xx, errors_5xx, top_sections, by_method, distinct_hosts } = window;
  return {
    start,
    hits,
    bytes,
    errors: [errors_4xx, errors_5xx],
    sections: top_sections,
    methods: by_method,
    hosts: distinct_hosts,
  };
}
