// Goal: tenants, users and tokens are made, changed and ended as the API says, by those who may, and all of it is audited.
// Method: a real server; each role's token on every mutation; what a deleted tenant held is looked for in every table.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { batchOf } from '../../schema/log-batch.js';
import { entry } from '../support/entries.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { ownerSql } from '../support/tenants.js';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const CREATE_TOKEN =
  'mutation ($input: TokenInput!) { createToken(input: $input) { secret token { id name role agentName } } }';
const CREATE_USER = 'mutation ($input: UserInput!) { createUser(input: $input) { id name email role } }';
const UPDATE_USER = 'mutation ($id: ID!, $input: UserPatch!) { updateUser(id: $id, input: $input) { id name role } }';
const VIEWER = '{ viewer { role tenant { id name } user { email } } }';

/** The data of an answer without errors. */
async function done(query: string, variables?: object, token?: string) {
  const { data, errors } = await server.gql(query, variables, token);
  expect(errors).toBeUndefined();
  return data;
}

async function refused(query: string, variables?: object, token?: string | null): Promise<string> {
  const { errors } = await server.gql(query, variables, token);
  return errors?.[0].extensions.code ?? 'NOT REFUSED';
}

async function newTenant(name: string): Promise<{ id: string; admin: string }> {
  const { createTenant } = await done(
    'mutation ($name: String!) { createTenant(input: { name: $name }) { tenant { id } token { role } secret } }',
    { name },
  );
  expect(createTenant.token.role).toBe('ADMIN');
  return { id: createTenant.tenant.id, admin: createTenant.secret };
}

const newToken = async (input: object, as?: string) => (await done(CREATE_TOKEN, { input }, as)).createToken;
const actions = async (token: string): Promise<string[]> =>
  (await done('{ auditLog(first: 500) { nodes { action } } }', {}, token)).auditLog.nodes.map(
    ({ action }: { action: string }) => action,
  );

test("a tenant's first administrator makes users and their tokens; roles end at the maker's and the user's", async () => {
  const { id, admin } = await newTenant('roles');
  expect((await done(VIEWER, {}, admin)).viewer).toEqual({ role: 'ADMIN', tenant: { id, name: 'roles' }, user: null });
  const { createUser: ada } = await done(
    CREATE_USER,
    { input: { name: 'Ada', email: 'ada@example.com', role: 'VIEWER' } },
    admin,
  );
  const own = await newToken({ name: 'laptop', role: 'VIEWER', userId: ada.id }, admin);
  expect((await done(VIEWER, {}, own.secret)).viewer).toMatchObject({
    role: 'VIEWER',
    user: { email: 'ada@example.com' },
  });

  expect(await refused(CREATE_TOKEN, { input: { name: 'x', role: 'ADMIN', userId: ada.id } }, admin)).toBe('FORBIDDEN');
  expect(await refused(CREATE_TOKEN, { input: { name: 'x', role: 'OPERATOR' } }, admin)).toBe('FORBIDDEN');
  expect(await refused(CREATE_TOKEN, { input: { name: 'x', role: 'VIEWER' } }, own.secret)).toBe('FORBIDDEN');
  expect(await refused(CREATE_TOKEN, { input: { name: 'x', role: 'VIEWER', userId: UNKNOWN } }, admin)).toBe(
    'NOT_FOUND',
  );
  const boss = { name: 'Boss', email: 'boss@example.com', role: 'OPERATOR' };
  expect(await refused(CREATE_USER, { input: boss }, admin)).toBe('FORBIDDEN');
  // One above cannot be touched either.
  const { createUser: operator } = await done(CREATE_USER, { input: boss });
  const { createToken } = await done(CREATE_TOKEN, { input: { name: 'admin of default', role: 'ADMIN' } });
  expect(await refused(UPDATE_USER, { id: operator.id, input: { role: 'VIEWER' } }, createToken.secret)).toBe(
    'FORBIDDEN',
  );
});

test.each([
  ['no name', { name: ' ', role: 'VIEWER' }],
  ['a control character', { name: 'a\u0007b', role: 'VIEWER' }],
  ['an agent for a viewer', { name: 'x', role: 'VIEWER', agentName: 'web1' }],
  ['an expiry that has passed', { name: 'x', role: 'VIEWER', expiresAt: '2020-01-01T00:00:00Z' }],
])('a token with %s is refused', async (_what, input) => {
  expect(await refused(CREATE_TOKEN, { input })).toBe('BAD_USER_INPUT');
});

test.each(['', 'ada', 'ada@', 'a b@example.com', 'a@b.c\nBcc: x@y.z', 'a@b.c, d@e.f', `${'a'.repeat(250)}@b.cd`])(
  'the address %j is refused',
  async (email) => {
    expect(await refused(CREATE_USER, { input: { name: 'x', email, role: 'VIEWER' } })).toBe('BAD_USER_INPUT');
  },
);

