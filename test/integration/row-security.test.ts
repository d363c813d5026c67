// Goal: a statement that forgets its tenant tells and changes nothing of another; a new table that is not walled fails here,
// as does a new place that works past the walls.
// Method: all tables that PostgreSQL's catalogue names, as the role that requests run as, in a transaction of one tenant, of
// another, of none; the sources, for who works as the owner.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Database, type Transaction } from '../../server/store/database.js';
import { databaseUrl } from '../support/database.js';
import { type Side, seedTenant } from '../support/leak/seed.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { ownerSql } from '../support/tenants.js';

/** Tables without a tenant: what they hold is the installation's. */
const ABOVE_TENANTS = ['installation', 'migration'];
const ROLE = 'hlm_app';

interface Table {
  name: string;
  /** Column that says whose a row is. */
  tenant: string;
  isPartition: boolean;
  columns: string[];
}

let server: TestServer;
let db: Database;
let a: Side;
let b: Side;
let tables: Table[];

beforeAll(async () => {
  server = await startTestServer();
  a = await seedTenant(server, 'tenant a', 'TENANT_A_MARK', 0);
  b = await seedTenant(server, 'tenant b', 'TENANT_B_MARK', 3_600_000);
  db = await Database.open(databaseUrl(server.dataFolder));
  tables = (
    await ownerSql(
      server,
      `SELECT relname AS name, relispartition AS "isPartition", array_agg(attname::text ORDER BY attnum) AS columns
       FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') GROUP BY 1, 2 ORDER BY 1`,
    )
  )
    .filter(({ name }) => !ABOVE_TENANTS.includes(name))
    .map((table) => ({ ...table, tenant: table.name === 'tenant' ? 'id' : 'tenant_id' })) as Table[];
}, 120_000);
afterAll(async () => {
  await db.close();
  await server.close();
});

/** Tables, without the partitions behind them, which no statement names. */
const whole = () => tables.filter(({ isPartition }) => !isPartition);

/** Rows by tenant, as the owner sees them. */
async function rowsOf({ name, tenant }: Table): Promise<Map<string, number>> {
  const rows = await ownerSql(server, `SELECT ${tenant} AS id, count(*)::integer AS rows FROM ${name} GROUP BY 1`);
  return new Map(rows.map(({ id, rows: count }) => [id, count]));
}

