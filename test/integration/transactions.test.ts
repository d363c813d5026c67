// Goal: statements of one transaction that are sent at once are done in order, all or none of them, and one error counts: that of
// the statement that failed. What PostgreSQL plans with is known soon after a table has grown.
// Method: a transaction of a tenant on a real server's database, with statements that fail, late ones and swallowed ones.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { allEnded } from '../../server/store/all-ended.js';
import type { Transaction } from '../../server/store/database.js';
import { analyzeYoungTables } from '../../server/store/young-tables.js';
import { until } from '../support/server.js';
import { Statistics } from '../support/statistics.js';

let statistics: Statistics;
let tenantId: string;
beforeAll(async () => {
  statistics = await Statistics.start();
  tenantId = await statistics.newTenant();
});
afterAll(() => statistics.close());

const inTenant = <Result>(work: (tx: Transaction) => Promise<Result>) => statistics.db.inTenants([tenantId], work);

const insert = ({ sql }: Transaction, name: string) =>
  sql('INSERT INTO agent (tenant_id, name) VALUES ($1, $2)', [tenantId, name], { name: 'test-insert' });
const agents = async () =>
  (await inTenant(({ sql }) => sql('SELECT name FROM agent ORDER BY name'))).map((row) => row.name as string);

test('what is sent at once is done in order', async () => {
  const [, before, , after] = await inTenant((tx) => {
    const count = () => tx.sql<{ count: number }>('SELECT count(*) FROM agent', []);
    return allEnded([insert(tx, 'ordered 1'), count(), insert(tx, 'ordered 2'), count()]);
  });
  expect([before[0].count, after[0].count]).toEqual([1, 2]);
  expect(await agents()).toEqual(['ordered 1', 'ordered 2']);
});

test('of what is sent at once nothing is done where one fails, and its error is told, however late it is waited for', async () => {
  const failing = inTenant((tx) =>
    allEnded([
      insert(tx, 'lost 1'),
      (async () => {
        await allEnded([insert(tx, 'ordered 1'), insert(tx, 'lost 2')]);
      })(),
      // Refused for no reason of its own.
      insert(tx, 'lost 3'),
    ]),
  );
  await expect(failing).rejects.toMatchObject({ code: '23505' });
  expect(await agents()).toEqual(['ordered 1', 'ordered 2']);
});

test('a branch that is not done yet sends nothing once the transaction has been given up', async () => {
  let goOn = () => {};
  const later = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let late: Promise<unknown> = Promise.resolve();
  const failing = inTenant(async (tx) => {
    // Nobody waits for it: a mistake, and one that must not reach who has the connection next.
    late = later.then(() => insert(tx, 'late'));
    late.catch(() => undefined);
    throw new Error('given up');
  });
  await expect(failing).rejects.toThrow('given up');
  goOn();
  await expect(late).rejects.toThrow('after the end of its transaction');
  expect(await agents()).toEqual(['ordered 1', 'ordered 2']);
});

test('a failure that was swallowed is told all the same: what is not stored was not done', async () => {
  const swallowed = inTenant(async (tx) => {
    await insert(tx, 'lost 4');
    await insert(tx, 'ordered 1').catch(() => undefined);
  });
  await expect(swallowed).rejects.toThrow('rolled back');
  expect(await agents()).toEqual(['ordered 1', 'ordered 2']);
});

test('branches end before their error is told', async () => {
  const ended: string[] = [];
  const slow = new Promise<void>((resolve) =>
    setTimeout(() => {
      ended.push('slow');
      resolve();
    }, 20),
  );
  await expect(allEnded([Promise.reject(new Error('first')), slow])).rejects.toThrow('first');
  expect(ended).toEqual(['slow']);
});

test('a table is analyzed once it has grown, and then only when it has grown again', async () => {
  const { db } = statistics;
  await db.ownerSql('ALTER TABLE agent SET (autovacuum_enabled = off)');
  const grow = (count: number, prefix: string) =>
    inTenant(async ({ sql }) => {
      const grown = 'INSERT INTO agent (tenant_id, name) SELECT $1, $2 || i FROM generate_series(1, $3::integer) AS i';
      await sql(grown, [tenantId, prefix, count]);
      // Else what was counted is told when this connection has rested for a while.
      await sql('SELECT pg_stat_force_next_flush()');
    });
  const known = async () => {
    const [{ rows }] = await db.ownerSql<{ rows: number }>(
      "SELECT reltuples AS rows FROM pg_class WHERE oid = 'agent'::regclass",
    );
    return rows;
  };
  await grow(40, 'few ');
  expect(await analyzeYoungTables(db)).toEqual([]);
  await grow(300, 'many ');
  await until(async () => (await analyzeYoungTables(db)).includes('agent'), 10_000, 'the table to be analyzed');
  expect(await known()).toBe(342);
  await grow(100, 'some ');
  expect(await analyzeYoungTables(db)).toEqual([]);
  expect(await known()).toBe(342);
});
