// Goal: an operator manages tenants, users and tokens of a running server from the shell; mistakes end in one line.
// Method: the built commands against a real server; what they print is what the next one takes.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { hlm } from '../support/command.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, 60_000);
afterAll(() => server.close());

const run = (args: string[], token?: string) =>
  hlm([...args, '--url', server.url, '--data', server.dataFolder], { env: token ? { HLM_TOKEN: token } : {} }).finished;

/** What a command printed that went well. */
async function printed(args: string[], token?: string): Promise<string> {
  const { code, stdout, stderr } = await run(args, token);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function mistake(args: string[], token?: string): Promise<string> {
  const { code, stdout, stderr } = await run(args, token);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  return stderr;
}

test('a tenant, its users and tokens, from first to last', async () => {
  const admin = (await printed(['tenant', 'create', 'acme'])).trim();
  expect(admin).toMatch(/^hlm_admin_[\w-]{43}$/);
  await printed(['tenant', 'limit', 'acme', '--agents', '3', '--keep-logs', 'P7D']);
  expect(await printed(['tenant', 'list'])).toMatch(/acme +0 of 3 +0 +1 +P7D of P7D\n/);
  await printed(['tenant', 'limit', 'acme', '--agents', 'none']);
  expect(await printed(['tenant', 'list'])).toMatch(/acme +0 +0 +1 +P7D of P7D\n/);

  await printed(['user', 'create', 'ada@example.com', '--name', 'Ada', '--role', 'admin'], admin);
  const make = ['token', 'create', 'laptop', '--role', 'admin', '--user', 'ADA@example.com', '--expires', '30d'];
  const ada = (await printed(make, admin)).trim();
  const [, , row] = (await printed(['token', 'list'], ada)).split('\n');
  expect(row).toMatch(/^[0-9a-f-]{36} {2}laptop +ADMIN +- +ada@example\.com +/);
  await printed(['user', 'update', 'ada@example.com', '--role', 'viewer'], admin);
  expect(await printed(['user', 'list'], admin)).toMatch(/Ada +ada@example\.com +VIEWER/);
  expect(await mistake(['token', 'list'], ada)).toBe('hlm: This token may not do that.\n');
  const web1 = (await printed(['token', 'create', 'web1', '--role', 'agent', '--agent', 'web1'], admin)).trim();
  await printed(['user', 'delete', 'ada@example.com'], admin);
  expect(await mistake(['token', 'list'], ada)).toMatch(/^hlm: .* does not know this token: .*\n$/);

  const audit = await printed(['audit', '--lines', '3'], admin);
  expect(audit).toMatch(/^AT +WHO +DID +WHAT +CHANGES\n/);
  expect(audit).toMatch(/first administrator \(ADMIN\) +USER_UPDATED +Ada +role: ADMIN → VIEWER\n/);

  const id = /^(\S+) {2}web1/m.exec(await printed(['token', 'list'], admin))![1];
  await printed(['token', 'revoke', id], admin);
  expect(await mistake(['token', 'list'], web1)).toMatch(/does not know this token/);
  await printed(['tenant', 'delete', 'acme']);
  expect(await mistake(['user', 'list'], admin)).toMatch(/does not know this token/);
});

test.each([
  [['tenant', 'delete', 'nobody'], /^hlm: no tenant is called nobody\n$/],
  [['tenant', 'limit', 'default'], /^hlm: no limit named: .*\n$/],
  [['tenant', 'limit', 'default', '--agents', '-1'], /^hlm: "-1" is no limit; .*\n$/],
  [['tenant', 'limit', 'default', '--keep-logs', '7d'], /^hlm: .*"7d" is no duration.*\n$/],
  [['token', 'create', 'x', '--role', 'king'], /^hlm: "king" is none of OPERATOR, ADMIN, VIEWER, AGENT\n$/],
  [['token', 'create', 'x', '--role', 'agent', '--expires', 'soon'], /^hlm: "soon" is no expiry; .*\n$/],
  [['token', 'create', 'x', '--role', 'viewer', '--user', 'no@example.com'], /^hlm: no user has the address .*\n$/],
  [['token', 'revoke', 'x'], /^hlm: Token not found\.\n$/],
  [['audit', '--lines', '0'], /^hlm: "0" is no number of lines; .*\n$/],
])('%j is told what is wrong', async (args, words) => {
  expect(await mistake(args)).toMatch(words);
});

test('a server that is not there is said in one line', async () => {
  const { code, stderr } = await hlm(['token', 'list', '--url', 'http://127.0.0.1:9/graphql'], {
    env: { HLM_TOKEN: 'x' },
  }).finished;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^hlm: http:\/\/127\.0\.0\.1:9\/graphql cannot be reached \(.*\)\n$/);
});