/** What a statement came to, and then undone: so many rows, or PostgreSQL's code. */
async function tried(
  tenantIds: readonly string[],
  statement: string,
  values: unknown[] = [],
): Promise<number | string> {
  const undo = new Error('undo');
  let came: number | string = 0;
  await db
    .inTenants(tenantIds, async ({ sql }: Transaction) => {
      try {
        const rows = await sql(statement, values);
        came = rows.length;
      } catch (error) {
        came = (error as { code: string }).code;
      }
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
  return came;
}

test('every table has a tenant, row-level security and its policy; no partition is reached by its own name', async () => {
  expect(tables.filter(({ tenant, columns }) => !columns.includes(tenant)).map(({ name }) => name)).toEqual([]);
  const walls = await ownerSql(
    server,
    `SELECT relname AS name, relrowsecurity AS secured, has_table_privilege($1, c.oid, 'SELECT') AS readable,
       (SELECT array_agg(polname || ' ' || pg_get_expr(polqual, polrelid)) FROM pg_policy WHERE polrelid = c.oid) AS policies
     FROM pg_class c WHERE relname = ANY ($2)`,
    [ROLE, tables.map(({ name }) => name)],
  );
  expect(walls.filter(({ secured }) => !secured).map(({ name }) => name)).toEqual([]);
  const open: string[] = [];
  for (const { name, readable, policies } of walls) {
    const { isPartition, tenant } = tables.find((table) => table.name === name)!;
    const own = `tenant_isolation (${tenant} = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]))`;
    const walled = isPartition ? !readable && policies === null : policies?.length === 1 && policies[0] === own;
    if (!walled) open.push(`${name} ${policies}`);
  }
  expect(open).toEqual([]);
  expect(whole().length).toBeGreaterThanOrEqual(17);
});

test('requests run as a role that owns nothing, and cannot put its walls away', async () => {
  const [role] = await db.inTenants([a.tenantId], ({ sql }) =>
    sql(
      `SELECT current_user AS name, rolsuper OR rolbypassrls OR rolcreaterole AS strong,
         (SELECT count(*) FROM pg_class WHERE relowner = r.oid) AS owned FROM pg_roles r WHERE rolname = current_user`,
    ),
  );
  expect(role).toEqual({ name: ROLE, strong: false, owned: 0 });
  expect(await tried([a.tenantId], 'ALTER TABLE agent DISABLE ROW LEVEL SECURITY')).toBe('42501');
  expect(await tried([a.tenantId], `COPY agent TO '/tmp/agents'`)).toBe('42501');
});

test('a forgotten WHERE reads the own rows, all of them, and none of another tenant', async () => {
  for (const table of whole()) {
    const stored = await rowsOf(table);
    for (const { tenantId } of [a, b]) {
      const seen = await tried([tenantId], `SELECT * FROM ${table.name}`);
      expect([table.name, seen]).toEqual([table.name, stored.get(tenantId) ?? 0]);
    }
    expect([table.name, await tried([], `SELECT * FROM ${table.name}`)]).toEqual([table.name, 0]);
  }
  // Both have rows almost everywhere: what sees nothing would see none of them.
  const filled = await Promise.all(whole().map(async (table) => (await rowsOf(table)).has(b.tenantId)));
  expect(filled.filter(Boolean).length).toBeGreaterThanOrEqual(15);
});

test("another tenant's rows cannot be changed, deleted, made or taken away", async () => {
  for (const { name, tenant, columns } of whole()) {
    const rights = name === 'tenant' ? 'none' : 'all';
    const none = rights === 'none' ? '42501' : 0;
    const change = `UPDATE ${name} SET ${tenant} = ${tenant}`;
    expect([name, await tried([a.tenantId], `${change} WHERE ${tenant} = $1 RETURNING 1`, [b.tenantId])]).toEqual([
      name,
      none,
    ]);
    const gone = await tried([a.tenantId], `DELETE FROM ${name} WHERE ${tenant} = $1 RETURNING 1`, [b.tenantId]);
    expect([name, gone]).toEqual([name, none]);
    // The same row again, as another tenant's: refused for whose it is, before any key is looked at.
    const plain = columns.filter((column) => column !== tenant && !(name === 'audit_entry' && column === 'number'));
    const copy = `INSERT INTO ${name} (${[tenant, ...plain].join(', ')}) SELECT ${['$1::uuid', ...plain].join(', ')} FROM ${name} RETURNING 1`;
    const made = await tried([a.tenantId], copy, [b.tenantId]);
    const has = (await rowsOf(tables.find((table) => table.name === name)!)).has(a.tenantId);
    expect([name, made]).toEqual([name, has ? '42501' : none]);
    const given = await tried([a.tenantId], `UPDATE ${name} SET ${tenant} = $1 RETURNING 1`, [b.tenantId]);
    expect([name, given]).toEqual([name, has ? '42501' : none]);
  }
});

test('COPY, TRUNCATE and a statement without a tenant change nothing', async () => {
  for (const { name } of whole()) {
    expect([name, await tried([a.tenantId], `TRUNCATE ${name} CASCADE`)]).toEqual([name, '42501']);
    expect([name, await tried([a.tenantId], `COPY ${name} FROM STDIN`)]).toEqual([
      name,
      name === 'tenant' ? '42501' : '0A000',
    ]);
    if (name !== 'tenant') expect([name, await tried([], `DELETE FROM ${name} RETURNING 1`)]).toEqual([name, 0]);
  }
});

test('what a transaction was told of tenants ends with it', async () => {
  await db.inTenants([a.tenantId], ({ sql }) => sql('SELECT FROM agent'));
  const left = await Promise.all(
    Array.from({ length: 30 }, () => db.inTenants([], ({ sql }) => sql('SELECT * FROM agent'))),
  );
  expect(left.flat()).toEqual([]);
});

/** Files that work as the owner, past the walls, and what for. A request's values reach none of them but sign-in's. */
const AS_OWNER: Record<string, string> = {
  'server/accounts/purge.ts': 'removes what deleted tenants held',
  'server/accounts/tenants.ts': 'makes, limits and deletes tenants, for operators',
  'server/alerts/drop-counts.ts': 'counts of filtered rules that nothing looks at any more, of all tenants',
  'server/alerts/evaluator.ts': 'which agents of any tenant are due: their keys alone',
  'server/alerts/evidence.ts': 'which alerts of any tenant wait for their evidence; each read with its tenant',
  'server/alerts/no-data-watch.ts': 'which agents of any tenant may have sent nothing for too long: their keys alone',
  'server/auth/first-start.ts': 'the first tenant and the tokens of this machine',
  'server/auth/tokens.ts': 'whose token it is, by its hash',
  'server/jobs/jobs.ts': 'the queue of jobs',
  'server/main.ts': 'the incarnation; whether the database answers',
  'server/notify/courier.ts': 'which notifications of any tenant are due; each is sent within its tenant',
  'server/retention/relayout.ts': 'tenants and the versions of their retention',
  'server/rollup/expiry.ts': 'what tenants keep of windows, and their agents',
  'server/store/database.ts': 'the pool itself; the clock; cancelling a statement whose client went away',
  'server/store/partitions.ts': 'partitions, which all tenants share',
  'server/store/young-tables.ts': 'what PostgreSQL knows of how large tables are',
  'server/store/sql/due-mark.sql.ts': 'which windows of any tenant are due: their keys alone',
  'server/store/sql/join.sql.ts': 'which chunks of any tenant are due: their keys alone',
};

test('who works past the walls is in the list, with a reason', () => {
  const files = (readdirSync('server', { recursive: true }) as string[])
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('server', file));
  const asOwner = files.filter((file) =>
    /\bdb\.owner\b|\bownerSql\b|\bownerPool\b|\baboveTenants\b/.test(readFileSync(file, 'utf8')),
  );
  expect(asOwner.toSorted()).toEqual(Object.keys(AS_OWNER).toSorted());
  expect(asOwner.filter((file) => file.startsWith('server/api/'))).toEqual([]);
});
