// Goal: a server says nothing beside its log, however much one request reads at once.
// Method: the built command, and a query that reads something of each of many agents.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { line } from '../support/ingest.js';
import { removeFolder, startServerProcess } from '../support/server-process.js';

/** Two reads each: more than all connections are at once. */
const AGENTS = 60;
const INGEST = 'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { outcome } }';
const EACH = `{ agents(first: ${AGENTS}) { nodes { ledger { accepted } streams { position } } } }`;

const folder = mkdtempSync(join(tmpdir(), 'hlm-quiet-'));
afterAll(() => removeFolder(folder));

test('reads of one request, more than ten at once, are no warning', async () => {
  const server = await startServerProcess(folder);
  // Together, so that all connections to the database are open when the query comes.
  const names = Array.from({ length: AGENTS }, (_, i) => `web-${i}`);
  const entries = [line(Date.UTC(2026, 0, 31, 12))];
  const answers = await Promise.all(names.map((agent) => server.gql(INGEST, { input: { agent, entries } })));
  for (const { data } of answers) expect(data.ingestLogs.outcome).toBe('APPENDED');
  for (let i = 0; i < 10; i++) {
    const { data, errors } = await server.gql(EACH);
    expect(errors).toBeUndefined();
    expect(data.agents.nodes.map(({ ledger }: { ledger: { accepted: number } }) => ledger.accepted)).toEqual(
      Array(AGENTS).fill(1),
    );
  }
  const { code, stderr } = await server.stop();
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('Warning') });
});
