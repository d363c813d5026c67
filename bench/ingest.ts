import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secondsOf } from '../simulator/file.js';
import { copySeconds, findGoAccess, gzipBytes, writeLogAndRows } from './peers.js';
import { cpuOf, peakMemoryOf } from './proc.js';
import { ask, type Ended, runHlm, startServer, stop } from './processes.js';
import { BenchStore } from './store.js';
import { type BenchOptions, type Figure, median, perSecond, times } from './table.js';

/** Lines a second of the file: windows of it hold some hundred lines, as those of a middling server do. */
const TRAFFIC = { seed: 1, rateScale: 1 };

/** Durable ingest of a file end to end, windows and rollups included, beside what others make of the same file. */
export async function measureIngest({ quick }: BenchOptions): Promise<Figure[]> {
  const [lines, runs] = quick ? [100_000, 2] : [1_000_000, 3];
  const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
  const store = await BenchStore.start();
  try {
    const span = secondsOf(lines, TRAFFIC);
    const files = await writeLogAndRows(folder, lines, (Math.floor(Date.now() / 1_000) - span) * 1_000, TRAFFIC);
    const size = `${lines.toLocaleString('en')} lines Combined, ${(statSync(files.log).size / 2 ** 20).toFixed(1)} MiB`;
    const { whole, figures } = await endToEnd(store, folder, files.log, { lines, runs });
    const alone = (await runHlm(['agent', '--dry-run', files.log])).seconds;
    return [
      {
        what: `durable ingest, end to end (${size}, ${(lines / span).toFixed(0)} a second)`,
        value: perSecond(lines, whole),
      },
      ...(await beside(store, folder, files, { lines, whole })),
      { what: 'agent alone (--dry-run: parses, and writes JSON)', value: perSecond(lines, alone) },
      ...figures,
      ...(await bytesALine(store, files.log, lines, runs)),
    ];
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs the agent over the file, each time as another one. */
async function endToEnd(
  store: BenchStore,
  folder: string,
  log: string,
  { lines, runs }: { lines: number; runs: number },
): Promise<{ whole: number; figures: Figure[] }> {
  const { url, child } = await startServer(join(folder, 'data'), store.url);
  try {
    const token = readFileSync(join(folder, 'data', 'operator-token'), 'utf8').trim();
    const ended: Ended[] = [];
    const [server, postgres] = [cpuOf(child.pid!), store.postgresCpuSeconds()];
    for (let i = 0; i < runs; i++) {
      const name = `bench-${i}`;
      ended.push(await runHlm(['agent', '--once', '--name', name, '--url', url, log], { HLM_TOKEN: token }));
      await expectAll(url, token, name, lines);
    }
    const aLine = (seconds: number) => `${((seconds * 1e6) / (lines * runs)).toFixed(1)} µs CPU a line`;
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    const figures = [
      { what: 'the server of it, rollups included', value: aLine(cpuOf(child.pid!) - server) },
      { what: 'PostgreSQL of it', value: aLine(store.postgresCpuSeconds() - postgres) },
      {
        what: "the agent's memory at most",
        value: mib(Math.max(...ended.map((one) => one.peakBytes))),
        goal: '200 MiB',
      },
      { what: "the server's memory at most", value: mib(peakMemoryOf(child.pid!)), goal: '500 MiB' },
    ];
    return { whole: median(ended.map(({ seconds }) => seconds)), figures };
  } finally {
    await stop(child);
  }
}

/** What others do with the same lines. */
async function beside(
  store: BenchStore,
  folder: string,
  files: { log: string; rows: string },
  { lines, whole }: { lines: number; whole: number },
): Promise<Figure[]> {
  const copying = await copySeconds(store.url, files.rows);
  const figures: Figure[] = [
    { what: 'COPY of the same rows into a plain table', value: perSecond(lines, copying) },
    { what: 'end to end / COPY', value: times(copying / whole) },
  ];
  const goAccess = findGoAccess();
  if (goAccess === null) return [...figures, { what: 'GoAccess', value: 'not installed' }];
  const seconds = await goAccess.run(files.log, folder);
  return [
    ...figures,
    { what: `GoAccess ${goAccess.version}: parses and reports, nothing durable`, value: perSecond(lines, seconds) },
    {
      what: `end to end / GoAccess ${goAccess.version}`,
      value: times(seconds / whole),
      goal: goAccess.version.startsWith('1.7') ? '≥ 9 ×' : '≥ 3 ×',
    },
  ];
}

/** What a line takes on disk. */
async function bytesALine(store: BenchStore, log: string, lines: number, runs: number): Promise<Figure[]> {
  const [{ chunks, windows }] = await store.db.ownerSql<{ chunks: number; windows: number }>(
    `SELECT (SELECT sum(length(body)) FROM log_chunk)::bigint AS chunks,
       pg_total_relation_size('traffic_window') + pg_total_relation_size('traffic_breakdown') AS windows`,
  );
  const aLine = (bytes: number) => `${(bytes / lines).toFixed(1)} bytes a line`;
  return [
    { what: 'the file', value: aLine(statSync(log).size) },
    { what: 'the file, gzip -6', value: aLine(await gzipBytes(log)) },
    { what: 'chunks of raw entries', value: aLine(chunks / runs), goal: '≤ 16 bytes' },
    { what: 'windows of all resolutions, indexes and all, just taken in', value: aLine(windows / runs) },
  ];
}

/** A figure of a run that lost lines would be worth nothing. */
async function expectAll(url: string, token: string, name: string, lines: number): Promise<void> {
  type Answer = { agents: { nodes: { ledger: { accepted: number } }[] } };
  const { data } = await ask<Answer>(url, token, `{ agents(search: "${name}") { nodes { ledger { accepted } } } }`);
  const { accepted } = data.agents.nodes[0].ledger;
  if (accepted !== lines) throw new Error(`${accepted} of ${lines} lines were taken in`);
}
