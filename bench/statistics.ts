import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { decodeLogBatch } from '../schema/log-batch.js';
import { batchOf } from '../schema/log-batch-builder.js';
import { BatchAggregate } from '../server/core/windows/aggregate.js';
import { encodePart, PARTS } from '../server/core/windows/breakdown.js';
import { encodeSeconds } from '../server/core/windows/encoding.js';
import { MONTH, RESOLUTIONS, rollupStart } from '../server/core/windows/resolutions.js';
import { WINDOW_MS } from '../server/core/windows/tumbling.js';
import { PART_COLUMNS } from '../server/store/sql/breakdown.sql.js';
import { readNumbers } from '../server/store/sql/traffic.sql.js';
import { TOTALS_COLUMNS } from '../server/store/sql/window.sql.js';
import { rangesFor, ScopeMarks } from '../server/store/traffic/ranges.js';
import { readScopes } from '../server/store/traffic/scope.js';
import { ask, startServer, stop } from './processes.js';
import { BenchStore } from './store.js';
import { type BenchOptions, type Figure, median, times } from './table.js';
import { entriesOf, gathered } from './traffic.js';

const DAY_MS = 86_400_000;
/** Different windows that the fixture is made of, over and over. */
const VARIANTS = 500;
/** Of the fixture: what it holds does not matter to how many rows are read, and a year is to be made in minutes. */
const LINES_PER_SECOND = 0.2;
/** Before the last day, breakdowns of 10 s stand in one minute of so many: enough for each hour and day to be full. */
const BREAKDOWN_MINUTES = 20;
const KEY_COLUMNS = 'tenant_id, agent_id, resolution, start_ms';
const NUMBERS = `revision, ${TOTALS_COLUMNS}, seconds`;
const BREAKDOWN = PARTS.map((part) => PART_COLUMNS[part]).join(', ');
const HOUR_S = 3_600;
const RUNS = 15;
/** Rounds before the first is measured: what comes first would pay for compiling the code. */
const WARM_UPS = 20;

/**
 * Queries of the last hour, a year and ten years, over windows written by COPY and rolled up by the product; a year is
 * what it made of a fifth, five times.
 */
