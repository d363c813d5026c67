// Goal: over the exercise's file, rules of any filter, threshold and window fire and recover when the reference says.
// Method: the real server; the file in file order, in batches of several sizes, each by an agent of its own; the
// reference's brute force in Python.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { sharedData } from '../support/shared-data.js';
import { agentId, alertEvents, createRule, endAgent } from '../support/sources.js';

const SAMPLE = sharedData('sample_csv.txt');
const REFERENCE = SAMPLE === null ? null : join(SAMPLE, '../../reference.py');
const canRun = REFERENCE !== null && existsSync(REFERENCE);

interface Case {
  threshold: number;
  window: number;
  search?: string;
  statusMin?: number;
}

const CASES: Case[] = [
  { threshold: 10, window: 120 },
  { threshold: 5, window: 120, search: '/API' },
  { threshold: 2, window: 60, search: 'user', statusMin: 200 },
  { threshold: 1, window: 30, statusMin: 500 },
  { threshold: 0.5, window: 20, search: '/api/help', statusMin: 400 },
  { threshold: 0, window: 7, search: 'report', statusMin: 404 },
];

function reference({ threshold, window, search, statusMin }: Case): [string, number, number][] {
  const filters = [
    ...(search === undefined ? [] : ['--url-filter', search]),
    ...(statusMin === undefined ? [] : ['--status-min', String(statusMin)]),
  ];
  const args = [REFERENCE!, SAMPLE!, '--threshold', String(threshold), '--window', String(window), ...filters];
  const { alerts } = JSON.parse(execFileSync('python3', args, { encoding: 'utf8', maxBuffer: 2 ** 28 }));
  return alerts.map(({ type, at, count }: { type: string; at: number; count: number }) => [type, at, count / window]);
}

function sampleEntries(): object[] {
  const rows = readFileSync(SAMPLE!, 'utf8').trim().split('\n').slice(1);
  return rows.map((row) => {
    const [host, , , date, request, status, bytes] = row.replaceAll('"', '').split(',');
    const [method, path] = request.split(' ');
    const time = new Date(Number(date) * 1_000).toISOString();
    return { time, host, method, path, status: Number(status), bytes: Number(bytes) };
  });
}

const INGEST = 'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { outcome } }';

(canRun ? describe : describe.skip)(`the reference${canRun ? '' : ' (not here)'}`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  }, 60_000);
  afterAll(() => server.close());

  test.each([37, 1_000])(
    'in batches of %i lines each rule tells the transitions of the reference',
    async (size) => {
      const agent = `in batches of ${size}`;
      const rules: string[] = [];
      for (const { threshold, window, ...filter } of CASES)
        rules.push(await createRule(server, { name: 'as the reference', threshold, window: `PT${window}S`, filter }));
      const entries = sampleEntries();
      for (let i = 0; i < entries.length; i += size) {
        const { errors } = await server.gql(INGEST, { input: { agent, entries: entries.slice(i, i + size) } });
        expect(errors).toBeUndefined();
      }
      await endAgent(server, agent);
      const id = await agentId(server, agent);
      const told = async (rule: string) =>
        (await alertEvents(server, [rule]))
          .filter((event) => event.agent?.id === id)
          .map(({ type, at, value }) => [type, Date.parse(at) / 1_000, value]);
      for (const [i, one] of CASES.entries()) {
        const expected = reference(one);
        expect(expected.length).toBeGreaterThan(0);
        await until(
          async () => (await told(rules[i])).length >= expected.length,
          20_000,
          `events of ${JSON.stringify(one)}`,
        );
        expect(await told(rules[i])).toEqual(expected);
      }
    },
    120_000,
  );
});
