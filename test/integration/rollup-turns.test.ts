// Goal: rollups keep up whoever has how much to do: no owner and no resolution waits for another's backlog or failure.
// Method: several agents on a real PostgreSQL; what is still marked is looked at before each transaction.
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { expireWindows } from '../../server/rollup/index.js';
import { rollUpAgent } from '../../server/rollup/roll.js';
import { markTenantDirty } from '../../server/store/sql/mark.sql.js';
import { lockTenantTraffic } from '../../server/store/sql/tenant-traffic.sql.js';
import { emptyRevision } from '../../server/store/traffic/ranges.js';
import { entry } from '../support/entries.js';
import { until } from '../support/server.js';
import { Statistics } from '../support/statistics.js';

const BASE = Date.UTC(2024, 0, 1);
const HOUR_MS = 3_600_000;

let statistics: Statistics;
let tenantId: string;
beforeAll(async () => {
  statistics = await Statistics.start();
});
afterAll(() => statistics.close());
beforeAll(async () => {
  tenantId = await statistics.newTenant();
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** An entry in each of so many seconds apart, whose minutes lie in no batch whole. */
function spread(count: number, apartMs: number) {
  return Array.from({ length: count }, (_, i) => entry({ timeMs: BASE + i * apartMs }));
}

function marksOf(agentId: string): Promise<{ resolution: number; left: number }[]> {
  return statistics.db.ownerSql(
    'SELECT resolution, count(*) AS left FROM rollup_mark WHERE agent_id = $1 GROUP BY 1 ORDER BY 1',
    [agentId],
  );
}

async function hits(agentId: string): Promise<number[]> {
  const rows = await statistics.db.ownerSql<{ hits: number }>(
    'SELECT sum(hits)::bigint AS hits FROM traffic_window WHERE agent_id = $1 GROUP BY resolution ORDER BY resolution',
    [agentId],
  );
  return rows.map((row) => row.hits);
}

async function markMinutes(agentId: string, count: number): Promise<void> {
  await statistics.db.ownerSql(
    `INSERT INTO rollup_mark (tenant_id, agent_id, resolution, start_ms)
     SELECT $1, $2, 60, $3 + i * 60000::bigint FROM generate_series(0, $4 - 1) AS i ON CONFLICT DO NOTHING`,
    [tenantId, agentId, BASE, count],
  );
}

test('a long backlog of minutes holds up neither its own hours nor other agents', async () => {
  const busy = await statistics.append(tenantId, 'busy', spread(600, 60_000));
  const idle = await statistics.append(tenantId, 'idle', spread(3, HOUR_MS));
  await markMinutes(busy, 5_000);
  await statistics.quieten();
  let [hoursBeforeMinutes, idleBeforeBusy] = [false, false];
  const real = statistics.db.inTenants.bind(statistics.db);
  jest.spyOn(statistics.db, 'inTenants').mockImplementation(async (...args) => {
    const left = new Map((await marksOf(busy)).map((row) => [row.resolution, row.left]));
    if ((left.get(60) ?? 0) > 0) {
      if (
        (await statistics.db.ownerSql('SELECT FROM traffic_window WHERE agent_id = $1 AND resolution = 3600', [busy]))
          .length > 0
      )
        hoursBeforeMinutes = true;
      if ((await marksOf(idle)).length === 0) idleBeforeBusy = true;
    }
    return real(...args);
  });
  await statistics.rollups.rollUpDue();
  expect({ hoursBeforeMinutes, idleBeforeBusy }).toEqual({ hoursBeforeMinutes: true, idleBeforeBusy: true });
  expect(await hits(busy)).toEqual([600, 600, 600, 600, 600]);
  expect(await hits(idle)).toEqual([3, 3, 3, 3, 3]);
});

test('a transaction takes windows that are made of so many rows, and no more', async () => {
  const agentId = await statistics.append(tenantId, 'hours', spread(600, 60_000));
  await statistics.quieten();
  await statistics.rollups.rollUpDue();
  const starts = Array.from({ length: 10 }, (_, i) => BASE + i * HOUR_MS);
  const scope = { tenantId, agentId, resolution: 3_600 };
  expect(await statistics.db.inTenants([tenantId], (tx) => rollUpAgent(tx, scope, starts))).toBe(4);
});

test('an agent whose rollup fails is left alone for a while, and the others are computed', async () => {
  const broken = await statistics.append(tenantId, 'broken', spread(5, HOUR_MS));
  const sound = await statistics.append(tenantId, 'sound', spread(5, HOUR_MS));
  await statistics.db.ownerSql(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON traffic_window FOR EACH ROW
      WHEN (NEW.agent_id = '${broken}' AND NEW.resolution = 86400) EXECUTE FUNCTION refuse()`);
  await statistics.quieten();
  await statistics.rollups.rollUpDue();
  expect(await hits(sound)).toEqual([5, 5, 5, 5, 5]);
  expect((await marksOf(broken)).map((row) => row.resolution)).toContain(86_400);

  await statistics.db.ownerSql('DROP TRIGGER refuse ON traffic_window; DROP FUNCTION refuse');
  await statistics.quieten();
  await statistics.rollups.rollUpDue();
  expect(await hits(broken)).toHaveLength(3);
  jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
  await statistics.rollups.rollUpDue();
  expect(await hits(broken)).toEqual([5, 5, 5, 5, 5]);
});

test('a mark of the tenant that is written again does not grow younger: agents that mark without end do not hold it off', async () => {
  const scope = [tenantId, BASE + 400 * 86_400_000];
  await statistics.db.ownerSql(
    `INSERT INTO rollup_mark (tenant_id, agent_id, resolution, start_ms, marked_at)
     VALUES ($1, '00000000-0000-0000-0000-000000000000', 3600, $2, '2000-01-01')`,
    scope,
  );
  await statistics.db.inTenants([tenantId], ({ sql }) =>
    markTenantDirty(sql, [{ tenantId, resolution: 3_600, startMs: scope[1] as number }]),
  );
  const [{ marked }] = await statistics.db.ownerSql<{ marked: Date }>(
    'SELECT marked_at AS marked FROM rollup_mark WHERE tenant_id = $1 AND start_ms = $2',
    scope,
  );
  expect(marked.getUTCFullYear()).toBe(2000);
});

test("a tenant's floors rise with its agents', also while its rollup is under way", async () => {
  await statistics.db.ownerSql('UPDATE retention SET windows = $2 WHERE tenant_id = $1', [
    tenantId,
    JSON.stringify({ 10: { keep: 86_400, keepBreakdowns: null } }),
  ]);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let locked = () => {};
  const isLocked = new Promise<void>((resolve) => {
    locked = resolve;
  });
  const rolling = statistics.db.inTenants([tenantId], async ({ sql }) => {
    await lockTenantTraffic(sql, tenantId);
    locked();
    await held;
  });
  await isLocked;
  const expiring = expireWindows(statistics.db);
  await until(async () => {
    const waiting = await statistics.db.ownerSql(
      "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'tenant_traffic'",
    );
    return waiting.length > 0;
  });
  release();
  await Promise.all([rolling, expiring]);
  const floors = await statistics.db.ownerSql<{ floor: number }>(
    `SELECT window_floors[1]::float8 AS floor FROM agent WHERE tenant_id = $1
     UNION ALL SELECT window_floors[1]::float8 FROM tenant_traffic WHERE tenant_id = $1`,
    [tenantId],
  );
  expect(new Set(floors.map((row) => row.floor)).size).toBe(1);
  expect(floors[0].floor).toBeGreaterThan(BASE);
});

test('revisions do not go back where the last windows of a span are dropped', async () => {
  const read = () =>
    statistics.traffic(tenantId).load({
      agentIds: null,
      span: { fromMs: BASE, toMs: BASE + HOUR_MS },
      wish: { kind: 'series', asked: { maxPoints: 1, step: 86_400, resolution: null }, parts: [], revisions: true },
    });
  const revisionOf = async () => {
    const { buckets, scope } = await read();
    return emptyRevision(scope) + Math.max(0, ...[...buckets.values()].map((bucket) => bucket.beyondDeletion));
  };
  const before = await revisionOf();
  const keep = { keep: 400 * 86_400, keepBreakdowns: null };
  await statistics.db.ownerSql('UPDATE retention SET windows = $2 WHERE tenant_id = $1', [
    tenantId,
    JSON.stringify({ 10: keep, 60: keep, 3600: keep, 86400: keep }),
  ]);
  await expireWindows(statistics.db);
  expect((await read()).buckets.size).toBe(0);
  expect(await revisionOf()).toBeGreaterThan(before);
});
