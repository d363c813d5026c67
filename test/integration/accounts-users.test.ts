// Goal: users and their tokens are made, changed and ended as the API says.
// Method: a real server; tokens are tried once they are made, lowered, revoked, expired; addresses are taken at the same time.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  Accounts,
  CREATE_TOKEN,
  CREATE_USER,
  DELETE_USER,
  REVOKE_TOKEN,
  UNKNOWN,
  UPDATE_USER,
  VIEWER,
} from '../support/accounts.js';
import { until } from '../support/server.js';
import { ownerSql } from '../support/tenants.js';

let accounts: Accounts;
beforeAll(async () => {
  accounts = await Accounts.start();
});
afterAll(() => accounts.server.close());

test("a tenant's first administrator makes users and their tokens; roles end at the maker's and the user's", async () => {
  const { id, admin } = await accounts.newTenant('roles');
  expect((await accounts.done(VIEWER, {}, admin)).viewer).toEqual({
    role: 'ADMIN',
    tenant: { id, name: 'roles' },
    user: null,
  });
  const { createUser: ada } = await accounts.done(
    CREATE_USER,
    { input: { name: 'Ada', email: 'ada@example.com', role: 'VIEWER' } },
    admin,
  );
  const own = await accounts.newToken({ name: 'laptop', role: 'VIEWER', userId: ada.id }, admin);
  expect((await accounts.done(VIEWER, {}, own.secret)).viewer).toMatchObject({
    role: 'VIEWER',
    user: { email: 'ada@example.com' },
  });

  expect(await accounts.refused(CREATE_TOKEN, { input: { name: 'x', role: 'ADMIN', userId: ada.id } }, admin)).toBe(
    'FORBIDDEN',
  );
  expect(await accounts.refused(CREATE_TOKEN, { input: { name: 'x', role: 'OPERATOR' } }, admin)).toBe('FORBIDDEN');
  expect(await accounts.refused(CREATE_TOKEN, { input: { name: 'x', role: 'VIEWER' } }, own.secret)).toBe('FORBIDDEN');
  expect(await accounts.refused(CREATE_TOKEN, { input: { name: 'x', role: 'VIEWER', userId: UNKNOWN } }, admin)).toBe(
    'NOT_FOUND',
  );
  const boss = { name: 'Boss', email: 'boss@example.com', role: 'OPERATOR' };
  expect(await accounts.refused(CREATE_USER, { input: boss }, admin)).toBe('FORBIDDEN');
  // One above cannot be touched either.
  const { createUser: operator } = await accounts.done(CREATE_USER, { input: boss });
  const { createToken } = await accounts.done(CREATE_TOKEN, { input: { name: 'admin of default', role: 'ADMIN' } });
  expect(await accounts.refused(UPDATE_USER, { id: operator.id, input: { role: 'VIEWER' } }, createToken.secret)).toBe(
    'FORBIDDEN',
  );
});

test.each([
  ['no name', { name: ' ', role: 'VIEWER' }],
  ['a control character', { name: 'a\u0007b', role: 'VIEWER' }],
  ['an agent for a viewer', { name: 'x', role: 'VIEWER', agentName: 'web1' }],
  ['an expiry that has passed', { name: 'x', role: 'VIEWER', expiresAt: '2020-01-01T00:00:00Z' }],
])('a token with %s is refused', async (_what, input) => {
  expect(await accounts.refused(CREATE_TOKEN, { input })).toBe('BAD_USER_INPUT');
});

test.each(['', 'ada', 'ada@', 'a b@example.com', 'a@b.c\nBcc: x@y.z', 'a@b.c, d@e.f', `${'a'.repeat(250)}@b.cd`])(
  'the address %j is refused',
  async (email) => {
    expect(await accounts.refused(CREATE_USER, { input: { name: 'x', email, role: 'VIEWER' } })).toBe('BAD_USER_INPUT');
  },
);