test('an address is one user’s, whatever its case', async () => {
  const { admin } = await newTenant('addresses');
  const user = (email: string) => ({ input: { name: 'x', email, role: 'VIEWER' } });
  await done(CREATE_USER, user('one@example.com'), admin);
  expect(await refused(CREATE_USER, user('ONE@example.com'), admin)).toBe('BAD_USER_INPUT');
  const { createUser: two } = await done(CREATE_USER, user('two@example.com'), admin);
  expect(await refused(UPDATE_USER, { id: two.id, input: { email: 'One@example.com' } }, admin)).toBe('BAD_USER_INPUT');
  await done(UPDATE_USER, { id: two.id, input: { email: 'TWO@example.com' } }, admin);
});

test("a lower role of a user is its tokens' at once, and a deleted one's tokens end", async () => {
  const { admin } = await newTenant('lowered');
  const { createUser: user } = await done(
    CREATE_USER,
    { input: { name: 'x', email: 'x@example.com', role: 'ADMIN' } },
    admin,
  );
  const { secret } = await newToken({ name: 'x', role: 'ADMIN', userId: user.id }, admin);
  await done('{ tokens { id user { email } } }', {}, secret);
  await done(UPDATE_USER, { id: user.id, input: { role: 'VIEWER' } }, admin);
  expect(await refused('{ tokens { id } }', {}, secret)).toBe('FORBIDDEN');
  expect((await done(VIEWER, {}, secret)).viewer.role).toBe('VIEWER');
  await done('mutation ($id: ID!) { deleteUser(id: $id) }', { id: user.id }, admin);
  expect(await refused(VIEWER, {}, secret)).toBe('UNAUTHENTICATED');
});

test('a token that is revoked is none any more; one that has expired neither, and is not listed', async () => {
  const { admin } = await newTenant('ended');
  const revoked = await newToken({ name: 'revoked', role: 'VIEWER' }, admin);
  await done(VIEWER, {}, revoked.secret);
  await done('mutation ($id: ID!) { revokeToken(id: $id) }', { id: revoked.token.id }, admin);
  expect(await refused(VIEWER, {}, revoked.secret)).toBe('UNAUTHENTICATED');
  expect(await refused('mutation ($id: ID!) { revokeToken(id: $id) }', { id: revoked.token.id }, admin)).toBe(
    'NOT_FOUND',
  );
  expect(await refused('mutation { revokeToken(id: "no id") }', {}, admin)).toBe('NOT_FOUND');

  const expiresAt = new Date(Date.now() + 1_500).toISOString();
  const expiring = await newToken({ name: 'expiring', role: 'VIEWER', expiresAt }, admin);
  await done(VIEWER, {}, expiring.secret);
  await until(async () => (await refused(VIEWER, {}, expiring.secret)) === 'UNAUTHENTICATED', 15_000, 'the expiry');
  const { tokens } = await done('{ tokens { name } }', {}, admin);
  expect(tokens).toEqual([{ name: 'first administrator' }]);
});

test('last use is told to within a minute, and the secret nowhere', async () => {
  const { admin } = await newTenant('used');
  const { tokens } = await done('{ tokens { name lastUsedAt } }', {}, admin);
  expect(Date.now() - Date.parse(tokens[0].lastUsedAt)).toBeLessThan(60_000);
  const rows = await ownerSql(
    server,
    "SELECT count(*)::int AS count FROM token t WHERE t::text LIKE '%' || $1 || '%'",
    [admin],
  );
  expect(rows).toEqual([{ count: 0 }]);
});

const MANAGING: [string, string, object][] = [
  ['createUser', CREATE_USER, { input: { name: 'x', email: 'y@example.com', role: 'VIEWER' } }],
  ['updateUser', UPDATE_USER, { id: UNKNOWN, input: {} }],
  ['deleteUser', 'mutation ($id: ID!) { deleteUser(id: $id) }', { id: UNKNOWN }],
  ['createToken', CREATE_TOKEN, { input: { name: 'x', role: 'AGENT' } }],
  ['revokeToken', 'mutation ($id: ID!) { revokeToken(id: $id) }', { id: UNKNOWN }],
  ['users', '{ users { id } }', {}],
  ['tokens', '{ tokens { id } }', {}],
  ['auditLog', '{ auditLog { nodes { id } } }', {}],
];
const OPERATING: [string, string, object][] = [
  ['tenants', '{ tenants { id } }', {}],
  ['createTenant', 'mutation { createTenant(input: { name: "x" }) { secret } }', {}],
  ['setTenantLimits', 'mutation ($id: ID!) { setTenantLimits(id: $id, input: {}) { id } }', { id: UNKNOWN }],
  ['deleteTenant', 'mutation ($id: ID!) { deleteTenant(id: $id) }', { id: UNKNOWN }],
];

