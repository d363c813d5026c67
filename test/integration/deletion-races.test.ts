// Goal: what is deleted is gone in every resolution, whatever else is under way on the same windows.
// Method: the steps on a real PostgreSQL, transactions held open where it matters; all stored windows against brute force.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Entry } from '../../schema/log-batch.js';
import { RESOLUTIONS } from '../../server/core/windows/resolutions.js';
import { expireWindows } from '../../server/rollup/index.js';
import { rollUpAgent, rollUpTenant } from '../../server/rollup/roll.js';
import { marksBefore } from '../../server/store/sql/floor.sql.js';
import { TENANT_WIDE } from '../../server/store/sql/window-key.js';
import { entry } from '../support/entries.js';
import { until } from '../support/server.js';
import { Statistics } from '../support/statistics.js';
import { storedEntries, wrongWindows } from '../support/stored-windows.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The last day of a month: windows of every width end with it. */
const BASE = Date.UTC(2024, 0, 31);

let statistics: Statistics;
let tenantId: string;
beforeAll(async () => {
  statistics = await Statistics.start();
});
afterAll(() => statistics.close());
beforeEach(async () => {
  tenantId = await statistics.newTenant();
});

type Span = { fromMs: number; toMs: number };
const remove = (agentIds: string[] | null, spans: Span[]) =>
  statistics.deletion.deleteTraffic({ tenantId, agentIds, spans, includeLogs: false, dryRun: false });

function marked(agentId: string, resolution: number): Promise<number[]> {
  return statistics.db.inTenants([tenantId], ({ sql }) =>
    marksBefore(sql, tenantId, agentId, resolution, Number.MAX_SAFE_INTEGER, 1_000),
  );
}

/** All of an agent's own windows, none of the tenant's. */
async function rollUpOnly(agentId: string): Promise<void> {
  for (const resolution of RESOLUTIONS.slice(1)) {
    const starts = await marked(agentId, resolution);
    await statistics.db.inTenants([tenantId], (tx) => rollUpAgent(tx, { tenantId, agentId, resolution }, starts));
  }
}

/** Writes the tenant's windows that are marked, and does not commit before `meanwhile` has ended, or waits for it. */
async function whileRollingUpTenant(resolution: number, meanwhile: () => Promise<unknown>): Promise<void> {
  const starts = await marked(TENANT_WIDE, resolution);
  let ending: Promise<unknown> = Promise.resolve();
  await statistics.db.inTenants([tenantId], async (tx) => {
    await rollUpTenant(tx, { tenantId, agentId: TENANT_WIDE, resolution }, starts);
    let ended = false;
    ending = meanwhile().finally(() => {
      ended = true;
    });
    await until(async () => ended || (await isWaitedFor()));
  });
  await ending;
}

async function isWaitedFor(): Promise<boolean> {
  const waiting = await statistics.db.ownerSql('SELECT FROM pg_locks WHERE NOT granted', []);
  return waiting.length > 0;
}

const day = { fromMs: BASE, toMs: BASE + DAY_MS };
const [MINUTE_SPAN, NONE, DAYS_ONLY] = [
  { fromMs: BASE, toMs: BASE + 60_000 },
  [0, 0, 0, 0, 0],
  [day.toMs, day.toMs, day.toMs, 0, 0],
];
test.each([
  { of: 'an hour inside', resolution: 3_600, span: day, floors: NONE },
  { of: 'an hour that is cut', resolution: 3_600, span: MINUTE_SPAN, floors: NONE },
  { of: 'a month that is cut', resolution: RESOLUTIONS[4], span: day, floors: NONE },
  { of: 'a day of which nothing finer is kept', resolution: 86_400, span: day, floors: DAYS_ONLY },
])("what goes while the tenant's window of $of is being written", async ({ resolution, span, floors }) => {
  // An agent begins with its tenant's floors.
  await statistics.db.ownerSql(
    'UPDATE tenant_traffic SET window_floors = $2, breakdown_floors = $2 WHERE tenant_id = $1',
    [tenantId, floors],
  );
  const entries = [0, 1_800, 3_600, 86_400].map((second) => entry({ timeMs: BASE + second * 1_000 }));
  const [kept, cut] = [
    await statistics.append(tenantId, 'kept', entries),
    await statistics.append(tenantId, 'cut', entries),
  ];
  for (const agentId of [kept, cut]) await rollUpOnly(agentId);
  expect(await marked(TENANT_WIDE, resolution)).not.toEqual([]);
  await whileRollingUpTenant(resolution, () => remove([cut], [span]));
  await statistics.rollUpAll();
  const left = entries.filter(({ timeMs }) => timeMs >= span.toMs);
  const expected = new Map([
    [kept, entries],
    [cut, left],
  ]);
  expect(await wrongWindows(statistics.db, tenantId, expected)).toEqual([]);
});

/** Does it again and again until `others` have ended. */
async function during(others: Promise<unknown>, work: (round: number) => Promise<unknown>): Promise<void> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  others.then(end, end);
  for (let round = 0; !isOver; round++) await work(round);
}

/** Batches of an agent one after the other: each reaches over all hours, now before, now after what came already. */
async function send(name: string, hours: readonly number[], batches: number, sent: Entry[]): Promise<string> {
  let agentId = '';
  for (let batch = 0; batch < batches; batch++) {
    const entries = hours.map((hour) =>
      entry({
        timeMs: BASE + hour * HOUR_MS + ((batch * 611) % 3_600) * 1_000,
        host: `192.0.2.${batch % 20}`,
        bytes: batch,
      }),
    );
    agentId = await statistics.append(tenantId, name, entries);
    sent.push(...entries);
  }
  return agentId;
}