test('an address is one user’s, whatever its case', async () => {
  const { admin } = await accounts.newTenant('addresses');
  const user = (email: string) => ({ input: { name: 'x', email, role: 'VIEWER' } });
  await accounts.done(CREATE_USER, user('one@example.com'), admin);
  expect(await accounts.refused(CREATE_USER, user('ONE@example.com'), admin)).toBe('BAD_USER_INPUT');
  const { createUser: two } = await accounts.done(CREATE_USER, user('two@example.com'), admin);
  expect(await accounts.refused(UPDATE_USER, { id: two.id, input: { email: 'One@example.com' } }, admin)).toBe(
    'BAD_USER_INPUT',
  );
  await accounts.done(UPDATE_USER, { id: two.id, input: { email: 'TWO@example.com' } }, admin);
});

test("a lower role of a user is its tokens' at once, and a deleted one's tokens end", async () => {
  const { admin } = await accounts.newTenant('lowered');
  const { createUser: user } = await accounts.done(
    CREATE_USER,
    { input: { name: 'x', email: 'x@example.com', role: 'ADMIN' } },
    admin,
  );
  const { secret } = await accounts.newToken({ name: 'x', role: 'ADMIN', userId: user.id }, admin);
  await accounts.done('{ tokens { id user { email } } }', {}, secret);
  await accounts.done(UPDATE_USER, { id: user.id, input: { role: 'VIEWER' } }, admin);
  expect(await accounts.refused('{ tokens { id } }', {}, secret)).toBe('FORBIDDEN');
  expect((await accounts.done(VIEWER, {}, secret)).viewer.role).toBe('VIEWER');
  await accounts.done(DELETE_USER, { id: user.id }, admin);
  expect(await accounts.refused(VIEWER, {}, secret)).toBe('UNAUTHENTICATED');
});

test('a token that is revoked is none any more; one that has expired neither, and is not listed', async () => {
  const { admin } = await accounts.newTenant('ended');
  const revoked = await accounts.newToken({ name: 'revoked', role: 'VIEWER' }, admin);
  await accounts.done(VIEWER, {}, revoked.secret);
  await accounts.done(REVOKE_TOKEN, { id: revoked.token.id }, admin);
  expect(await accounts.refused(VIEWER, {}, revoked.secret)).toBe('UNAUTHENTICATED');
  expect(await accounts.refused(REVOKE_TOKEN, { id: revoked.token.id }, admin)).toBe('NOT_FOUND');
  expect(await accounts.refused('mutation { revokeToken(id: "no id") }', {}, admin)).toBe('NOT_FOUND');

  const expiresAt = new Date(Date.now() + 1_500).toISOString();
  const expiring = await accounts.newToken({ name: 'expiring', role: 'VIEWER', expiresAt }, admin);
  await accounts.done(VIEWER, {}, expiring.secret);
  await until(
    async () => (await accounts.refused(VIEWER, {}, expiring.secret)) === 'UNAUTHENTICATED',
    15_000,
    'the expiry',
  );
  const { tokens } = await accounts.done('{ tokens { name } }', {}, admin);
  expect(tokens).toEqual([{ name: 'first administrator' }]);
});

test('last use is told to within a minute, and the secret nowhere', async () => {
  const { admin } = await accounts.newTenant('used');
  const { tokens } = await accounts.done('{ tokens { name lastUsedAt } }', {}, admin);
  expect(Date.now() - Date.parse(tokens[0].lastUsedAt)).toBeLessThan(60_000);
  const rows = await ownerSql(
    accounts.server,
    "SELECT count(*)::int AS count FROM token t WHERE t::text LIKE '%' || $1 || '%'",
    [admin],
  );
  expect(rows).toEqual([{ count: 0 }]);
});

test('of those who take an address in one instant one has it, and the others are told', async () => {
  const { admin } = await accounts.newTenant('address race');
  for (let round = 0; round < 10; round++) {
    const email = `${round}@example.com`;
    const input = { name: 'x', email, role: 'VIEWER' };
    const { createUser: other } = await accounts.done(
      CREATE_USER,
      { input: { ...input, email: `other-${email}` } },
      admin,
    );
    const outcomes = await Promise.all([
      accounts.refused(UPDATE_USER, { id: other.id, input: { email } }, admin),
      ...Array.from({ length: 7 }, () => accounts.refused(CREATE_USER, { input }, admin)),
    ]);
    expect(outcomes.toSorted()).toEqual([...Array.from({ length: 7 }, () => 'BAD_USER_INPUT'), 'NOT REFUSED']);
  }
}, 30_000);
