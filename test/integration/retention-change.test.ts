// Goal: a change of retention is made of what the last one left, says what is so, and holds for what is done next.
// Method: the service on a real PostgreSQL; changes held up by a lock, so that they meet.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { RetentionService, readSettings } from '../../server/retention/index.js';
import { withConnection } from '../support/database.js';
import { entry } from '../support/entries.js';
import { until } from '../support/server.js';
import { Statistics } from '../support/statistics.js';

const DAY = 86_400;
let statistics: Statistics;
let retention: RetentionService;
let tenantId: string;
beforeAll(async () => {
  statistics = await Statistics.start();
  ({ retention } = statistics);
});
afterAll(() => statistics.close());
beforeEach(async () => {
  tenantId = await statistics.newTenant();
});

const settings = () => statistics.db.inTenants([tenantId], (tx) => readSettings(tx, tenantId));
const policy = (about: object) => ({ name: 'Named', filter: {}, agentIds: [], keepSeconds: DAY, ...about });

test('changes that meet lose nothing of each other', async () => {
  const { db } = statistics;
  await withConnection(db.url, async (holder) => {
    await holder.query('BEGIN');
    await holder.query('SELECT FROM retention WHERE tenant_id = $1 FOR UPDATE', [tenantId]);
    const changes = [
      retention.set(tenantId, { windows: [{ resolution: 10, keepBreakdowns: 3 * DAY }] }),
      retention.set(tenantId, { windows: [{ resolution: 60, keepBreakdowns: 20 * DAY }] }),
    ];
    await until(async () => {
      const [{ waiting }] = await db.ownerSql<{ waiting: number }>(
        "SELECT count(*) AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'retention'",
      );
      return waiting === 2;
    });
    await holder.query('COMMIT');
    await Promise.all(changes);
  });
  const { windows, version } = await settings();
  expect(windows).toMatchObject({ 10: { keepBreakdowns: 3 * DAY }, 60: { keepBreakdowns: 20 * DAY } });
  expect(version).toBe(3);
});

test('of windows what is not given stays, and null is for ever', async () => {
  await retention.set(tenantId, { windows: [{ resolution: 10, keep: 30 * DAY, keepBreakdowns: 3 * DAY }] });
  const set = async (change: { keep?: number | null; keepBreakdowns?: number | null }) =>
    (await retention.set(tenantId, { windows: [{ resolution: 10, ...change }] })).windows[10];
  expect(await set({ keepBreakdowns: 4 * DAY })).toEqual({ keep: 30 * DAY, keepBreakdowns: 4 * DAY });
  expect(await set({ keep: 20 * DAY })).toEqual({ keep: 20 * DAY, keepBreakdowns: 4 * DAY });
  expect(await set({ keep: null })).toEqual({ keep: null, keepBreakdowns: 4 * DAY });
  await expect(set({ keep: 3 * DAY })).rejects.toThrow('must not be longer than keep');
  expect(await set({})).toEqual({ keep: null, keepBreakdowns: 4 * DAY });
});

test('a change that is saved is answered so, though the job for what is stored cannot be asked for', async () => {
  const failing = new RetentionService(
    statistics.db,
    () => Promise.reject(new Error('the queue is away')),
    pino({ level: 'silent' }),
  );
  expect(await failing.set(tenantId, { defaultSeconds: 2 * DAY })).toMatchObject({ defaultSeconds: 2 * DAY });
  expect(await settings()).toMatchObject({ defaultSeconds: 2 * DAY, version: 2 });
});

test('raw entries are deleted, and taken in, right after a longer keep was set', async () => {
  const hourMs = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000;
  const agent = await statistics.append(tenantId, 'web', [
    entry({ timeMs: hourMs }),
    entry({ timeMs: hourMs + 3_599_000 }),
  ]);
  await retention.set(tenantId, { policies: [policy({ keepSeconds: 300 * DAY })] });
  const spans = [{ fromMs: hourMs, toMs: hourMs + 60_000 }];
  const deleted = await statistics.deletion.deleteTraffic({
    tenantId,
    agentIds: [agent],
    spans,
    includeLogs: true,
    dryRun: false,
  });
  expect(deleted.logs).toBe(1);
  const classes = await statistics.db.ownerSql('SELECT class, entries FROM log_chunk WHERE agent_id = $1', [agent]);
  expect(classes).toEqual([{ class: 'months', entries: 1 }]);
});

test('a deletion that finds no partition makes it', async () => {
  const timeMs = Math.floor(Date.now() / 60_000) * 60_000 - 120_000;
  const agent = await statistics.append(tenantId, 'web', [entry({ timeMs }), entry({ timeMs: timeMs + 60_000 })]);
  // As another server's change, whose partitions were dropped since.
  await statistics.db.ownerSql('UPDATE retention SET default_seconds = $1, version = 2 WHERE tenant_id = $2', [
    20 * DAY,
    tenantId,
  ]);
  const spans = [{ fromMs: timeMs, toMs: timeMs + 60_000 }];
  await statistics.deletion.deleteTraffic({ tenantId, agentIds: [agent], spans, includeLogs: true, dryRun: false });
  const stored = await statistics.db.ownerSql('SELECT class, entries FROM log_chunk WHERE agent_id = $1', [agent]);
  expect(stored).toEqual([{ class: 'days', entries: 1 }]);
});

test('a policy that names an agent deleted since is saved again, and holds where that comes again', async () => {
  const timeMs = Date.now();
  const gone = await statistics.append(tenantId, 'gone', [entry({ timeMs })]);
  const other = await statistics.append(tenantId, 'other', [entry({ timeMs })]);
  const own = policy({ agentIds: [gone] });
  await retention.set(tenantId, { policies: [own] });
  for (const id of [gone, other]) await statistics.deletion.deleteAgent(tenantId, id);
  const { policies } = await retention.set(tenantId, { policies: [own, policy({ name: 'All else' })] });
  expect(policies.map(({ agentIds }) => agentIds)).toEqual([[gone], []]);
  expect(await statistics.append(tenantId, 'gone', [entry({ timeMs })])).toBe(gone);
  const stored = await statistics.db.ownerSql('SELECT keep_seconds FROM log_chunk WHERE agent_id = $1', [gone]);
  expect(stored).toEqual([{ keep_seconds: DAY }]);
  // Named anew it is as unknown as any.
  await expect(retention.set(tenantId, { policies: [policy({ agentIds: [other] })] })).rejects.toThrow('not found');
});
