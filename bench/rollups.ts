import { setTimeout as sleep } from 'node:timers/promises';
import { batchOf, LogBatchBuilder } from '../schema/log-batch-builder.js';
import { dueOwners } from '../server/store/sql/due-mark.sql.js';
import { TENANT_WIDE } from '../server/store/sql/window-key.js';
import { linesFrom } from '../simulator/file.js';
import { first } from '../simulator/traffic.js';
import { BenchStore } from './store.js';
import { type BenchOptions, type Figure, times } from './table.js';
import { entriesOf, gathered, trafficOf } from './traffic.js';

/** Lines of one batch from an agent that is behind. */
const BATCH_LINES = 8_192;
/** A live agent sends what came in so many milliseconds. */
const LIVE_BATCH_MS = 200;
const SECONDS_A_YEAR = 365 * 86_400;
/** Breakdowns of 10-second windows and of minutes that are kept by default, seconds. */
const BREAKDOWNS_KEPT: Record<number, number> = { 10: 2 * 86_400, 60: 14 * 86_400 };

const TABLES = ['traffic_window', 'traffic_breakdown'] as const;

/** Lines a second, and hours of them: enough that what a table takes on disk by itself does not count. */
const HOURS = [
  [1, 24],
  [20, 8],
  [200, 1],
];

/** What rolling up costs beside ingest, and what a year takes on disk, by how much an agent sends. */
export async function measureRollups({ quick }: BenchOptions): Promise<Figure[]> {
  const store = await BenchStore.start();
  try {
    await setAutovacuum(store, false);
    // A server runs for months: what compiling its code costs at first is no cost of rollups.
    await costOf(store, batchesOf(20, 1).batches);
    const figures: Figure[] = [];
    for (const [rate, hours] of quick ? [[20, 1]] : HOURS) figures.push(...(await catchUp(store, rate, hours)));
    if (quick) return figures;
    figures.push(await live(store, 20, 180));
    await setAutovacuum(store, true);
    return [...figures, await lag(store, 20, 4)];
  } finally {
    await store.close();
  }
}

async function catchUp(store: BenchStore, rate: number, hours: number): Promise<Figure[]> {
  const { lines, batches } = batchesOf(rate, hours);
  await store.clear();
  const ratio = await costOf(store, batches);
  const bytes = await bytesPerYear(store, hours);
  return [
    {
      what: `rollups' CPU / ingest's, catching up on ${lines.toLocaleString('en')} lines of ${rate}/s`,
      value: `${(ratio * 100).toFixed(0)} %`,
      goal: '≤ 15 %',
    },
    {
      what: `storage of a year at ${rate} lines/s`,
      value: `${(bytes / 1e9).toFixed(2)} GB`,
      ratio: `${((100 * bytes) / (rate * SECONDS_A_YEAR * bytesALine())).toFixed(1)} % of the log`,
      ...(rate === 20 ? { goal: '≤ 2 GB' } : {}),
    },
  ];
}

/** Of a log, its end included, on average. */
function bytesALine(): number {
  const lines = [...first(10_000, linesFrom(0, trafficOf(20)))];
  return lines.join('\n').length / lines.length;
}

async function setAutovacuum(store: BenchStore, on: boolean): Promise<void> {
  for (const table of TABLES)
    await store.db.ownerSql(`ALTER TABLE ${table} SET (autovacuum_enabled = ${on}, toast.autovacuum_enabled = ${on})`);
}

/**
 * What ingest and then rollups cost, CPU seconds of the server's part and PostgreSQL's. Neither agent nor HTTP counts as
 * ingest here, which makes the ratio the harder. Each pays for the vacuum that it causes, with autovacuum off: by itself
 * it would fall to either of them.
 */
