// Goal: the terminal client as its user meets it: history at login, live without a gap, keys, a lost connection, the
// terminal given back, plain lines in a pipe, mistakes in one line. Method: the built command in a real terminal
// (tmux) against a real server; waits on what the screen says, never on time.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { hlm } from '../support/command.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { hasTmux, Terminal, type TerminalOptions } from '../support/terminal.js';

const START_MS = Date.parse('2019-02-07T21:10:00Z');
const INGEST = 'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { outcome accepted } }';
const TRIGGERED = 'High traffic generated an alert - hits = 10.08, triggered at 2019-02-07T21:11:49Z';
const RECOVERED = 'High traffic recovered - hits = 10.00, recovered at 2019-02-07T21:12:41Z';

let server: TestServer;
let terminal: Terminal | undefined;

/** So many requests in a second. */
const requests = (atMs: number, hits: number, path = '/api/user') =>
  Array.from({ length: hits }, (_, index) => ({
    time: new Date(atMs).toISOString(),
    host: `10.0.0.${index % 5}`,
    method: 'GET',
    path,
    protocol: 'HTTP/1.1',
    status: index === 0 ? 500 : 200,
    bytes: 1_000,
  }));

async function ingest(agent: string, entries: object[]): Promise<void> {
  const { data, errors } = await server.gql(INGEST, { input: { agent, entries } });
  expect(errors).toBeUndefined();
  expect(data.ingestLogs.accepted).toBe(entries.length);
}

const open = (args: string[] = [], options?: TerminalOptions): Terminal => {
  terminal = Terminal.open(['tui', '--url', server.url, '--data', server.dataFolder, ...args], options);
  return terminal;
};

beforeAll(async () => {
  server = await startTestServer();
  // 11 hits/s for 150 s, then 1 hit/s: above 10 on average from the 110th second on, no more from the 162nd.
  const old = Array.from({ length: 200 }, (_, second) =>
    requests(START_MS + second * 1_000, second < 150 ? 11 : 1),
  ).flat();
  await ingest('old-file', old);
  await ingest('web-1', requests(Date.now(), 3, '/re\u001b]0;owned\u0007port/x'));
}, 120_000);

afterEach(() => {
  terminal?.close();
  terminal = undefined;
});

afterAll(() => server.close());

const describeInTerminal = hasTmux ? describe : describe.skip;

