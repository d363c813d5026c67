// Goal: who asks too much or too long is told so, and when to come again; ingest is never held back by it.
// Method: real servers with small limits, each asked until it refuses.
import { expect, test } from '@jest/globals';
import WebSocket from 'ws';
import { JSON_TYPE, SMALL } from '../support/hostile-http.js';
import { startTestServer, type TestServer, until } from '../support/server.js';

/** Asks until it is refused. */
async function refusalBy({ url, operatorToken }: TestServer): Promise<{ status: number; code: string }> {
  for (;;) {
    const headers = { ...JSON_TYPE, authorization: `Bearer ${operatorToken}` };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query: SMALL }) });
    const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
    if (errors) return { status: response.status, code: errors[0].extensions.code };
  }
}

test('too many operations of a token: told when to come again, and then taken; ingest is not counted among them', async () => {
  const slow = await startTestServer({ limits: { operationsPerSecond: 5 } });
  try {
    const answers = await Promise.all(Array.from({ length: 60 }, () => slow.gql(SMALL)));
    const refused = answers.filter(({ errors }) => errors?.[0].extensions.code === 'RATE_LIMITED');
    expect(refused.length).toBeGreaterThan(20);
    expect(refused.length).toBeLessThan(60);
    const { status, code } = await refusalBy(slow);
    expect({ status, code }).toEqual({ status: 429, code: 'RATE_LIMITED' });
    const entries = [{ time: '2024-05-01T12:00:00Z', host: 'h', method: 'GET', path: '/', status: 200 }];
    const ingest = 'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { outcome } }';
    const sent = await Promise.all(
      Array.from({ length: 60 }, () => slow.gql(ingest, { input: { agent: 'a', entries } })),
    );
    expect(sent.every(({ data }) => data?.ingestLogs.outcome === 'APPENDED')).toBe(true);
    await until(async () => (await slow.gql(SMALL)).errors === undefined, 10_000, 'the operation to be taken again');
  } finally {
    await slow.close();
  }
});

test('a query that takes too long is cancelled, and told so', async () => {
  const hasty = await startTestServer({ limits: { queryMs: 1 } });
  try {
    const query = '{ agents { totalCount } alertRules { id } retention { windowsStored { rows } } }';
    await until(
      async () => (await hasty.gql(query)).errors?.[0].extensions.code === 'RESOURCE_EXHAUSTED',
      20_000,
      'a query to be cut off',
    );
  } finally {
    await hasty.close();
  }
});

test('behind a trusted proxy wrong tokens and sockets count for whom it forwards, not for the proxy', async () => {
  // Of one address three connections before it signs in: the proxy has more.
  const limits = { wrongTokensPerMinute: 3, strangersPerAddress: 2, connections: 12 };
  const behind = await startTestServer({ limits, trustedProxies: ['127.0.0.1'] });
  const guess = async (forwarded: string) => {
    const headers = { ...JSON_TYPE, authorization: 'Bearer a-guess', 'x-forwarded-for': forwarded };
    const response = await fetch(behind.url, { method: 'POST', headers, body: JSON.stringify({ query: SMALL }) });
    return response.status;
  };
  /** Whether a socket is let in that says nothing. */
  const opens = (forwarded: string) =>
    new Promise<boolean>((resolve) => {
      const socket = new WebSocket(behind.url.replace(/^http/, 'ws'), 'graphql-transport-ws', {
        headers: { 'x-forwarded-for': forwarded },
      });
      sockets.push(socket);
      socket.on('open', () => resolve(true));
      socket.on('error', () => resolve(false));
    });
  const sockets: WebSocket[] = [];
  try {
    // What stands before it the client wrote.
    for (const forged of ['', '192.0.2.1, ', '192.0.2.2, ']) expect(await guess(`${forged}198.51.100.7`)).toBe(401);
    expect(await guess('192.0.2.3, 198.51.100.7')).toBe(429);
    expect(await guess('198.51.100.8')).toBe(401);
    expect([await opens('198.51.100.7'), await opens('198.51.100.7')]).toEqual([true, true]);
    expect(await opens('192.0.2.3, 198.51.100.7')).toBe(false);
    expect(await opens('198.51.100.8')).toBe(true);
  } finally {
    for (const socket of sockets) socket.terminate();
    await behind.close();
  }
});