async function costOf(store: BenchStore, batches: readonly string[]): Promise<number> {
  const vacuum = () => store.db.ownerSql(`VACUUM ${TABLES.join(', ')}`);
  const ingestSeconds = await store.cpuOf(async () => {
    for (const batch of batches) await store.append('agent', batch);
    await vacuum();
  });
  const rollupSeconds = await store.cpuOf(async () => {
    await store.rollUp();
    await vacuum();
  });
  return rollupSeconds / ingestSeconds;
}

/** How far rollups are behind while an agent catches up at full speed, and how long they take once it has. */
async function lag(store: BenchStore, rate: number, hours: number): Promise<Figure> {
  const { batches } = batchesOf(rate, hours);
  await store.clear();
  store.rollups.start();
  const begun = performance.now();
  for (const batch of batches) await store.append('agent', batch);
  const ingested = performance.now();
  while ((await dueOwners(store.db)).some(({ agentId }) => agentId !== TENANT_WIDE)) await sleep(20);
  const [lagSeconds, ingestSeconds] = [performance.now() - ingested, ingested - begun].map((ms) => ms / 1_000);
  await store.rollups.stop();
  return {
    what: `rollups beside ingest at full speed (${ingestSeconds.toFixed(1)} s): nothing due is left after`,
    value: `${lagSeconds.toFixed(1)} s more`,
    ratio: `${times(lagSeconds / ingestSeconds)} ingest's time`,
  };
}

/** As JSON: entries as objects would cost garbage collection more than what is measured. */
function batchesOf(rate: number, hours: number): { lines: number; batches: string[] } {
  const batches: string[] = [];
  let lines = 0;
  let builder = new LogBatchBuilder();
  const finish = () => {
    if (builder.count > 0) batches.push(JSON.stringify(builder.build()));
    builder = new LogBatchBuilder();
  };
  for (const entry of entriesOf(rate, hours * 3_600)) {
    if (builder.count === BATCH_LINES) finish();
    builder.add(entry);
    lines++;
  }
  finish();
  return { lines, batches };
}

/** The same as it comes: a batch every fifth of a second. */
async function live(store: BenchStore, rate: number, seconds: number): Promise<Figure> {
  const batches = Array.from(gathered(entriesOf(rate, seconds), LIVE_BATCH_MS), (entries) =>
    JSON.stringify(batchOf(entries)),
  );
  await store.clear();
  const ratio = await costOf(store, batches);
  const what = `rollups' CPU / ingest's, live at ${rate} lines/s, five batches a second`;
  return { what, value: `${(ratio * 100).toFixed(1)} %`, goal: '≤ 15 %' };
}

/** Bytes of windows and breakdowns, indexes and all, that a year of such traffic leaves with the defaults. */
async function bytesPerYear(store: BenchStore, hours: number): Promise<number> {
  let bytes = 0;
  for (const table of TABLES) {
    // Bytes of rows by resolution; what stands on disk beyond that (indexes, page headers, free space) by its share.
    const rows = await store.db.ownerSql<{ resolution: number; count: number; bytes: number }>(
      `SELECT resolution, count(*) AS count, sum(pg_column_size(w.*))::bigint AS bytes FROM ${table} w GROUP BY 1`,
    );
    const [{ disk }] = await store.db.ownerSql<{ disk: number }>(`SELECT pg_total_relation_size('${table}') AS disk`);
    const overhead = disk / rows.reduce((sum, row) => sum + row.bytes, 0);
    for (const row of rows) bytes += yearOf(row, table === 'traffic_breakdown', hours) * overhead;
  }
  return bytes;
}

function yearOf(
  row: { resolution: number; count: number; bytes: number },
  isBreakdown: boolean,
  hours: number,
): number {
  const kept = isBreakdown ? (BREAKDOWNS_KEPT[row.resolution] ?? SECONDS_A_YEAR) : SECONDS_A_YEAR;
  // Days and months are begun only: as many as a year has, of the size they have now, of the agent and of the tenant.
  const windows = row.resolution > 3_600 ? (2 * kept) / row.resolution : (row.count * kept) / (hours * 3_600);
  return (row.bytes / row.count) * windows;
}
