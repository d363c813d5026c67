// Goal: tenants are made, limited and deleted as the API says, and of a deleted one nothing is left.
// Method: a real server; what a deleted tenant held is looked for in every table, while it goes on sending; names are taken at the same time.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { batchOf } from '../../schema/log-batch-builder.js';
import { Accounts, CREATE_TENANT, DELETE_TENANT, UNKNOWN, VIEWER } from '../support/accounts.js';
import { entry } from '../support/entries.js';
import { until } from '../support/server.js';
import { ownerSql } from '../support/tenants.js';

let accounts: Accounts;
beforeAll(async () => {
  accounts = await Accounts.start();
});
afterAll(() => accounts.server.close());

test('limits are set one by one, and lifted by null', async () => {
  const { id } = await accounts.newTenant('limited');
  const set = (input: object) =>
    accounts
      .done(
        'mutation ($id: ID!, $input: TenantLimitsInput!) { setTenantLimits(id: $id, input: $input) { limits { agents entriesPerSecond alertRules keepLogs } } }',
        { id, input },
      )
      .then(({ setTenantLimits }) => setTenantLimits.limits);
  const none = { agents: null, entriesPerSecond: null, alertRules: null, keepLogs: null };
  expect(await set({ agents: 2, keepLogs: 'P7D' })).toEqual({ ...none, agents: 2, keepLogs: 'P7D' });
  expect(await set({ agents: null, alertRules: 0 })).toEqual({ ...none, alertRules: 0, keepLogs: 'P7D' });
  const mutation = 'mutation ($id: ID!, $n: Int) { setTenantLimits(id: $id, input: { entriesPerSecond: $n }) { id } }';
  expect(await accounts.refused(mutation, { id, n: 0 })).toBe('BAD_USER_INPUT');
  expect(await accounts.refused(mutation, { id: UNKNOWN, n: 1 })).toBe('NOT_FOUND');
});

test('of those who take a name in one instant one has it, and the others are told', async () => {
  for (let round = 0; round < 10; round++) {
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, () => accounts.refused(CREATE_TENANT, { name: `raced ${round}` })),
    );
    expect(outcomes.toSorted()).toEqual([...Array.from({ length: 5 }, () => 'BAD_USER_INPUT'), 'NOT REFUSED']);
  }
}, 30_000);

test('of a deleted tenant nothing is left, though it went on sending', async () => {
  const { id, admin } = await accounts.newTenant('deleted');
  const { secret } = await accounts.newToken({ name: 'sender', role: 'AGENT' }, admin);
  const send = (i: number) =>
    accounts.server.gql(
      'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { accepted } }',
      { input: { agent: `web${i % 3}`, batch: batchOf([entry({ timeMs: Date.now(), target: `/${i}` })]) } },
      secret,
    );
  for (let i = 0; i < 6; i++) expect((await send(i)).errors).toBeUndefined();
  const sending = Promise.all(Array.from({ length: 30 }, (_, i) => send(i)));
  await accounts.done(DELETE_TENANT, { id });
  await sending;
  expect(await accounts.refused(VIEWER, {}, admin)).toBe('UNAUTHENTICATED');
  expect((await send(0)).errors?.[0].extensions.code).toBe('UNAUTHENTICATED');
  expect((await accounts.done('{ tenants { id } }')).tenants).not.toContainEqual({ id });
  await until(
    async () => (await ownerSql(accounts.server, 'SELECT FROM tenant WHERE id = $1', [id])).length === 0,
    20_000,
    'the job that removes it',
  );
  const tables = await ownerSql(
    accounts.server,
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition`,
  );
  expect(tables.length).toBeGreaterThan(12);
  for (const { name } of tables) {
    const [row] = await ownerSql(accounts.server, `SELECT count(*)::int AS count FROM ${name} WHERE tenant_id = $1`, [
      id,
    ]);
    expect({ name, ...row }).toEqual({ name, count: 0 });
  }
  expect(await accounts.refused(DELETE_TENANT, { id })).toBe('NOT_FOUND');
  // Its name is free again; its own tenant an operator cannot delete.
  await accounts.newTenant('deleted');
  const own = (await accounts.done(VIEWER)).viewer.tenant.id;
  expect(await accounts.refused(DELETE_TENANT, { id: own })).toBe('BAD_USER_INPUT');
});
