// Goal: as its user runs it, the agent ends as it says, and no line is lost or counted twice, whoever is killed when.
// Method: the built command against the real server on its own PostgreSQL; every line has a path of its own, and the
// stored entries are compared with the lines written.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { constants, getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hlm, ROOT, type RunningCommand } from '../support/command.js';
import { numberedLines, numbers, storedNumbers, writeNumberedLines } from '../support/numbered-lines.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { describeWithData, sharedData } from '../support/shared-data.js';

const STOP_MS = 5_000;
let server: TestServer;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hlm-agent-e2e-'));
  server = await startTestServer();
}, 60_000);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const agentArgs = (name: string, args: string[]) => [
  'agent',
  '--name',
  name,
  '--url',
  server.url,
  '--data',
  server.dataFolder,
  ...args,
];
const agent = (name: string, ...args: string[]): RunningCommand => hlm(agentArgs(name, args));

interface Seen {
  id: string;
  status: string;
  ledger: { lines: number; accepted: number; malformed: number; skipped: number };
  streams: { name: string; position: number; closedAt: string | null; ledger: { lines: number } }[];
}

async function seen(name: string): Promise<Seen | undefined> {
  const { data } = await server.gql(
    `query ($name: String) { agents(search: $name) { nodes { id name status ledger { lines accepted malformed skipped }
       streams { name position closedAt ledger { lines } } } } }`,
    { name },
  );
  return data.agents.nodes.find((node: { name: string }) => node.name === name);
}

const accepted = async (name: string) => (await seen(name))?.ledger.accepted ?? 0;

const storedIds = async (name: string) => storedNumbers(server.gql, [(await seen(name))?.id]);

describeWithData('the exercise’s file', () => {
  test('once, and once more: all of it exactly once, in the totals and on the server', async () => {
    const file = sharedData('sample_csv.txt') ?? '';
    const first = await agent('sample', '--once', file).finished;
    expect(first).toMatchObject({ code: 0, stdout: '' });
    expect(first.stderr.trim().split('\n').at(-1)).toBe(`hlm agent: ${file}: 4830 accepted, 0 malformed, 1 skipped`);
    expect((await agent('sample', '--once', file).finished).code).toBe(0);
    const ledger = { lines: 4_830, accepted: 4_830, malformed: 0, skipped: 1 };
    expect(await seen('sample')).toMatchObject({
      ledger,
      streams: [{ name: file, position: 332_789 }],
      status: 'OFFLINE',
    });
  });
});

describe('mistakes end in one clear line', () => {
  test.each([
    ['a missing file', ['/nowhere/access.log'], /^hlm: \/nowhere\/access\.log: no such file\n$/],
    ['a wrong token', ['--token', 'wrong', '--once'], /^hlm: http:\S+ does not know this token: .*\n$/],
    [
      'an address of something else',
      ['--once', '--url', 'SERVER/nothing-here'],
      /^hlm: http:\S+ does not answer GraphQL .*\n$/,
    ],
    ['no address', ['--url', 'nonsense'], /^hlm: "nonsense" is no address/],
    ['a rate that is none', ['--rate', 'fast'], /--rate.*'fast' is invalid/],
    ['a format that is none', ['--format', 'xml'], /--format.*'xml' is invalid/],
  ])('%s', async (_what, args, message) => {
    const file = join(folder, 'mistakes.log');
    writeFileSync(file, numberedLines(0, 1));
    const given = args.map((arg) => arg.replace('SERVER', new URL(server.url).origin));
    const { code, stderr, stdout } = await agent('mistakes', ...given, ...(args[0].startsWith('/') ? [] : [file]))
      .finished;
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  test('a server that cannot be reached is none: one line, and then it is waited for', async () => {
    const file = join(folder, 'unreachable.log');
    writeFileSync(file, numberedLines(0, 1));
    const running = agent('unreachable', '--once', '--url', 'http://127.0.0.1:1/graphql', file);
    await until(() => running.output.stderr !== '', STOP_MS, 'its line');
    await sleep(1_000); // Two or three attempts more.
    expect(running.output.stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/cannot be reached .*; trying again$/),
    ]);
    running.child.kill('SIGTERM');
    expect((await running.finished).code).toBe(0);
  });
});

test('it gives way to the web server beside it', async () => {
  const file = join(folder, 'beside.log');
  writeFileSync(file, numberedLines(0, 1));
  const running = agent('beside', '--from-start', file);
  await until(async () => (await accepted('beside')) === 1, 20_000, 'its line');
  const { PRIORITY_BELOW_NORMAL } = constants.priority;
  expect(getPriority(running.child.pid)).toBe(Math.max(getPriority(), PRIORITY_BELOW_NORMAL));
  running.child.kill('SIGTERM');
  expect((await running.finished).code).toBe(0);
});