export async function measureStatistics({ quick }: BenchOptions): Promise<Figure[]> {
  const store = await BenchStore.start();
  const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
  try {
    const endMs = Math.floor((await store.db.now()) / 60_000) * 60_000;
    const [days, repeats] = quick ? [10, 1] : [365, 5];
    const fixture = new Fixture(store);
    const spanMs = (days / repeats) * DAY_MS;
    const year = await fixture.write('year', 10, endMs - spanMs, endMs);
    const rolledSeconds = await secondsOf(() => store.rollUp());
    await fixture.repeat(year.agentId, { times: repeats - 1, spanMs, endMs });
    const ten = await fixture.write('ten-years', 3_600, rollupStart(endMs - 3_652 * DAY_MS, 3_600), endMs);
    await store.rollUp();
    await store.db.ownerSql('VACUUM ANALYZE traffic_window, traffic_breakdown');
    const { url, child, token } = await startServer(folder, { DATABASE_URL: store.url });
    try {
      const asker = new Asker(url, token);
      return [
        {
          what: `rolling up ${year.windows.toLocaleString('en')} windows of 10 s`,
          value: `${rolledSeconds.toFixed(0)} s`,
          ratio: `${times(spanMs / 1_000 / rolledSeconds)} real time`,
        },
        ...(await latencies(asker, store, year.agentId, ten.agentId, days)),
      ];
    } finally {
      await stop(child);
    }
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function latencies(asker: Asker, store: BenchStore, year: string, ten: string, days: number): Promise<Figure[]> {
  const tops = 'top(dimension: PATH) { hits } hosts: top(dimension: HOST) { hits }';
  const series = (points: number) => `windows(maxPoints: ${points}) { start stats { hits bytes } }`;
  for (let i = 0; i < WARM_UPS; i++) await asker.ms(year, 'PT1H', `${series(120)} total { hits bytes ${tops} }`);
  const hour = await asker.ms(year, 'PT1H', series(120));
  const hourWhole = await asker.ms(year, 'PT1H', `${series(120)} total { hits bytes ${tops} }`);
  const yearWhole = await asker.ms(year, `P${days}D`, `${series(366)} total { hits bytes ${tops} }`);
  const yearTotal = await asker.ms(year, `P${days}D`, 'total { hits bytes }');
  const tenTotal = await asker.ms(ten, 'P3650D', 'total { hits bytes }');
  const tenYear = await asker.ms(ten, 'P365D', 'total { hits bytes }');
  const tenSeries = await asker.ms(ten, 'P3650D', series(3_650));
  const sumMs = await scanMs(store, year);
  const statementMs = await totalsStatementMs(store, year, days);
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const span = days === 365 ? 'a year' : `${days} days`;
  const figure = (what: string, value: number, goal?: string): Figure => {
    return { what, value: ms(value), ratio: `${times(value / hour)} the last hour`, goal };
  };
  return [
    figure('the last hour, 120 points', hour, '10 ms'),
    figure('the last hour, 120 points, totals, two tops', hourWhole),
    figure(`${span}, 366 points, totals, two tops`, yearWhole, '50 ms, ≤ 5 ×'),
    figure(`totals of ${span}`, yearTotal),
    figure('totals of ten years', tenTotal),
    {
      what: 'totals of a year of the same agent',
      value: ms(tenYear),
      ratio: `ten years ${times(tenTotal / tenYear)}`,
      goal: '≤ 3 ×',
    },
    figure('ten years, 3,650 points', tenSeries),
    { what: `SELECT sum(…) over the 10-second rows of ${span}`, value: ms(sumMs) },
    {
      what: `the statement that reads totals of ${span}`,
      value: `${statementMs.toFixed(2)} ms`,
      ratio: `the former ${times(sumMs / statementMs)}`,
      goal: '≥ 1,000 × for a year',
    },
  ];
}

/** Asks the server as a client does. */
class Asker {
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  /** Median of some runs, milliseconds, after one that warms up. */
  async ms(agentId: string, last: string, fields: string): Promise<number> {
    const query = `{ traffic(timeframe: { last: "${last}" }, agentIds: ["${agentId}"]) { ${fields} } }`;
    const runs: number[] = [];
    for (let i = 0; i <= RUNS; i++) runs.push((await ask(this.url, this.token, query)).ms);
    return median(runs.slice(1));
  }
}

/** What a database without rollups does. */
async function scanMs(store: BenchStore, agentId: string): Promise<number> {
  const runs: number[] = [];
  for (let i = 0; i < 3; i++) {
    const seconds = await secondsOf(() =>
      store.db.ownerSql('SELECT sum(hits), sum(bytes) FROM traffic_window WHERE agent_id = $1 AND resolution = 10', [
        agentId,
      ]),
    );
    runs.push(seconds * 1_000);
  }
  return median(runs);
}

/** What the product asks of the database for the totals of a span up to now. */
async function totalsStatementMs({ db, tenantId }: BenchStore, agentId: string, days: number): Promise<number> {
  const toMs = Math.ceil((await db.now()) / WINDOW_MS) * WINDOW_MS;
  const span = { fromMs: toMs - days * DAY_MS, toMs };
  return db.inTenants([tenantId], async ({ sql }) => {
    const [scope] = await readScopes(sql, tenantId, [[agentId]]);
    const marks = await ScopeMarks.read(sql, tenantId, scope, span);
    const query = { span, stepMs: Number.POSITIVE_INFINITY, resolution: null, kind: 'windowFloors' as const };
    const numbers = { tenantId, ranges: rangesFor(scope, marks, query), stepMs: query.stepMs, byAgent: false };
    const runs: number[] = [];
    for (let i = 0; i < 5 * RUNS; i++) runs.push(1_000 * (await secondsOf(() => readNumbers(sql, numbers))));
    return median(runs);
  });
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
}

/** Writes windows of one resolution by COPY, with the marks that ingest would have left. */
class Fixture {
  private readonly numbers: string[] = [];
  private readonly breakdowns: string[] = [];

  constructor(private readonly store: BenchStore) {
    const hex = (buffer: Buffer) => `\\\\x${buffer.toString('hex')}`;
    for (const entries of gathered(entriesOf(LINES_PER_SECOND, (VARIANTS * WINDOW_MS) / 1_000), WINDOW_MS)) {
      const batch = decodeLogBatch(batchOf(entries));
      const [window] = [...new BatchAggregate(batch, batch.invalid).windows.values()];
      const { hits, bytes, status, peak, seconds, breakdown } = window;
      this.numbers.push([hits, bytes, ...status, peak, hex(encodeSeconds(seconds))].join('\t'));
      this.breakdowns.push(PARTS.map((part) => hex(encodePart(breakdown, part))).join('\t'));
    }
  }

  async write(name: string, resolution: number, fromMs: number, toMs: number) {
    const [entry] = entriesOf(20, 1);
    const agentId = await this.store.append(name, JSON.stringify(batchOf([{ ...entry, timeMs: toMs - 1_000 }])));
    const starts: number[] = [];
    const own = rollupStart(toMs - 1_000, resolution);
    for (let startMs = fromMs; startMs < own; startMs += resolution * 1_000) starts.push(startMs);
    const key = `${this.store.tenantId}\t${agentId}\t${resolution}`;
    await this.copy(`traffic_window (${KEY_COLUMNS}, ${NUMBERS})`, starts, (startMs, i) => {
      return `${key}\t${startMs}\t1\t${this.numbers[i % this.numbers.length]}\n`;
    });
    // Nothing is asked of ten years but numbers.
    const broken = starts.filter(
      (startMs) =>
        resolution * 1_000 === WINDOW_MS &&
        (startMs >= toMs - DAY_MS || Math.floor(startMs / 60_000) % BREAKDOWN_MINUTES === 0),
    );
    await this.copy(`traffic_breakdown (${KEY_COLUMNS}, ${BREAKDOWN})`, broken, (startMs, i) => {
      return `${key}\t${startMs}\t${this.breakdowns[i % this.breakdowns.length]}\n`;
    });
    await this.mark(agentId, resolution, fromMs);
    return { agentId, windows: starts.length };
  }

  /**
   * What an agent has of the last `spanMs`, rolled up, as often again before it. What lies across two of them is to be
   * computed anew, and so are months, which are not all as long.
   */
  async repeat(agentId: string, { times, spanMs, endMs }: { times: number; spanMs: number; endMs: number }) {
    // Of two windows that are one, across a seam, the older's stands until it is computed anew.
    const repeated = (table: string, columns: string) =>
      this.copyRows(
        `SELECT tenant_id, agent_id, resolution, start_ms - time * ${spanMs}::bigint, ${columns}
         FROM ${table}, generate_series(1, ${times}) AS time
         WHERE agent_id = '${agentId}' AND resolution < ${MONTH} AND start_ms + resolution * 1000::bigint <= ${endMs}`,
        `${table} (${KEY_COLUMNS}, ${columns})`,
      );
    await Promise.all([repeated('traffic_window', NUMBERS), repeated('traffic_breakdown', BREAKDOWN)]);
    const marks = new Set<string>();
    for (let ms = endMs - spanMs; ms >= endMs - times * spanMs; ms -= spanMs)
      marks.add(`${HOUR_S} ${rollupStart(ms, HOUR_S)}`);
    for (let ms = endMs - (times + 1) * spanMs; ms < endMs; ms += DAY_MS)
      marks.add(`${MONTH} ${rollupStart(ms, MONTH)}`);
    for (const mark of marks)
      await this.store.db.ownerSql(
        `INSERT INTO rollup_mark (${KEY_COLUMNS}) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
        [this.store.tenantId, agentId, ...mark.split(' ')],
      );
  }

  private copy(target: string, starts: readonly number[], row: (startMs: number, i: number) => string) {
    return this.connected((into) =>
      pipeline(Readable.from(chunks(starts, row)), into.query(copyFrom(`COPY ${target} FROM STDIN`))),
    );
  }

  /** Twice as fast as INSERT … SELECT. */
  private copyRows(query: string, target: string): Promise<void> {
    const binary = '(FORMAT binary)';
    return this.connected((from) =>
      this.connected((into) =>
        pipeline(
          from.query(copyTo(`COPY (${query}) TO STDOUT ${binary}`)),
          into.query(copyFrom(`COPY ${target} FROM STDIN ${binary}`)),
        ),
      ),
    );
  }

  private async connected(work: (client: pg.Client) => Promise<void>): Promise<void> {
    const client = new pg.Client({ connectionString: this.store.url });
    await client.connect();
    try {
      await work(client);
    } finally {
      await client.end();
    }
  }

  /** Marks what is made of the windows written; where they are not the finest, none finer is kept. */
  private async mark(agentId: string, resolution: number, fromMs: number): Promise<void> {
    const place = RESOLUTIONS.indexOf(resolution);
    const coarser = RESOLUTIONS[place + 1] * 1_000;
    await this.store.db.ownerSql(
      `INSERT INTO rollup_mark (tenant_id, agent_id, resolution, start_ms)
       SELECT DISTINCT tenant_id, agent_id, $3::integer, start_ms - mod(start_ms, $4::bigint) FROM traffic_window
       WHERE agent_id = $1 AND resolution = $2 AND start_ms >= $5 ON CONFLICT DO NOTHING`,
      [agentId, resolution, coarser / 1_000, coarser, fromMs],
    );
    const floors = RESOLUTIONS.map((_, i) => (i < place ? Number.MAX_SAFE_INTEGER : 0));
    if (place > 0)
      await this.store.db.ownerSql('UPDATE agent SET window_floors = $2, breakdown_floors = $2 WHERE id = $1', [
        agentId,
        floors,
      ]);
  }
}

function* chunks(starts: readonly number[], row: (startMs: number, i: number) => string): Generator<string> {
  for (let at = 0; at < starts.length; at += 1_000)
    yield starts
      .slice(at, at + 1_000)
      .map((startMs, i) => row(startMs, at + i))
      .join('');
}
