// Goal: with a certificate all goes by TLS, sockets too, and agents and terminals come in by it; without one, beyond this
// machine, the server warns; tokens come from files and are nowhere to be read.
// Method: the built commands on a certificate made here; the list of processes and all output are searched for tokens.
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { hlm } from '../support/command.js';
import { until } from '../support/server.js';
import { removeFolder, type ServerProcess, startServerProcess } from '../support/server-process.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) process.stderr.write('tls.test.ts: skipped, for there is no openssl to make a certificate with\n');

const folder = mkdtempSync(join(tmpdir(), 'hlm-tls-'));
const data = join(folder, 'data');
const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
const trusting = { NODE_EXTRA_CA_CERTS: cert };
const started: ServerProcess[] = [];

/** Makes a certificate of its own for this machine. */
function makeCertificate(certFile: string, keyFile: string): void {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['-days', '2', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const made = ['req', '-x509', '-keyout', keyFile, '-out', certFile, ...kind, ...subject];
  execFileSync('openssl', made, { stdio: 'ignore' });
}

beforeAll(() => {
  if (hasOpenssl) makeCertificate(cert, key);
});
afterAll(async () => {
  await Promise.all(started.map((server) => server.stop()));
  removeFolder(folder);
});

async function start(options: Parameters<typeof startServerProcess>[1], at = data): Promise<ServerProcess> {
  const server = await startServerProcess(at, options);
  started.push(server);
  return server;
}

/** Command lines of all processes. */
function commandLines(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/cmdline`))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    })
    .join('\n');
}

(hasOpenssl ? describe : describe.skip)('a server with a certificate', () => {
  let server: ServerProcess;
  let token: string;
  beforeAll(async () => {
    server = await start({ args: ['--tls-cert', cert], env: { HLM_TLS_KEY: key } });
    token = readFileSync(join(data, 'operator-token'), 'utf8').trim();
  }, 90_000);

  test('says https, and keeps browsers to it', async () => {
    expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/graphql$/);
    const headers = await new Promise<NodeJS.Dict<string | string[]>>((resolve, reject) => {
      get(server.url.replace('/graphql', '/healthz'), { ca: readFileSync(cert) }, (response) => {
        response.resume();
        resolve(response.headers);
      }).on('error', reject);
    });
    expect(headers['strict-transport-security']).toMatch(/max-age=\d+/);
  });

  test('answers nothing without TLS', async () => {
    await expect(fetch(server.url.replace('https', 'http'))).rejects.toThrow();
  });

  test('an agent comes in by it with its token from a file, and a subscriber hears over wss', async () => {
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, `${readFileSync(join(data, 'agent-token'), 'utf8')}\n`, { mode: 0o600 });
    const log = join(folder, 'access.log');
    writeFileSync(log, '192.0.2.1 - - [31/Jan/2026:12:00:00 +0000] "GET /a/b HTTP/1.1" 200 5\n');
    const args = [
      'agent',
      '--once',
      '--from-start',
      '--name',
      'tls',
      '--url',
      server.url,
      '--token-file',
      tokenFile,
      log,
    ];
    expect(await hlm(args, { env: trusting }).finished).toMatchObject({ code: 0 });
    const ca = readFileSync(cert);
    const client = createClient({
      url: server.url.replace('https', 'wss'),
      webSocketImpl: class extends WebSocket {
        constructor(url: string, protocols: string) {
          super(url, protocols, { ca });
        }
      },
      connectionParams: { authorization: `Bearer ${token}` },
    });
    const messages = client.iterate<{ liveWindows: { agent: { name: string } }[] }>({
      query: 'subscription { liveWindows { agent { name } } }',
    });
    expect((await messages.next()).value).toMatchObject({ data: { liveWindows: [{ agent: { name: 'tls' } }] } });
    await client.dispose();
  });

  test('the terminal client, too', async () => {
    const tui = hlm(['tui', '--plain', '--url', server.url, '--token-file', join(data, 'operator-token')], {
      env: trusting,
    });
    await until(
      () => tui.output.stdout.includes('tls') || tui.child.exitCode !== null,
      20_000,
      'the line of the agent',
    );
    expect(tui.output.stdout).toContain('tls');
    tui.child.kill('SIGINT');
    await tui.finished;
  });

  test('a new certificate is taken while it runs; one of no use is not, which the log says once', async () => {
    const { port } = new URL(server.url);
    /** Of the certificate that a new connection is shown. */
    const fingerprint = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().fingerprint256);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const before = await fingerprint();
    const complaints = () => server.command.output.stderr.match(/no certificate of use/g)?.length ?? 0;
    writeFileSync(cert, 'half a certif');
    await until(() => complaints() > 0, 20_000, 'the complaint');
    expect(await fingerprint()).toBe(before);
    makeCertificate(cert, key);
    await until(async () => (await fingerprint()) !== before, 20_000, 'the new certificate');
    expect(complaints()).toBe(1);
    expect(await fingerprint()).toBe(new X509Certificate(readFileSync(cert)).fingerprint256);
  }, 60_000);
});

describe('mistakes end in one line', () => {
  test.each<[string, string[], RegExp]>([
    ['a certificate without its key', ['--tls-cert', cert], /^hlm: TLS needs both, --tls-cert and --tls-key\n$/],
    [
      'a file that is not there',
      ['--tls-cert', '/nowhere', '--tls-key', '/nowhere'],
      /^hlm: cannot read the certificate from \/nowhere: ENOENT\n$/,
    ],
    [
      'what is no certificate',
      ['--tls-cert', '/etc/passwd', '--tls-key', '/etc/passwd'],
      /^hlm: \S+ and \S+ are no certificate and its key: .*\n$/,
    ],
  ])('%s', async (_what, args, line) => {
    const { code, stderr } = await hlm(['server', '--data', join(folder, 'none'), ...args]).finished;
    expect(stderr).toMatch(line);
    expect(code).toBe(1);
  });

  test.each([
    ['HLM_MAX_COST', 'many'],
    ['HLM_MAX_SOCKETS_PER_TOKEN', '0'],
  ])('%s=%s', async (name, value) => {
    const { code, stderr } = await hlm(['server', '--data', join(folder, 'none')], { env: { [name]: value } }).finished;
    expect(stderr).toBe(`hlm: ${name} is "${value}"; expected a number of at least 1\n`);
    expect(code).toBe(1);
  });

  test('a proxy that is no address', async () => {
    const env = { HLM_TRUSTED_PROXIES: '10.0.0.1, proxy' };
    const { code, stderr } = await hlm(['server', '--data', join(folder, 'none')], { env }).finished;
    expect(stderr).toMatch(
      /^hlm: HLM_TRUSTED_PROXIES: invalid IP address: proxy; expected addresses or networks, .*\n$/,
    );
    expect(code).toBe(1);
  });

  test('a token file that is empty, or not there', async () => {
    const empty = join(folder, 'empty');
    writeFileSync(empty, '\n');
    expect((await hlm(['tui', '--token-file', empty]).finished).stderr).toBe(`hlm: ${empty} holds no token\n`);
    expect((await hlm(['tui'], { env: { HLM_TOKEN_FILE: '/nowhere' } }).finished).stderr).toBe(
      'hlm: cannot read the token from /nowhere: ENOENT\n',
    );
  });
});

test('beyond this machine without TLS: a warning; the data folder is its owner’s; tokens are in no output and no process list', async () => {
  const at = join(folder, 'open');
  const server = await start({ args: ['--host', '0.0.0.0'], env: { HLM_LOG_LEVEL: 'debug' } }, at);
  const secrets = ['operator-token', 'agent-token'].map((name) => readFileSync(join(at, name), 'utf8').trim());
  const passwords = Object.values(JSON.parse(readFileSync(join(at, 'postgres-passwords.json'), 'utf8')) as object);
  const url = server.url.replace('0.0.0.0', '127.0.0.1');
  await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${secrets[0]}` }, body: '{' });
  await fetch(url, { method: 'POST', headers: { authorization: 'Bearer a-guess' }, body: '{' });
  const { stdout, stderr } = server.command.output;
  expect(stderr).toMatch(/"level":40.*without TLS/);
  for (const secret of [...secrets, ...passwords, 'a-guess']) {
    expect(stdout + stderr).not.toContain(secret);
    expect(commandLines()).not.toContain(secret);
  }
  // As root the database runs as another user, who passes through.
  expect(statSync(at).mode & 0o777).toBe(process.getuid?.() === 0 ? 0o711 : 0o700);
  for (const name of ['operator-token', 'agent-token', 'postgres-passwords.json'])
    expect(statSync(join(at, name)).mode & 0o777).toBe(0o600);
}, 90_000);