test.each([...MANAGING, ...OPERATING])(
  '%s is not for viewers, agents and strangers',
  async (_name, query, variables) => {
    for (const role of ['VIEWER', 'AGENT']) {
      const { secret } = await newToken({ name: 'x', role });
      expect(await refused(query, variables, secret)).toBe('FORBIDDEN');
    }
    expect(await refused(query, variables, null)).toBe('UNAUTHENTICATED');
  },
);

test.each(OPERATING)('%s is not for administrators', async (name, query, variables) => {
  const { admin } = await newTenant(`operating ${name}`);
  expect(await refused(query, variables, admin)).toBe('FORBIDDEN');
});

test('limits are set one by one, and lifted by null', async () => {
  const { id } = await newTenant('limited');
  const set = (input: object) =>
    done(
      'mutation ($id: ID!, $input: TenantLimitsInput!) { setTenantLimits(id: $id, input: $input) { limits { agents entriesPerSecond alertRules keepLogs } } }',
      { id, input },
    ).then(({ setTenantLimits }) => setTenantLimits.limits);
  const none = { agents: null, entriesPerSecond: null, alertRules: null, keepLogs: null };
  expect(await set({ agents: 2, keepLogs: 'P7D' })).toEqual({ ...none, agents: 2, keepLogs: 'P7D' });
  expect(await set({ agents: null, alertRules: 0 })).toEqual({ ...none, alertRules: 0, keepLogs: 'P7D' });
  const mutation = 'mutation ($id: ID!, $n: Int) { setTenantLimits(id: $id, input: { entriesPerSecond: $n }) { id } }';
  expect(await refused(mutation, { id, n: 0 })).toBe('BAD_USER_INPUT');
  expect(await refused(mutation, { id: UNKNOWN, n: 1 })).toBe('NOT_FOUND');
});

/** What the test below does; creating and deleting a tenant is in the operator's own log. */
const AUDITED = [
  ...['createUser', 'updateUser', 'deleteUser', 'createToken', 'revokeToken', 'createTenant', 'setTenantLimits'],
  ...['deleteTenant', 'createAlertRule', 'updateAlertRule', 'deleteAlertRule', 'setRetention', 'deleteTraffic'],
  ...['deleteAgent', 'silenceAlertRule', 'acknowledgeAlert', 'createNotificationChannel', 'updateNotificationChannel'],
  ...['deleteNotificationChannel', 'createSilence', 'deleteSilence'],
];
/** What agents do, and what changes nothing. */
const UNAUDITED = ['testNotificationChannel', 'connectAgent', 'openStream', 'ingestLogs', 'heartbeat'];

test('each mutation is audited, or an agent’s', async () => {
  const { schema } = await done('{ schema: __schema { mutationType { fields { name } } } }');
  const mutations = schema.mutationType.fields.map(({ name }: { name: string }) => name);
  expect(mutations.sort()).toEqual([...AUDITED, ...UNAUDITED].sort());
});

