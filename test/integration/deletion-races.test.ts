// Goal: what is deleted is gone in every resolution, whatever else is under way on the same windows.
// Method: the steps on a real PostgreSQL, transactions held open where it matters; all stored windows against brute force.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { RESOLUTIONS } from '../../server/core/windows/resolutions.js';
import { rollUpAgent, rollUpTenant } from '../../server/rollup/roll.js';
import { marksBefore } from '../../server/store/sql/floor.sql.js';
import { TENANT_WIDE } from '../../server/store/sql/window.sql.js';
import { entry } from '../support/entries.js';
import { until } from '../support/server.js';
import { Statistics } from '../support/statistics.js';
import { wrongWindows } from '../support/stored-windows.js';

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