describeInTerminal('in a terminal', () => {
  test('servers, one server, its history and alerts, and back', async () => {
    const screen = open();
    await screen.see(/▌1 +old-file/);
    await screen.see(/ 2 +web-1 +● LIVE/);
    screen.press('Enter');
    await screen.see('newest event 2019-02-07 21:13:19Z, ');
    await screen.see(TRIGGERED);
    await screen.see(RECOVERED);
    await screen.see('╌╌ High traffic: hits/s over 2 min > 10');
    // (21:11:19, 21:13:19]: 70 s of 11 and 50 s of 1.
    await screen.see(/last 2 min, to 21:13:19 +820 +6\.83 /);
    await screen.see(/last 10 s, to 21:13:20 +10 +1\.00 /);
    await screen.see(/\/api +\d+ +100%/);
    screen.press('Tab');
    await screen.see('web-1 · ● LIVE');
    await screen.see(/\/report/);
    expect(screen.screen()).not.toContain('owned');
    screen.press('Escape');
    await screen.see('Servers · 2');
  });

  test('what is ingested while one looks is there within seconds, and adds up', async () => {
    const screen = open(['--agent', 'web-2']);
    await screen.see('waiting for a server named web-2');
    const nowMs = Date.now();
    await ingest('web-2', requests(nowMs, 40));
    await screen.see('web-2 · ● LIVE');
    await screen.see(/last 2 min.* 40 +0\.33 /);
    await ingest('web-2', requests(nowMs, 2));
    await screen.see(/last 2 min.* 42 +0\.35 /);
  });

  test("a server's log, as lines come in, errors alone, and back", async () => {
    const screen = open(['--agent', 'web-1']);
    await screen.see('Hits per second');
    screen.press('f');
    await screen.see('nothing has come since');
    // What comes before the server knows that somebody follows is not told.
    let sent = 0;
    await until(async () => {
      await ingest('web-1', requests(Date.now(), 2, `/re\u001b]0;owned\u0007port/${sent++}`));
      return /200 .* GET +\/report\/\d/.test(screen.screen());
    }, 20_000);
    expect(screen.screen()).not.toContain('owned');
    screen.press('e');
    await screen.see('log, status from 400');
    await until(async () => {
      await ingest('web-1', requests(Date.now(), 2, '/broken'));
      return / 500 .*\/broken/.test(screen.screen());
    }, 20_000);
    expect(screen.screen()).not.toMatch(/ 200 /);
    screen.press('Escape');
    await screen.see('Hits per second');
  });

  test('a threshold is set, and the server has it', async () => {
    const screen = open(['--agent', 'old-file']);
    await screen.see('> 10');
    screen.press('t', '1', '2', '.', '5', 'Enter');
    await screen.see('the threshold is 12.5 now');
    await screen.see('╌╌ High traffic: hits/s over 2 min > 12.5');
    const { data } = await server.gql('{ alertRules { threshold } }');
    expect(data.alertRules).toEqual([{ threshold: 12.5 }]);
    screen.press('q');
    await screen.see('exit 0');
    screen.close();
    await open(['--threshold', '10', '--agent', 'old-file']).see('╌╌ High traffic: hits/s over 2 min > 10 ');
  });

  test('a resize is followed, down to too small and back', async () => {
    const screen = open(['--agent', 'old-file']);
    await screen.see(TRIGGERED);
    screen.resize(80, 24);
    await screen.see(/── old-file · .* 21:13:19Z, .* ──$/m);
    screen.resize(50, 12);
    await screen.see('too small: 50×12');
    screen.resize(120, 40);
    await screen.see(/^╭─ old-file .*─╮$/m);
    await screen.see(TRIGGERED);
  });

  test.each([['q'], ['C-c']])('%s ends it with 0, and the terminal is as it was', async (key) => {
    const screen = open();
    await screen.see('Servers · ');
    expect([screen.state('alternate_on'), screen.state('cursor_flag')]).toEqual(['1', '0']);
    screen.press(key);
    await screen.see('exit 0');
    expect([screen.state('alternate_on'), screen.state('cursor_flag')]).toEqual(['0', '1']);
  });

  test('a signal ends it the same way', async () => {
    const screen = open();
    await screen.see('Servers · ');
    process.kill(screen.child('hlm.js'), 'SIGTERM');
    await screen.see('exit 0');
    expect(screen.state('alternate_on')).toBe('0');
  });

  test('without colours, and where CI is set, it shows the same', async () => {
    const screen = open([], { env: { NO_COLOR: '1', CI: 'true' } });
    await screen.see(/▌1 +old-file/);
    expect(screen.coloured()).not.toMatch(/\u001b\[(?:\d+;)*(?:3|4|9|10)[0-7]m/);
  });

  test('a lost connection is said and made again, nothing that was shown goes, nothing new is missed', async () => {
    const screen = open(['--agent', 'web-3']);
    const nowMs = Date.now();
    await ingest('web-3', requests(nowMs, 40));
    await screen.see(/last 2 min.* 40 +0\.33 /);
    const restarted = server.restart();
    await screen.see(/connection lost, retrying/);
    expect(screen.line('last 2 min')).toMatch(/ 40 +0\.33 /);
    await restarted;
    await ingest('web-3', requests(nowMs, 3));
    await screen.see('connected again');
    await screen.see(/last 2 min.* 43 +0\.36 /);
  }, 90_000);
});

describe('without a terminal', () => {
  test('plain lines: servers, and alerts in the words of the server; a signal ends them with 0', async () => {
    const run = hlm(['tui', '--url', server.url, '--data', server.dataFolder, '--agent', 'old-file']);
    // Each has a subscription of its own: either may come first.
    await until(() => [RECOVERED, ' hits '].every((text) => run.output.stdout.includes(text)), 20_000, 'both');
    run.child.kill('SIGTERM');
    const { code, stdout, stderr } = await run.finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^old-file {2}10 hits {2}1\.00\/s {2}100% errors/m);
    expect(stdout).toContain(`old-file  ${TRIGGERED}\n`);
    expect(stdout).not.toContain('\u001b');
    expect(stderr).toBe('');
  });

  test('a token or an address that is wrong is one line, and no stack', async () => {
    const wrong = await hlm(['tui', '--url', server.url, '--token', 'wrong']).finished;
    expect(wrong).toMatchObject({ code: 1, stdout: '', stderr: `hlm: ${server.url} does not accept this token\n` });
    const page = await hlm(['tui', '--url', server.url.replace('/graphql', '/nowhere'), '--token', 'x']).finished;
    expect(page).toMatchObject({ code: 1, stdout: '' });
    expect(page.stderr).toMatch(/^hlm: .* does not answer GraphQL \(HTTP 404\)\n$/);
    const nobody = await hlm(['tui', '--url', 'http://127.0.0.1:9/graphql', '--token', 'x']).finished;
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toMatch(/^hlm: cannot reach http:\/\/127\.0\.0\.1:9\/graphql: .*\n$/);
  });
});
