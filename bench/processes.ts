import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cpuOf, peakMemoryOf } from './proc.js';

const HLM = fileURLToPath(new URL('../cli/hlm.js', import.meta.url));
/** What a process has used is asked for so often: once it has ended, nobody knows. */
const WEIGH_MS = 50;
/** The user's settings stay out of it: what is measured must not go to a server or a database of theirs. */
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(HLM_|DATABASE_URL|HOST$)/.test(name)),
);

export interface Ended {
  /** Wall time. */
  seconds: number;
  /** The most memory that it had. */
  peakBytes: number;
  cpuSeconds: number;
}

/** Runs `hlm` to its end. Throws where it fails, with what it said. */
export function runHlm(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return runToEnd(process.execPath, [HLM, ...args], env);
}

/** Runs a command to its end. Throws where it fails, with what it said. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ended> {
  const begun = performance.now();
  const child = spawn(command, args, { env: { ...ENV, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  let [peakBytes, cpuSeconds] = [0, 0];
  const weighing = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakMemoryOf(child.pid!));
    cpuSeconds = Math.max(cpuSeconds, cpuOf(child.pid!));
  }, WEIGH_MS);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(weighing);
  if (code !== 0) throw new Error(`${command} ${args[0]} ended with ${code}: ${output}`);
  return { seconds: (performance.now() - begun) / 1_000, peakBytes, cpuSeconds };
}

/** Starts `hlm` and leaves it running. */
export function startHlm(args: readonly string[], env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [HLM, ...args], { env: { ...ENV, ...env }, stdio: 'ignore' });
}

/** A running `hlm server`. */
export interface Server {
  url: string;
  child: ChildProcess;
  /** The operator's. */
  token: string;
}

/** Starts `hlm server` on a data folder; `env`: settings of its own, such as `DATABASE_URL` of a database that runs already. */
export async function startServer(data: string, env: Record<string, string> = {}): Promise<Server> {
  const child = spawn(process.execPath, [HLM, 'server', '--data', data, '--port', '0'], {
    env: { ...ENV, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /listening on (\S+)/.exec(line)?.[1];
    if (url) return { url, child, token: readFileSync(join(data, 'operator-token'), 'utf8').trim() };
  }
  throw new Error('the server did not start');
}

export async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** What the server answers, and how long that took. */
export async function ask<Data>(url: string, token: string, query: string): Promise<{ data: Data; ms: number }> {
  const begun = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] };
  if (errors) throw new Error(errors[0].message);
  return { data, ms: performance.now() - begun };
}

/**
 * A figure of a run that lost lines would be worth nothing.
 *
 * @throws where the agent's accepted lines are not so many.
 */
export async function expectAll({ url, token }: Server, agent: string, lines: number): Promise<void> {
  type Answer = { agents: { nodes: { name: string; ledger: { accepted: number } }[] } };
  const query = `{ agents(search: "${agent}") { nodes { name ledger { accepted } } } }`;
  const { data } = await ask<Answer>(url, token, query);
  const accepted = data.agents.nodes.find(({ name }) => name === agent)?.ledger.accepted ?? 0;
  if (accepted !== lines) throw new Error(`${accepted} of ${lines} lines of ${agent} were taken in`);
}