test('whatever a manager changes is audited, with what it was', async () => {
  const { id, admin } = await newTenant('audited');
  const agent = (await done('mutation { connectAgent(input: { name: "web1" }) { agent { id } } }', {}, admin))
    .connectAgent.agent.id;
  const { createUser: user } = await done(
    CREATE_USER,
    { input: { name: 'U', email: 'u@example.com', role: 'VIEWER' } },
    admin,
  );
  await done(UPDATE_USER, { id: user.id, input: { name: 'V' } }, admin);
  await done('mutation ($id: ID!) { deleteUser(id: $id) }', { id: user.id }, admin);
  const { token } = await newToken({ name: 'T', role: 'AGENT' }, admin);
  await done('mutation ($id: ID!) { revokeToken(id: $id) }', { id: token.id }, admin);
  const rule = (await done('mutation { createAlertRule(input: { name: "R", threshold: 5 }) { id } }', {}, admin))
    .createAlertRule;
  await done('mutation ($id: ID!) { updateAlertRule(id: $id, input: { threshold: 6 }) { id } }', rule, admin);
  await done('mutation ($id: ID!) { silenceAlertRule(id: $id, until: "2030-01-01T00:00:00Z") { id } }', rule, admin);
  await done('mutation ($id: ID!) { deleteAlertRule(id: $id) }', rule, admin);
  const channel = (
    await done(
      'mutation { createNotificationChannel(input: { name: "C", kind: WEBHOOK, target: "https://example.com/", secret: "s" }) { id } }',
      {},
      admin,
    )
  ).createNotificationChannel;
  await done(
    'mutation ($id: ID!) { updateNotificationChannel(id: $id, input: { secret: null }) { id } }',
    channel,
    admin,
  );
  await done('mutation ($id: ID!) { deleteNotificationChannel(id: $id) }', channel, admin);
  const { createSilence: silence } = await done(
    'mutation { createSilence(input: { name: "S", until: "2100-01-01T00:00:00Z" }) { id } }',
    {},
    admin,
  );
  await done('mutation ($id: ID!) { deleteSilence(id: $id) }', silence, admin);
  await done('mutation { setRetention(input: { defaultLogs: "PT2H" }) { defaultLogs } }', {}, admin);
  const timeframes = [{ from: '2024-01-01T00:00:00Z', to: '2024-02-01T00:00:00Z' }];
  await done(
    'mutation ($input: DeleteTrafficInput!) { deleteTraffic(input: $input) { hits } }',
    { input: { timeframes } },
    admin,
  );
  await done('mutation ($id: ID!) { deleteAgent(id: $id) }', { id: agent }, admin);
  await done('mutation ($id: ID!) { setTenantLimits(id: $id, input: { agents: 9 }) { id } }', { id });
  expect(await actions(admin)).toEqual([
    'TENANT_LIMITS_SET',
    'AGENT_DELETED',
    'TRAFFIC_DELETED',
    'RETENTION_SET',
    'SILENCE_DELETED',
    'SILENCE_CREATED',
    'CHANNEL_DELETED',
    'CHANNEL_UPDATED',
    'CHANNEL_CREATED',
    'ALERT_RULE_DELETED',
    'ALERT_RULE_SILENCED',
    'ALERT_RULE_UPDATED',
    'ALERT_RULE_CREATED',
    'TOKEN_REVOKED',
    'TOKEN_CREATED',
    'USER_DELETED',
    'USER_UPDATED',
    'USER_CREATED',
    'TENANT_CREATED',
  ]);
  const { auditLog } = await done(
    '{ auditLog(first: 14) { nodes { action actor role subject changes { field before after } } pageInfo { endCursor hasNextPage } } }',
    {},
    admin,
  );
  expect(auditLog.nodes[11]).toEqual({
    action: 'ALERT_RULE_UPDATED',
    actor: 'first administrator',
    role: 'ADMIN',
    subject: 'R',
    changes: [{ field: 'threshold', before: '5', after: '6' }],
  });
  expect(auditLog.nodes[0]).toMatchObject({ actor: 'local operator', role: 'OPERATOR' });
  const after = auditLog.pageInfo.endCursor;
  const rest = await done('query ($after: String) { auditLog(after: $after) { nodes { action } } }', { after }, admin);
  expect(rest.auditLog.nodes.map(({ action }: { action: string }) => action)).toEqual((await actions(admin)).slice(14));
});

test('of a deleted tenant nothing is left, though it went on sending', async () => {
  const { id, admin } = await newTenant('deleted');
  const { secret } = await newToken({ name: 'sender', role: 'AGENT' }, admin);
  const send = (i: number) =>
    server.gql(
      'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { accepted } }',
      { input: { agent: `web${i % 3}`, batch: batchOf([entry({ timeMs: Date.now(), target: `/${i}` })]) } },
      secret,
    );
  for (let i = 0; i < 6; i++) expect((await send(i)).errors).toBeUndefined();
  const sending = Promise.all(Array.from({ length: 30 }, (_, i) => send(i)));
  await done('mutation ($id: ID!) { deleteTenant(id: $id) }', { id });
  await sending;
  expect(await refused(VIEWER, {}, admin)).toBe('UNAUTHENTICATED');
  expect((await send(0)).errors?.[0].extensions.code).toBe('UNAUTHENTICATED');
  expect((await done('{ tenants { id } }')).tenants).not.toContainEqual({ id });
  await until(
    async () => (await ownerSql(server, 'SELECT FROM tenant WHERE id = $1', [id])).length === 0,
    20_000,
    'the job that removes it',
  );
  const tables = await ownerSql(
    server,
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition`,
  );
  expect(tables.length).toBeGreaterThan(12);
  for (const { name } of tables) {
    const [row] = await ownerSql(server, `SELECT count(*)::int AS count FROM ${name} WHERE tenant_id = $1`, [id]);
    expect({ name, ...row }).toEqual({ name, count: 0 });
  }
  expect(await refused('mutation ($id: ID!) { deleteTenant(id: $id) }', { id })).toBe('NOT_FOUND');
  // Its name is free again; its own tenant an operator cannot delete.
  await newTenant('deleted');
  const own = (await done(VIEWER)).viewer.tenant.id;
  expect(await refused('mutation ($id: ID!) { deleteTenant(id: $id) }', { id: own })).toBe('BAD_USER_INPUT');
});
