// Goal: a server that is told to stop answers what it is at, takes nothing new, tells its subscribers to come back, and leaves
//   no process behind; agents go on with the next one, and no line is lost or counted twice.
// Method: the built command; a batch that waits for its agent's lock, held from outside, is in flight for as long as it takes.
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import WebSocket from 'ws';
import { hlm } from '../support/command.js';
import { databaseToldToEndMs, databaseUrl, withConnection } from '../support/database.js';
import { line } from '../support/ingest.js';
import { numbers, storedNumbers, writeNumberedLines } from '../support/numbered-lines.js';
import { until } from '../support/server.js';
import { postmasters, removeFolder, type ServerProcess, startServerProcess } from '../support/server-process.js';

const INGEST = 'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { outcome accepted position } }';
const LIVE = 'subscription { liveWindows { agent { name } } }';

/** What is not answered by then is cut off. */
const CUT_OFF_MS = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'hlm-stop-'));
afterAll(() => removeFolder(folder));

function send(server: ServerProcess, from: number) {
  const stream = { id: 's', from, to: from + 1 };
  return server.gql(INGEST, { input: { agent: 'web', stream, entries: [line(Date.UTC(2026, 0, 31, 12))] } });
}

/** A subscriber that was told the state once; `messages` are what it hears, `closed` the code of its end. */
async function subscriber({ url }: ServerProcess) {
  const token = readFileSync(join(folder, 'operator-token'), 'utf8').trim();
  const socket = new WebSocket(url.replace(/^http/, 'ws'), 'graphql-transport-ws');
  const messages: { type: string }[] = [];
  socket.on('message', (data) => messages.push(JSON.parse(String(data))));
  const closed = once(socket, 'close').then(([code]) => code as number);
  await once(socket, 'open');
  const heard = (type: string) => until(() => messages.some((message) => message.type === type), 10_000, type);
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
  await heard('connection_ack');
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: LIVE } }));
  await heard('next');
  return { messages, closed };
}

async function dial({ url }: ServerProcess): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  return socket;
}

const refuses = (server: ServerProcess) =>
  dial(server).then(
    (socket) => {
      socket.destroy();
      return false;
    },
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  );

/** Whether a batch waits for its agent's lock, which it takes by name. */
const isWaiting = async (client: pg.Client) => {
  // Within a transaction, what was seen once is seen again.
  await client.query('SELECT pg_stat_clear_snapshot()');
  const { rows } = await client.query<{ query: string }>(
    "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
  );
  return rows.some(({ query }) => query.includes('AND name = $2 FOR NO KEY UPDATE'));
};

test('SIGTERM: the batch in flight is answered and durable, a new one is refused, sockets are told, nothing is left', async () => {
  const server = await startServerProcess(folder);
  expect((await send(server, 0)).data.ingestLogs.outcome).toBe('APPENDED');
  const subscribed = await subscriber(server);
  const begun = await dial(server);
  const answer = text(begun);
  begun.write('POST /graphql HTTP/1.1\r\nHost: localhost\r\n');

  let toldMs = 0;
  const inFlight = await withConnection(databaseUrl(folder), async (client) => {
    await client.query('BEGIN');
    await client.query("SELECT FROM agent WHERE name = 'web' FOR UPDATE");
    const appended = send(server, 1).catch((error: Error) => error);
    await until(() => isWaiting(client), 10_000, 'the batch to wait');
    server.command.child.kill('SIGTERM');
    toldMs = Date.now();
    expect(await subscribed.closed).toBe(1012);
    await until(() => refuses(server), 10_000, 'connections to be refused');
    begun.write('Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}');
    const [head, body] = (await answer).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 503 /);
    expect(JSON.parse(body).errors[0].extensions).toEqual({ code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1_000 });
    await client.query('COMMIT');
    return appended;
  });
  expect(inFlight).toMatchObject({ data: { ingestLogs: { outcome: 'APPENDED', accepted: 1, position: 2 } } });
  expect(subscribed.messages.some(({ type }) => type === 'complete')).toBe(false);
  expect(await server.command.finished).toMatchObject({ code: 0, stderr: '' });
  // Nothing is waited for once all is answered, not even connections that a client would keep.
  expect(databaseToldToEndMs(folder) - toldMs).toBeLessThan(CUT_OFF_MS);
  expect(existsSync(`/proc/${server.pid}`)).toBe(false);
  expect(postmasters(folder)).toEqual([]);

  const next = await startServerProcess(folder);
  expect((await send(next, 1)).data.ingestLogs).toMatchObject({ outcome: 'DUPLICATE', position: 2 });
  expect((await next.stop()).code).toBe(0);
});

test('an agent outlives servers that are told to stop, amidst a batch or not: each line exactly once', async () => {
  let server = await startServerProcess(folder);
  const { port } = new URL(server.url);
  const file = join(folder, 'access.log');
  writeFileSync(file, '');
  const writer = writeNumberedLines(file, 50);
  const args = ['agent', '--name', 'follows', '--url', server.url, '--data', folder, '--from-start', file];
  const agent = hlm(args, { withinMs: 120_000 });
  const seen = async () => {
    const { data } = await server.gql('{ agents(search: "follows") { nodes { id ledger { accepted } } } }');
    return data.agents.nodes[0] as { id: string; ledger: { accepted: number } } | undefined;
  };
  const accepted = async () => (await seen())?.ledger.accepted ?? 0;
  for (let round = 0; round < 2; round++) {
    const before = await accepted();
    await until(async () => (await accepted()) > before, 20_000, 'progress');
    const stopped =
      round % 2 === 0
        ? server.stop()
        : withConnection(databaseUrl(folder), async (client) => {
            await client.query('BEGIN');
            await client.query("SELECT FROM agent WHERE name = 'follows' FOR UPDATE");
            await until(() => isWaiting(client), 10_000, 'the batch to wait');
            server.command.child.kill('SIGTERM');
            await until(() => refuses(server), 10_000, 'connections to be refused');
            await client.query('COMMIT');
          }).then(() => server.command.finished);
    expect(await stopped).toMatchObject({ code: 0, stderr: '' });
    server = await startServerProcess(folder, { args: ['--port', port] });
  }
  const count = await writer.end();
  await until(async () => (await accepted()) === count, 20_000, 'all of it');
  agent.child.kill('SIGTERM');
  expect((await agent.finished).code).toBe(0);
  expect(await storedNumbers(server.gql, [(await seen())?.id])).toEqual(numbers(count));
  expect((await server.stop()).code).toBe(0);
}, 180_000);