const AGENTS = ['one', 'two', 'three'];
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test('several agents and timeframes, while batches come, windows are rolled up, expire and are read', async () => {
  const sent = new Map(AGENTS.map((name) => [name, [] as Entry[]]));
  const quiet = [3, 2_000, 2_001, 2_002];
  const moving = [-800, -31, -30, -2, -1, 0, 1, 2, 30, 31];
  const ids = await Promise.all(AGENTS.map((name) => send(name, [...moving, ...quiet], 12, sent.get(name)!)));
  await statistics.rollUpAll();
  const spans = [
    { fromMs: BASE - 800 * HOUR_MS, toMs: BASE - 30 * HOUR_MS },
    { fromMs: BASE - HOUR_MS, toMs: BASE + HOUR_MS },
    { fromMs: BASE + 30 * HOUR_MS, toMs: BASE + 31 * HOUR_MS },
    // Nothing comes here that would have what is cut computed anew.
    { fromMs: BASE + 2_001 * HOUR_MS, toMs: BASE + 2_002 * HOUR_MS },
  ];
  const isGone = ({ timeMs }: Entry) => spans.some(({ fromMs, toMs }) => timeMs >= fromMs && timeMs < toMs);
  // Of one agent only some go.
  const removeAll = async () => {
    await remove(ids.slice(0, 2), spans);
    await remove(ids.slice(2), spans.slice(1));
  };
  const still = { fromMs: BASE + 3 * HOUR_MS, toMs: BASE + 4 * HOUR_MS };
  const sends = Promise.all(AGENTS.map((name) => send(name, moving, 30, sent.get(name)!)));
  await Promise.all([
    sends,
    during(sends, removeAll),
    during(sends, (round) => remove(null, [spans[1 + (round % 2)]])),
    during(sends, () => statistics.rollUpAll()),
    during(sends, (round) => keepFinest(still.toMs - Math.max(0, 60 - round) * HOUR_MS)),
    during(sends, async () => {
      const wish = { kind: 'total' as const, parts: [] };
      for (const agentIds of [null, ids]) {
        const { total } = await statistics.traffic(tenantId).load({ agentIds, span: still, wish });
        expect(total.totals.hits).toBe(3 * 12);
      }
    }),
  ]);
  await removeAll();
  await statistics.rollUpAll();
  await expireWindows(statistics.db);
  const left = AGENTS.map((name, i): [string, Entry[]] => [
    ids[i],
    sent.get(name)!.filter((one) => !isGone(one) || (name === 'three' && one.timeMs < spans[0].toMs)),
  ]);
  expect(await wrongWindows(statistics.db, tenantId, new Map(left))).toEqual([]);
});

/** Windows of less than an hour go below an event time. */
async function keepFinest(fromMs: number): Promise<void> {
  const keep = Math.ceil((Date.now() - fromMs) / 1_000);
  const windows = { 10: { keep, keepBreakdowns: keep }, 60: { keep, keepBreakdowns: keep } };
  await statistics.db.ownerSql('UPDATE retention SET windows = $2 WHERE tenant_id = $1', [
    tenantId,
    JSON.stringify(windows),
  ]);
  await expireWindows(statistics.db);
}

test('entries that come into what is being deleted are counted, in each second, as they are stored', async () => {
  const hours = range(0, 6);
  const ids = await Promise.all(AGENTS.map((name) => send(name, hours, 30, [])));
  const sends = Promise.all(AGENTS.map((name) => send(name, hours, 30, [])));
  const spans = [{ fromMs: BASE + HOUR_MS + 600_000, toMs: BASE + 5 * HOUR_MS }];
  const request = { tenantId, agentIds: ids, spans, includeLogs: true };
  await Promise.all([
    sends,
    during(sends, () => statistics.deletion.deleteTraffic({ ...request, dryRun: false })),
    during(sends, () => statistics.deletion.deleteAgent(tenantId, ids[2])),
    during(sends, () => statistics.rollUpAll()),
  ]);
  await statistics.rollUpAll();
  const stored = await storedEntries(statistics.db, tenantId);
  expect(await wrongWindows(statistics.db, tenantId, stored)).toEqual([]);
  const foretold = await statistics.deletion.deleteTraffic({ ...request, dryRun: true });
  expect(foretold.logs).toBe(foretold.hits);
  expect(await statistics.deletion.deleteTraffic({ ...request, dryRun: false })).toEqual(foretold);
});

test('a deleted agent that comes again, while the tenant is rolled up', async () => {
  const sent: Entry[] = [];
  const kept: Entry[] = [];
  const [first, second] = [await send('one', range(0, 3), 4, []), await send('two', range(0, 3), 4, kept)];
  await rollUpOnly(first);
  await rollUpOnly(second);
  await whileRollingUpTenant(3_600, () => statistics.deletion.deleteAgent(tenantId, first));
  await statistics.rollUpAll();
  expect(await wrongWindows(statistics.db, tenantId, new Map([[second, kept]]))).toEqual([]);
  await send('one', range(2, 4), 4, sent);
  await rollUpOnly(first);
  await whileRollingUpTenant(3_600, () => send('one', range(1, 5), 4, sent));
  await statistics.rollUpAll();
  const expected = new Map([
    [first, sent],
    [second, kept],
  ]);
  expect(await wrongWindows(statistics.db, tenantId, expected)).toEqual([]);
});