test('a forwarder whose server is down, which closes every connection at once, is waited for', async () => {
  const forwarder = createServer((connection) => connection.destroy())
    .listen(0, '127.0.0.1')
    .unref();
  await once(forwarder, 'listening');
  const { port } = forwarder.address() as AddressInfo;
  const file = join(folder, 'forwarded.log');
  writeFileSync(file, numberedLines(0, 1));
  const url = `http://127.0.0.1:${port}/graphql`;
  // Several: each begins at another instant of the connection's end.
  const all = Array.from({ length: 4 }, (_, i) => agent(`forwarded-${i}`, '--from-start', '--url', url, file));
  let ended = 0;
  for (const { finished } of all) void finished.then(() => ended++);
  const told = () => all.every(({ output }) => /cannot be reached .*; trying again/.test(output.stderr));
  await until(() => ended > 0 || told(), 20_000, 'their line');
  for (const { child } of all) child.kill('SIGTERM');
  expect(ended).toBe(0);
  expect((await Promise.all(all.map(({ finished }) => finished))).map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  forwarder.close();
});

describe('standard input', () => {
  test('to its end', async () => {
    const { code } = await hlm(agentArgs('piped', ['-']), {
      input: `${numberedLines(0, 3)}bad\n${numberedLines(3, 4).trimEnd()}`,
    }).finished;
    expect(code).toBe(0);
    expect(await storedIds('piped')).toEqual(numbers(4));
    expect(await seen('piped')).toMatchObject({ ledger: { lines: 5, malformed: 1 }, streams: [{ name: 'stdin' }] });
  });
});

describe('following', () => {
  test('a stop is exit code 0, and the next start goes on', async () => {
    const file = join(folder, 'stopped.log');
    writeFileSync(file, numberedLines(0, 5));
    for (const [signal, from] of [
      ['SIGTERM', 5],
      ['SIGINT', 10],
    ] as const) {
      const running = agent('stopped', '--from-start', file);
      await until(async () => (await accepted('stopped')) === from, STOP_MS, 'what was there');
      running.child.kill(signal);
      expect((await running.finished).code).toBe(0);
      appendFileSync(file, numberedLines(from, from + 5));
    }
    expect((await agent('stopped', '--once', file).finished).code).toBe(0);
    expect(await storedIds('stopped')).toEqual(numbers(15));
    expect((await seen('stopped'))?.streams).toHaveLength(1);
  });

  test('ends with the process that started it', async () => {
    const file = join(folder, 'child.log');
    writeFileSync(file, numberedLines(0, 1));
    const child: ChildProcess = fork(join(ROOT, 'dist/cli/hlm.js'), agentArgs('child', ['--from-start', file]), {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
    await until(async () => (await accepted('child')) === 1, STOP_MS, 'its line');
    child.disconnect();
    expect(await exited).toBe(0);
  });

  test('of two processes with one stream the later one goes on', async () => {
    const file = join(folder, 'twice.log');
    writeFileSync(file, numberedLines(0, 2));
    const first = agent('twice', '--from-start', file);
    await until(async () => (await accepted('twice')) === 2, STOP_MS, 'the first');
    const second = agent('twice', '--from-start', file);
    await until(() => second.output.stderr.includes('from byte'), STOP_MS, 'the second');
    appendFileSync(file, numberedLines(2, 4));
    const { code, stderr } = await first.finished;
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/another process/) });
    await until(async () => (await accepted('twice')) === 4, STOP_MS, 'the lines');
    second.child.kill('SIGTERM');
    expect((await second.finished).code).toBe(0);
    expect(await storedIds('twice')).toEqual(numbers(4));
  });
});

test('agents killed at any time, a server that restarts: each line exactly once', async () => {
  const file = join(folder, 'killed.log');
  writeFileSync(file, '');
  const writer = writeNumberedLines(file);
  for (let kill = 0; kill < 8; kill++) {
    const before = await accepted('killed');
    const running = agent('killed', '--from-start', file);
    await until(async () => (await accepted('killed')) > before, 20_000, 'progress');
    await sleep(kill * 37);
    if (kill === 4) await server.restart();
    running.child.kill('SIGKILL');
    await running.finished;
  }
  const id = await writer.end();
  expect((await agent('killed', '--once', file).finished).code).toBe(0);
  expect(await storedIds('killed')).toEqual(numbers(id));
  expect(await seen('killed')).toMatchObject({
    ledger: { lines: id, accepted: id, malformed: 0 },
    streams: [{ name: file }],
  });
}, 120_000);
