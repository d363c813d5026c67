// Goal: npm start shows everything with nothing to set up, says in one line what is wrong, and leaves nothing behind,
// however it ends.
// Method: the built command with folders of its own; its children looked for by the folder on their command lines; a real
// terminal where there is tmux.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { writeLines } from '../../simulator/file.js';
import { hlm, type RunningCommand } from '../support/command.js';
import { databaseToldToEndMs } from '../support/database.js';
import { hasTmux, Terminal } from '../support/terminal.js';

const HOUR_MS = 3_600_000;

const folder = mkdtempSync(join(tmpdir(), 'hlm-up-'));
const data = join(folder, 'data');
let running: RunningCommand[] = [];

/** `up` over this test's folder, on any free port, without a terminal. */
function up(...args: string[]): RunningCommand {
  const command = hlm(['up', '--data', data, '--port', '0', ...args], { withinMs: 120_000 });
  running.push(command);
  return command;
}

/** Processes of ours with this test's folder on their command line: children, agents, databases. */
function processes(): { pid: number; command: string }[] {
  const rows = execFileSync('ps', ['-ww', '-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return rows
    .map((row) => /^\s*(\d+) (.*)$/.exec(row))
    .filter((row) => row?.[2].includes(folder) && !row[2].startsWith('ps '))
    .map((row) => ({ pid: Number(row?.[1]), command: row?.[2] ?? '' }));
}

async function until(what: string, is: () => boolean, withinMs = 60_000): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!is()) {
    const outputs = running.map(({ output }) => JSON.stringify(output)).join('\n');
    if (Date.now() > endMs) throw new Error(`not ${what} within ${withinMs} ms:\n${outputs}`);
    await sleep(50);
  }
}

const printed = (command: RunningCommand, text: string | RegExp) =>
  until(`printed ${text}`, () => {
    if (command.child.exitCode !== null) throw new Error(`ended: ${JSON.stringify(command.output)}`);
    return command.output.stdout.match(text) !== null;
  });

/** Asks it to end, and returns how. */
async function ended(command: RunningCommand, signal: NodeJS.Signals): Promise<number | null> {
  command.child.kill(signal);
  return (await command.finished).code;
}

