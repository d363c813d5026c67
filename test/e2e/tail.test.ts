// Goal: `hlm tail` prints what servers log as it comes, through a restart, until it is ended; mistakes in one line.
// Method: the built command as a process of its own against a real server; waits on what it prints, never on time.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { hlm, type RunningCommand } from '../support/command.js';
import { ingest, line } from '../support/ingest.js';
import { startTestServer, type TestServer, until } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  for (const agent of ['web-1', 'web-2'])
    await ingest(server, { agent, entries: [line(Date.now(), { path: '/before' })] });
}, 60_000);
afterAll(() => server.close());

const tail = (...args: string[]): RunningCommand =>
  hlm(['tail', '--url', server.url, '--data', server.dataFolder, ...args]);

let sent = 0;
/** Sends a line to each agent and again, until a command has printed it: what comes before it follows is not told. */
async function sendUntilPrinted({ output }: RunningCommand, about: object = {}): Promise<string> {
  let path = '';
  const isPrinted = () => output.stdout.includes(path);
  await until(
    async () => {
      path = `/sent/${sent++}x`;
      for (const agent of ['web-1', 'web-2'])
        await ingest(server, { agent, entries: [line(Date.now(), { path, ...about })] });
      return until(isPrinted, 1_000).then(
        () => true,
        () => false,
      );
    },
    30_000,
    'a line to be printed',
  );
  return path;
}

test('lines of all servers, each behind its name, through a restart of the server; a signal ends it with 0', async () => {
  const run = tail();
  const first = await sendUntilPrinted(run);
  await until(() => run.output.stdout.split(first).length === 3);
  await server.restart();
  await sendUntilPrinted(run);
  await until(() => run.output.stderr.includes('again'));
  run.child.kill('SIGINT');
  const { code, stdout, stderr } = await run.finished;
  expect(code).toBe(0);
  for (const printed of stdout.trimEnd().split('\n'))
    expect(printed).toMatch(
      /^web-[12] {2}192\.0\.2\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/sent\/\d+x" 200 10$/,
    );
  expect(stdout).not.toContain('/before');
  expect(stderr).toMatch(/^connection lost \(.*\), retrying in \d+ s\nconnected again\n$/);
}, 90_000);

test('only what is asked for, as JSON', async () => {
  const run = tail('--agent', 'web-1', '--status-min', '400', '--path', '/asked', '--json');
  const asked = { path: '/asked', status: 404, userAgent: '\u001b]0;owned\u0007' };
  await until(async () => {
    await ingest(server, {
      agent: 'web-1',
      entries: [line(Date.now(), { status: 500 }), line(Date.now(), { path: '/asked' }), line(Date.now(), asked)],
    });
    await ingest(server, { agent: 'web-2', entries: [line(Date.now(), asked)] });
    return run.output.stdout.includes('\n');
  }, 30_000);
  run.child.kill('SIGTERM');
  const { code, stdout } = await run.finished;
  expect(code).toBe(0);
  expect(stdout).not.toContain('\u001b');
  for (const printed of stdout.trimEnd().split('\n'))
    expect(JSON.parse(printed)).toMatchObject({ agent: 'web-1', ...asked, method: 'GET', host: '192.0.2.1' });
}, 60_000);

test('more than can be shown is left out and said, and every line is one or the other', async () => {
  const run = tail('--agent', 'web-1', '--search', 'flood');
  const follows = async () => {
    await ingest(server, { agent: 'web-1', entries: [line(Date.now(), { path: '/flood/first' })] });
    return run.output.stdout.includes('\n');
  };
  let firsts = 0;
  await until(async () => {
    firsts++;
    return follows();
  }, 30_000);
  const batch = Array.from({ length: 2_000 }, (_, i) => line(Date.now(), { path: `/flood/${i}` }));
  for (let i = 0; i < 5; i++) await ingest(server, { agent: 'web-1', entries: batch });
  const counted = () => {
    const leftOut = [...run.output.stderr.matchAll(/^(\d+) left out$/gm)];
    const told = leftOut.reduce((sum, [, count]) => sum + Number(count), 0);
    const printed = run.output.stdout.split('\n').filter((text) => text.includes('/flood/') && !text.includes('first'));
    return { told, printed: printed.length };
  };
  await until(() => counted().told + counted().printed >= 10_000 - firsts, 30_000);
  const { told, printed } = counted();
  expect(printed).toBeGreaterThanOrEqual(200);
  expect(told).toBeGreaterThan(0);
  expect(told + printed).toBeLessThanOrEqual(10_000 + firsts);
  run.child.kill('SIGINT');
  await run.finished;
}, 90_000);

test('a reader that goes away ends it; mistakes are one line', async () => {
  const run = tail();
  run.child.stdout.destroy();
  await until(async () => {
    await ingest(server, { agent: 'web-1', entries: [line(Date.now())] });
    return run.child.exitCode !== null;
  }, 30_000);
  expect((await run.finished).code).toBe(0);
  const mistakes: [string[], RegExp][] = [
    [['--agent', 'nobody'], /^hlm: no server is named "nobody"\n$/],
    [['--status-min', 'x'], /^hlm: --status-min is "x"; expected a status, 0 to 999\n$/],
    [['--path', 'x'.repeat(1_001)], /^hlm: The filter's path must have at most 1000 characters, and no NUL\.\n$/],
    [['--token', 'wrong'], /^hlm: .* does not accept this token\n$/],
  ];
  for (const [args, said] of mistakes) {
    const { code, stdout, stderr } = await tail(...args).finished;
    expect([args[0], code, stdout]).toEqual([args[0], 1, '']);
    expect(stderr).toMatch(said);
  }
}, 90_000);
