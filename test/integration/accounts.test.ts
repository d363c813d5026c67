// Goal: who may manage tenants, users and tokens, and that all that is managed is audited.
// Method: a real server; each role's token on every query and mutation of managers and operators; each mutation once, and the log of it.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  Accounts,
  CREATE_TOKEN,
  CREATE_USER,
  DELETE_TENANT,
  DELETE_USER,
  REVOKE_TOKEN,
  UNKNOWN,
  UPDATE_USER,
} from '../support/accounts.js';

let accounts: Accounts;
beforeAll(async () => {
  accounts = await Accounts.start();
});
afterAll(() => accounts.server.close());

const MANAGING: [string, string, object][] = [
  ['createUser', CREATE_USER, { input: { name: 'x', email: 'y@example.com', role: 'VIEWER' } }],
  ['updateUser', UPDATE_USER, { id: UNKNOWN, input: {} }],
  ['deleteUser', DELETE_USER, { id: UNKNOWN }],
  ['createToken', CREATE_TOKEN, { input: { name: 'x', role: 'AGENT' } }],
  ['revokeToken', REVOKE_TOKEN, { id: UNKNOWN }],
  ['users', '{ users { id } }', {}],
  ['tokens', '{ tokens { id } }', {}],
  ['auditLog', '{ auditLog { nodes { id } } }', {}],
];
const OPERATING: [string, string, object][] = [
  ['tenants', '{ tenants { id } }', {}],
  ['createTenant', 'mutation { createTenant(input: { name: "x" }) { secret } }', {}],
  ['setTenantLimits', 'mutation ($id: ID!) { setTenantLimits(id: $id, input: {}) { id } }', { id: UNKNOWN }],
  ['deleteTenant', DELETE_TENANT, { id: UNKNOWN }],
];

test.each([...MANAGING, ...OPERATING])(
  '%s is not for viewers, agents and strangers',
  async (_name, query, variables) => {
    for (const role of ['VIEWER', 'AGENT']) {
      const { secret } = await accounts.newToken({ name: 'x', role });
      expect(await accounts.refused(query, variables, secret)).toBe('FORBIDDEN');
    }
    expect(await accounts.refused(query, variables, null)).toBe('UNAUTHENTICATED');
  },
);

test.each(OPERATING)('%s is not for administrators', async (name, query, variables) => {
  const { admin } = await accounts.newTenant(`operating ${name}`);
  expect(await accounts.refused(query, variables, admin)).toBe('FORBIDDEN');
});

const actions = async (token: string): Promise<string[]> =>
  (await accounts.done('{ auditLog(first: 500) { nodes { action } } }', {}, token)).auditLog.nodes.map(
    ({ action }: { action: string }) => action,
  );

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
  const { schema } = await accounts.done('{ schema: __schema { mutationType { fields { name } } } }');
  const mutations = schema.mutationType.fields.map(({ name }: { name: string }) => name);
  expect(mutations.sort()).toEqual([...AUDITED, ...UNAUDITED].sort());
});

test('whatever a manager changes is audited, with what it was', async () => {
  const { id, admin } = await accounts.newTenant('audited');
  const agent = (await accounts.done('mutation { connectAgent(input: { name: "web1" }) { agent { id } } }', {}, admin))
    .connectAgent.agent.id;
  const { createUser: user } = await accounts.done(
    CREATE_USER,
    { input: { name: 'U', email: 'u@example.com', role: 'VIEWER' } },
    admin,
  );
  await accounts.done(UPDATE_USER, { id: user.id, input: { name: 'V' } }, admin);
  await accounts.done(DELETE_USER, { id: user.id }, admin);
  const { token } = await accounts.newToken({ name: 'T', role: 'AGENT' }, admin);
  await accounts.done(REVOKE_TOKEN, { id: token.id }, admin);
  const rule = (
    await accounts.done('mutation { createAlertRule(input: { name: "R", threshold: 5 }) { id } }', {}, admin)
  ).createAlertRule;
  await accounts.done('mutation ($id: ID!) { updateAlertRule(id: $id, input: { threshold: 6 }) { id } }', rule, admin);
  await accounts.done(
    'mutation ($id: ID!) { silenceAlertRule(id: $id, until: "2030-01-01T00:00:00Z") { id } }',
    rule,
    admin,
  );
  await accounts.done('mutation ($id: ID!) { deleteAlertRule(id: $id) }', rule, admin);
  const channel = (
    await accounts.done(
      'mutation { createNotificationChannel(input: { name: "C", kind: WEBHOOK, target: "https://example.com/", secret: "s" }) { id } }',
      {},
      admin,
    )
  ).createNotificationChannel;
  await accounts.done(
    'mutation ($id: ID!) { updateNotificationChannel(id: $id, input: { secret: null }) { id } }',
    channel,
    admin,
  );
  await accounts.done('mutation ($id: ID!) { deleteNotificationChannel(id: $id) }', channel, admin);
  const { createSilence: silence } = await accounts.done(
    'mutation { createSilence(input: { name: "S", until: "2100-01-01T00:00:00Z" }) { id } }',
    {},
    admin,
  );
  await accounts.done('mutation ($id: ID!) { deleteSilence(id: $id) }', silence, admin);
  await accounts.done('mutation { setRetention(input: { defaultLogs: "PT2H" }) { defaultLogs } }', {}, admin);
  const timeframes = [{ from: '2024-01-01T00:00:00Z', to: '2024-02-01T00:00:00Z' }];
  await accounts.done(
    'mutation ($input: DeleteTrafficInput!) { deleteTraffic(input: $input) { hits } }',
    { input: { timeframes } },
    admin,
  );
  await accounts.done('mutation ($id: ID!) { deleteAgent(id: $id) }', { id: agent }, admin);
  await accounts.done('mutation ($id: ID!) { setTenantLimits(id: $id, input: { agents: 9 }) { id } }', { id });
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
  const { auditLog } = await accounts.done(
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
  const rest = await accounts.done(
    'query ($after: String) { auditLog(after: $after) { nodes { action } } }',
    { after },
    admin,
  );
  expect(rest.auditLog.nodes.map(({ action }: { action: string }) => action)).toEqual((await actions(admin)).slice(14));
});
