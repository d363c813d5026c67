import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secondsOf, writeLines, writeTexts } from '../simulator/file.js';
import { first, requestsFrom } from '../simulator/traffic.js';
import { AGENT_BYTES, limited, SERVER_BYTES } from './limits.js';
import { copySeconds, findDuckDb, findGoAccess, gzipBytes, rowsOf } from './peers.js';
import { cpuOf, peakMemoryOf } from './proc.js';
import { type Ended, expectAll, runHlm, startServer, stop } from './processes.js';
import { BenchStore } from './store.js';
import { type BenchOptions, type Figure, mb, median, perSecond, times } from './table.js';
import { trafficOf } from './traffic.js';

/** Lines a second of the file: windows of it hold some hundred lines, as those of a middling server do. */
const RATE = 11.4;
/** Those of a busier one: a window of it holds ten times as many, and windows cost the most. */
const BUSIER_RATE = 100;
const RUNS = 3;
/** Who takes longer is run once: the whole is to take five minutes. */
const SLOW_SECONDS = 20;

/** Durable ingest of a file end to end, windows and rollups included, beside what others make of the same file. */
export async function measureIngest({ quick }: BenchOptions): Promise<Figure[]> {
  const lines = quick ? 100_000 : 1_000_000;
  const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
  const store = await BenchStore.start();
  try {
    const log = await writeLog(folder, lines, RATE);
    const busier = await writeLog(folder, lines, BUSIER_RATE);
    // Before and after: the machine is not as fast all the time.
    const peers: Ended[][] = PEERS.map(() => []);
    await runPeers(folder, log, peers);
    const ours = await endToEnd(store, folder, log, busier);
    const [goAccess] = PEERS;
    const ofBusier = peers[0].some(isSlow) ? null : await runPeer(folder, busier, goAccess);
    await runPeers(folder, log, peers);
    const alone = await runHlm(['agent', '--dry-run', log.path]);
    return [
      ...ours.rates,
      ...peerFigures(peers, log, ours),
      ...(ofBusier === null
        ? []
        : [peerFigure(goAccess, "the busier server's file", [ofBusier], busier.lines, ours.busierSeconds)]),
      await copyFigure(store, folder, log, ours),
      figureBeside('agent alone (--dry-run: parses, and writes JSON)', lines, alone.seconds, ours.seconds),
      ...ours.cpu,
      ...ours.memory,
      ...(await bytesALine(log, ours)),
    ];
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Log {
  path: string;
  lines: number;
  rate: number;
  startMs: number;
  bytes: number;
}

/** A log that ends now. */
async function writeLog(folder: string, lines: number, rate: number): Promise<Log> {
  const path = join(folder, `${rate}.log`);
  const startMs = (Math.floor(Date.now() / 1_000) - secondsOf(lines, trafficOf(rate))) * 1_000;
  await writeLines(path, lines, startMs, trafficOf(rate));
  return { path, lines, rate, startMs, bytes: statSync(path).size };
}

/** What the product made of the log. */
interface Ours {
  seconds: number;
  /** Of the busier server's log. */
  busierSeconds: number;
  /** Of agent, server and PostgreSQL. */
  memoryBytes: number;
  chunkBytes: number;
  windowBytes: number;
  rates: Figure[];
  cpu: Figure[];
  memory: Figure[];
}

/** Runs the agent over a log, each time as another one, and then over that of a busier server. */
async function endToEnd(store: BenchStore, folder: string, log: Log, busier: Log): Promise<Ours> {
  const server = await startServer(join(folder, 'data'), { DATABASE_URL: store.url });
  const { url, child, token } = server;
  const run = async (name: string, { path, lines }: Log): Promise<Ended> => {
    const ended = await runHlm(['agent', '--once', '--name', name, '--url', url, path], { HLM_TOKEN: token });
    await expectAll(server, name, lines);
    return ended;
  };
  try {
    const ended: Ended[] = [];
    const before = { server: cpuOf(child.pid!), postgres: store.postgresCpuSeconds() };
    for (let i = 0; i < RUNS; i++) ended.push(await run(`bench-${i}`, log));
    const cpu = {
      agent: ended.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      server: cpuOf(child.pid!) - before.server,
      postgres: store.postgresCpuSeconds() - before.postgres,
    };
    const stored = await storedBytes(store);
    const seconds = median(ended.map((one) => one.seconds));
    const busierSeconds = (await run('bench-busier', busier)).seconds;
    const memory = {
      agent: Math.max(...ended.map(({ peakBytes }) => peakBytes)),
      server: peakMemoryOf(child.pid!),
      postgres: store.postgresMemoryBytes(),
    };
    return {
      seconds,
      busierSeconds,
      memoryBytes: memory.agent + memory.server + memory.postgres,
      ...stored,
      rates: ratesOf(log, log.lines / seconds, busier, busier.lines / busierSeconds),
      cpu: cpuFigures(cpu, log.lines * RUNS),
      memory: memoryFigures(memory),
    };
  } finally {
    await stop(child);
  }
}

function ratesOf(log: Log, perSecondOfLog: number, busier: Log, perSecondOfBusier: number): Figure[] {
  const of = ({ lines, bytes, rate }: Log) =>
    `${lines.toLocaleString('en')} lines, ${mb(bytes)}, ${rate.toFixed(0)} a second`;
  return [
    { what: `durable ingest, end to end (${of(log)})`, value: perSecond(perSecondOfLog, 1), ratio: times(1) },
    {
      what: `the same of a busier server (${of(busier)})`,
      value: perSecond(perSecondOfBusier, 1),
      ratio: `${times(perSecondOfBusier / perSecondOfLog)} the former`,
    },
  ];
}

function cpuFigures(cpu: { agent: number; server: number; postgres: number }, lines: number): Figure[] {
  const all = cpu.agent + cpu.server + cpu.postgres;
  const figure = (what: string, seconds: number) => ({
    what,
    value: `${((seconds * 1e6) / lines).toFixed(1)} µs CPU a line`,
    ratio: `${((100 * seconds) / all).toFixed(0)} % of all three`,
  });
  return [
    figure('the agent of it', cpu.agent),
    figure('the server of it, rollups included', cpu.server),
    figure('PostgreSQL of it', cpu.postgres),
  ];
}

function memoryFigures(bytes: { agent: number; server: number; postgres: number }): Figure[] {
  return [
    limited('memory at most: agent', bytes.agent, AGENT_BYTES),
    limited('memory at most: server', bytes.server, SERVER_BYTES),
    { what: 'memory: PostgreSQL, 256 MiB of buffers included', value: mb(bytes.postgres) },
  ];
}

/** Whoever makes something of the same file, where it is installed. */
interface KnownPeer {
  name: string;
  find: typeof findGoAccess;
  about: string;
  goalOf?: (version: string) => string;
}

const PEERS: KnownPeer[] = [
  {
    name: 'GoAccess',
    find: findGoAccess,
    about: 'parses and reports, nothing durable',
    goalOf: (version) => (version.startsWith('1.7') ? 'ours ≥ 9 ×' : 'ours ≥ 3 ×'),
  },
  { name: 'DuckDB', find: findDuckDb, about: 'regular expression into a table, no windows' },
];

/** How one of them ended; null: it is not installed. */
async function runPeer(folder: string, { path }: Log, { find }: KnownPeer): Promise<Ended | null> {
  const own = mkdtempSync(join(folder, 'peers-'));
  const ended = (await find()?.run(path, own)) ?? null;
  rmSync(own, { recursive: true });
  return ended;
}

const isSlow = ({ seconds }: Ended) => seconds > SLOW_SECONDS;

/** Adds a run of each that was not slow before. */
async function runPeers(folder: string, log: Log, runs: readonly Ended[][]): Promise<void> {
  for (const [i, peer] of PEERS.entries()) {
    const ended = runs[i].some(isSlow) ? null : await runPeer(folder, log, peer);
    if (ended !== null) runs[i].push(ended);
  }
}

/** Of all runs of each together. */
function peerFigures(runs: readonly Ended[][], { lines }: Log, ours: Ours): Figure[] {
  return PEERS.flatMap((peer, i) => {
    const { name, find, about } = peer;
    const own = runs[i];
    if (own.length === 0) return { what: `${name}: ${about}`, value: 'not installed' };
    const peakBytes = Math.max(...own.map((one) => one.peakBytes));
    const memory = { value: mb(peakBytes), ratio: `ours ${times(ours.memoryBytes / peakBytes)}` };
    return [
      peerFigure(peer, about, own, lines, ours.seconds),
      { what: `${name} ${find()!.version}: memory at most`, ...memory },
    ];
  });
}

function peerFigure(
  { name, find, goalOf }: KnownPeer,
  about: string,
  runs: readonly Ended[],
  lines: number,
  ourSeconds: number,
): Figure {
  const { version } = find()!;
  const figure = figureBeside(`${name} ${version}: ${about}`, lines, meanSeconds(runs), ourSeconds);
  return { ...figure, goal: goalOf?.(version) };
}

const meanSeconds = (runs: readonly Ended[]) => runs.reduce((sum, { seconds }) => sum + seconds, 0) / runs.length;

async function copyFigure(store: BenchStore, folder: string, log: Log, ours: Ours): Promise<Figure> {
  const rows = join(folder, 'rows.tsv');
  await writeTexts(rows, rowsOf(first(log.lines, requestsFrom(log.startMs, trafficOf(log.rate)))));
  const seconds = await copySeconds(store.url, rows);
  return figureBeside('COPY of the same rows into a plain table', log.lines, seconds, ours.seconds);
}

function figureBeside(what: string, lines: number, seconds: number, ourSeconds: number): Figure {
  return { what, value: perSecond(lines, seconds), ratio: `ours ${times(seconds / ourSeconds)}` };
}

/** What one run left on disk. */
async function storedBytes(store: BenchStore): Promise<{ chunkBytes: number; windowBytes: number }> {
  const [{ chunks, windows }] = await store.db.ownerSql<{ chunks: number; windows: number }>(
    `SELECT (SELECT sum(length(body)) FROM log_chunk)::bigint AS chunks,
       pg_total_relation_size('traffic_window') + pg_total_relation_size('traffic_breakdown') AS windows`,
  );
  return { chunkBytes: chunks / RUNS, windowBytes: windows / RUNS };
}

async function bytesALine(log: Log, { chunkBytes, windowBytes }: Ours): Promise<Figure[]> {
  const packed = await gzipBytes(log.path);
  const aLine = (bytes: number) => `${(bytes / log.lines).toFixed(1)} bytes a line`;
  const ofFile = (bytes: number) => `${times(bytes / log.bytes)} the file`;
  return [
    { what: 'the file', value: aLine(log.bytes), ratio: times(1) },
    { what: 'the file, gzip -6', value: aLine(packed), ratio: ofFile(packed) },
    {
      what: 'chunks of raw entries',
      value: aLine(chunkBytes),
      ratio: `${times(chunkBytes / packed)} gzip, ${ofFile(chunkBytes)}`,
      goal: '≤ 16 bytes',
    },
    {
      what: 'windows of all resolutions, indexes and all, just taken in',
      value: aLine(windowBytes),
      ratio: ofFile(windowBytes),
    },
  ];
}
