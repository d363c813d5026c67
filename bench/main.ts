// Benchmarks: every figure a median of several runs, every comparison a ratio within this one run. `--quick`: fewer lines.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { secondsOf, writeLines } from '../simulator/file.js';

const HLM = fileURLToPath(new URL('../cli/hlm.js', import.meta.url));
const quick = process.argv.includes('--quick');
const LINES = quick ? 50_000 : 200_000;
const RUNS = quick ? 3 : 5;
const TRAFFIC = { seed: 1 };
/** The user's settings stay out of it: what is measured must not go to a server or a database of theirs. */
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(HLM_|DATABASE_URL|HOST$)/.test(name)),
);

interface Measured {
  wallSeconds: number;
  output: string;
}

/** Runs a command to its end; throws where it fails, with what it said. */
async function run(args: string[], env: Record<string, string> = {}): Promise<Measured> {
  const begun = performance.now();
  const child = spawn(process.execPath, [HLM, ...args], {
    env: { ...ENV, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`hlm ${args[0]} ended with ${code}: ${output}`);
  return { wallSeconds: (performance.now() - begun) / 1_000, output };
}

async function startServer(data: string): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [HLM, 'server', '--data', data, '--port', '0'], {
    env: ENV,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /listening on (\S+)/.exec(line)?.[1];
    if (url) return { url, child };
  }
  throw new Error('the server did not start');
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** What the server answers, and how long that took. */
async function ask(url: string, token: string, query: string): Promise<{ data: Record<string, never>; ms: number }> {
  const begun = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  const { data } = (await response.json()) as { data: Record<string, never> };
  return { data, ms: performance.now() - begun };
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function measure(folder: string): Promise<void> {
  const log = join(folder, 'access.log');
  const startMs = (Math.floor(Date.now() / 1_000) - secondsOf(LINES, TRAFFIC)) * 1_000;
  await writeLines(log, LINES, startMs, TRAFFIC);
  const { url, child } = await startServer(join(folder, 'data'));
  const token = readFileSync(join(folder, 'data', 'operator-token'), 'utf8').trim();
  try {
    const whole: number[] = [];
    const alone: number[] = [];
    for (let i = 0; i < RUNS; i++) {
      alone.push((await run(['agent', '--dry-run', log])).wallSeconds);
      const name = `bench-${i}`;
      whole.push((await run(['agent', '--once', '--name', name, '--url', url, log], { HLM_TOKEN: token })).wallSeconds);
      await expectAll(url, token, name);
    }
    const series: number[] = [];
    for (let i = 0; i < RUNS; i++) {
      const last = '{ traffic(timeframe: { last: "P1D" }) { total { hits } windows { start stats { hits } } } }';
      series.push((await ask(url, token, last)).ms);
    }
    print(log, median(whole), median(alone), median(series));
  } finally {
    await stop(child);
  }
}

/** A figure of a run that lost lines would be worth nothing. */
async function expectAll(url: string, token: string, name: string): Promise<void> {
  const { data } = await ask(url, token, `{ agents(search: "${name}") { nodes { ledger { accepted } } } }`);
  const { accepted } = (data.agents as { nodes: { ledger: { accepted: number } }[] }).nodes[0].ledger;
  if (accepted !== LINES) throw new Error(`${accepted} of ${LINES} lines were taken in`);
}

function print(log: string, whole: number, alone: number, seriesMs: number): void {
  const bytes = statSync(log).size;
  const perSecond = (seconds: number) => Math.round(LINES / seconds).toLocaleString('en');
  process.stdout.write(`
Machine: ${cpus().length} × ${cpus()[0].model}, Node ${process.version}
Input:   ${LINES.toLocaleString('en')} lines Combined (${(bytes / 2 ** 20).toFixed(1)} MiB), median of ${RUNS} runs

  durable ingest, end to end (agent --once)    ${perSecond(whole)} lines/s   ${(bytes / whole / 2 ** 20).toFixed(1)} MiB/s
  agent alone (--dry-run, parsed to JSON)      ${perSecond(alone)} lines/s
  ratio end to end / agent alone               ${(alone / whole).toFixed(2)}
  series and total of a day, 10-second rows    ${seriesMs.toFixed(0)} ms
`);
}

const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
try {
  await measure(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