afterEach(async () => {
  for (const { child } of running) child.kill('SIGTERM');
  await Promise.all(running.map(({ finished }) => finished));
  running = [];
  await until('gone', () => processes().length === 0, 40_000);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('simulated traffic: address, link and traffic are shown; Ctrl-C ends all of it at once', async () => {
  const command = up('--no-tui');
  await printed(command, /^demo +\d+ hits/m);
  const { stdout } = command.output;
  const token = readFileSync(join(data, 'operator-token'), 'utf8').trim();
  const url = /^listening on (http:\/\/127\.0\.0\.1:\d+\/graphql)$/m.exec(stdout)?.[1];
  expect(stdout).toContain(`\nweb page: ${new URL('/', url)}#token=${token}\nGraphiQL: ${url}#token=${token}\n`);
  expect(existsSync(join(data, 'logs', 'server.log'))).toBe(true);
  expect(readFileSync(join(data, 'simulated', 'access.log'), 'utf8')).toMatch(/^\S+ - \S+ \[.*"\n/);
  // Neither children nor their tokens are anyone's to see.
  expect(
    processes()
      .map(({ command }) => command)
      .join('\n'),
  ).not.toContain(token);
  const toldMs = Date.now();
  expect(await ended(command, 'SIGINT')).toBe(0);
  expect(databaseToldToEndMs(data) - toldMs).toBeLessThan(5_000);
  expect(command.output.stderr).toBe('');
  expect(processes()).toEqual([]);
});

test('a file is followed from its start, and its alerts are told', async () => {
  const file = join(folder, 'shop.log');
  await writeLines(file, 4_000, Date.now() - HOUR_MS, { seed: 3 });
  const command = up('--no-tui', '--file', file);
  await printed(command, /High traffic generated an alert - hits = 10\.\d\d, triggered at /);
  expect(command.output.stdout).toMatch(/shop\.log/);
  expect(existsSync(join(data, 'simulated', 'access.log'))).toBe(true);
  expect(await ended(command, 'SIGTERM')).toBe(0);
});

test('what is wrong is one line, and an exit code', async () => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => blocker.once('listening', resolve));
  const taken = String((blocker.address() as { port: number }).port);
  const notAFolder = join(folder, 'not-a-folder');
  writeFileSync(notAFolder, '');
  const noLog = join(folder, 'no-log.txt');
  writeFileSync(noLog, 'Dear diary,\ntoday nothing happened.\n'.repeat(20));
  const cases: [string[], RegExp][] = [
    [['--file', join(folder, 'missing.log')], /missing\.log: no such file$/],
    [['--file', folder], /is no regular file$/],
    [['--port', 'x'], /"x" is no port; expected 0 to 65535$/],
    [['--data', notAFolder], /cannot make the folder .*not-a-folder: there is a file$/],
    [['--port', taken], new RegExp(`port ${taken} on 127\\.0\\.0\\.1 is in use`)],
    [['--file', noLog], /no-log\.txt/],
  ];
  for (const [args, message] of cases) {
    const command = up('--no-tui', ...args);
    const { code, stderr } = await command.finished;
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr.trim()).toMatch(/^hlm: /);
    expect(stderr.trim()).toMatch(message);
    expect(code).toBe(1);
  }
  blocker.close();
});

test('a second one on the same folder is told so, and does the first no harm', async () => {
  const first = up('--no-tui');
  await printed(first, /^following /m);
  const second = up('--no-tui');
  const { code, stderr } = await second.finished;
  expect(stderr).toMatch(/^hlm: a server is already running on .* \(process \d+\)\n$/);
  expect(code).toBe(1);
  await printed(first, /^demo +\d+ hits/m);
});

test('a part that dies ends the others, and is named; the next start goes on', async () => {
  for (const part of ['server', 'agent']) {
    const command = up('--no-tui');
    await printed(command, /^demo +\d+ hits/m);
    const found = processes().find(({ command }) => command.includes(`hlm.js ${part} `));
    process.kill(found?.pid ?? 0, 'SIGKILL');
    const { code, stderr } = await command.finished;
    // The terminal client may notice first that the server is gone.
    expect(stderr).toMatch(
      new RegExp(`^(connection lost .*\n)?hlm: the ${part} ended unexpectedly \\(SIGKILL\\); see \\S+${part}\\.log\n$`),
    );
    expect(code).toBe(1);
  }
  // The database of a server that was killed outlives it, and is found again.
  const next = up('--no-tui');
  await printed(next, /^demo +\d+ hits/m);
  expect(await ended(next, 'SIGINT')).toBe(0);
});

test('when it is killed itself, nothing outlives it', async () => {
  const command = up('--no-tui');
  await printed(command, /^following /m);
  expect(processes().length).toBeGreaterThan(2);
  await ended(command, 'SIGKILL');
  await until('gone', () => processes().length === 0, 40_000);
});

test('a log that has grown too large is begun anew', async () => {
  mkdirSync(join(data, 'logs'), { recursive: true });
  const log = join(data, 'logs', 'agent.log');
  writeFileSync(log, `${'x'.repeat(1_000)}\n`.repeat(11_000));
  const command = up('--no-tui');
  await printed(command, /^demo +\d+ hits/m);
  expect(statSync(log).size).toBeLessThan(10_000);
});

(hasTmux ? test : test.skip)('in a terminal: the page of the one server; q leaves the shell as it was', async () => {
  const terminal = Terminal.open(['up', '--data', data, '--port', '0']);
  try {
    await terminal.see(/demo · ● LIVE/, 60_000);
    await terminal.see('/api');
    terminal.press('q');
    await terminal.see('exit 0');
    expect(terminal.screen()).toContain('GraphiQL: http://127.0.0.1:');
    expect(processes().filter(({ command }) => !command.includes('tmux'))).toEqual([]);
  } finally {
    terminal.close();
  }
});
