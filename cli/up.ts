import { readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { UserError } from '../schema/user-error.js';
import { makeFolder } from '../server/store/cluster/folder.js';
import { startLiveTraffic } from '../simulator/live.js';
import { Child } from './child.js';
import { AGENT_TOKEN_FILE, dataFolder, OPERATOR_TOKEN_FILE, port } from './settings.js';
import { DEFAULT_SEED, reasonOf, seedOption } from './simulate.js';

/** The agent of simulated traffic. */
const DEMO_NAME = 'demo';
/** An agent that cannot read its files says so within this; the terminal client waits for it, so as not to flash up. */
const AGENT_TROUBLE_MS = 700;
/** A terminal client whose server died may notice before we are told, and would name the lesser trouble. */
const WORSE_NEWS_MS = 500;
/** An agent has nothing to save: its place is the server's. */
const AGENT_GRACE_MS = 2_000;
/**
 * Ends usually within a second. It answers for 10 s at most, and then has 20 for its embedded database, which writes what it holds:
 * on a slow disk, and after a first start, that takes a while.
 */
const SERVER_GRACE_MS = 35_000;
/** Who waits longer than this is told what for. */
const ENDING_UNTOLD_MS = 2_000;

interface UpOptions {
  file?: string[];
  name?: string;
  tui: boolean;
  data?: string;
  port?: string;
  seed: number;
}

/** What is running, ended in reverse; and the one signal to end. */
class Run {
  private readonly stopping = new AbortController();
  private readonly ends: (() => Promise<void> | void)[] = [];
  private trouble: UserError | null = null;
  readonly signal = this.stopping.signal;

  constructor() {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => this.stop());
  }

  add(end: () => Promise<void> | void): void {
    this.ends.push(end);
  }

  stop(trouble?: string): void {
    if (this.signal.aborted) return;
    if (trouble !== undefined) this.trouble = new UserError(trouble);
    this.stopping.abort();
  }

  /** A part without which the rest is of no use: its end ends all. */
  start(child: Child, graceMs: number): void {
    this.add(() => child.stop(graceMs));
    void child.ended.then((why) => this.stop(why));
  }

  /** `promise`, or null once all is to end. */
  async until<T>(promise: Promise<T>): Promise<T | null> {
    if (this.signal.aborted) return null;
    return new Promise((resolve, reject) => {
      this.signal.addEventListener('abort', () => resolve(null), { once: true });
      promise.then(resolve, reject);
    });
  }

  /** @throws UserError that ended it. */
  async end(): Promise<void> {
    // Whatever ends from here on was asked to.
    this.stop();
    const tell = () => process.stdout.write('ending: the server finishes and writes what it holds\n');
    const untold = setTimeout(tell, ENDING_UNTOLD_MS);
    for (const end of this.ends.splice(0).reverse()) await end();
    clearTimeout(untold);
    if (this.trouble) throw this.trouble;
  }
}

/** What would only come out once the server runs. */
function checkFiles(files: readonly string[]): void {
  for (const file of files) {
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found) throw new UserError(`${file}: no such file`);
    if (!found.isFile()) throw new UserError(`${file}: is no regular file`);
  }
}

function folderMade(folder: string): string {
  try {
    makeFolder(folder);
    return folder;
  } catch (error) {
    const isFile = ['EEXIST', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
    throw new UserError(`cannot make the folder ${folder}: ${isFile ? 'there is a file' : reasonOf(error)}`);
  }
}

/** The operator's token of the server that was just started: never one that is meant for another. */
function operatorToken(folder: string): string {
  return process.env.HLM_ADMIN_TOKEN?.trim() || readFileSync(join(folder, OPERATOR_TOKEN_FILE), 'utf8').trim();
}

async function startServer(run: Run, folder: string, options: UpOptions): Promise<string | null> {
  const args = ['server', '--data', folder, '--port', String(port(options.port))];
  const server = new Child({ name: 'server', args, logPath: join(folder, 'logs', 'server.log') });
  const listening = server.firstLine(/^listening on (\S+)/);
  run.start(server, SERVER_GRACE_MS);
  return (await run.until(listening))?.[1] ?? null;
}

/** Begins anew at every start, so that the first alert is seen to fire at the same time each time. */
function startSimulation(run: Run, folder: string, seed: number): string {
  const path = join(folderMade(join(folder, 'simulated')), 'access.log');
  rmSync(path, { force: true });
  const onError = (error: Error): void => run.stop(`cannot write ${path}: ${reasonOf(error)}`);
  const traffic = startLiveTraffic({ path, seed, now: Date.now, onError });
  run.add(() => traffic.stop());
  return path;
}

async function startAgent(run: Run, folder: string, url: string, name: string, files: string[]): Promise<void> {
  const secret = readFileSync(join(folder, AGENT_TOKEN_FILE), 'utf8').trim();
  const agent = new Child({
    name: 'agent',
    args: ['agent', '--name', name, '--from-start', '--', ...files],
    // By environment: a token on a command line is anyone's to read.
    env: { HLM_URL: url, HLM_TOKEN: secret, HLM_DATA: folder },
    logPath: join(folder, 'logs', 'agent.log'),
  });
  run.start(agent, AGENT_GRACE_MS);
  await run.until(sleep(AGENT_TROUBLE_MS));
}

async function everything(run: Run, options: UpOptions): Promise<number> {
  const files = options.file ?? [];
  checkFiles(files);
  const folder = folderMade(dataFolder(options.data));
  makeFolder(join(folder, 'logs'));
  process.stdout.write(`starting, with data and logs in ${folder}\n`);
  const url = await startServer(run, folder, options);
  if (url === null) return 0;
  const token = operatorToken(folder);
  process.stdout.write(
    `listening on ${url}\nweb page: ${new URL('/', url)}#token=${token}\nGraphiQL: ${url}#token=${token}\n`,
  );
  const sources = files.length > 0 ? files : [startSimulation(run, folder, options.seed)];
  const name = options.name ?? (files.length > 0 ? basename(files[0]) : DEMO_NAME);
  await startAgent(run, folder, url, name, sources);
  if (run.signal.aborted) return 0;
  process.stdout.write(`following ${sources.join(' ')} as ${name}\n`);
  const { runTui } = await import('../client-tui/index.js');
  const { stdin, stdout, stderr } = process;
  // The one agent's page says most at once; plain lines tell of all that the server knows.
  const isScreen = options.tui && stdin.isTTY && stdout.isTTY;
  const agent = isScreen ? name : undefined;
  return runTui({ url, token, agent, plain: !options.tui, stdin, stdout, stderr, signal: run.signal });
}

async function up(options: UpOptions): Promise<void> {
  // A reader that is gone ends the terminal client; nothing else needs one.
  process.stdout.on('error', () => undefined);
  const run = new Run();
  try {
    process.exitCode = await everything(run, options);
  } catch (error) {
    await run.until(sleep(WORSE_NEWS_MS));
    throw error;
  } finally {
    await run.end();
  }
}

export const upCommand = (command: Command): Command =>
  command
    .option('--file <files...>', 'logs to follow from their start, instead of simulated traffic')
    .option('--name <name>', `the agent's name (default: "${DEMO_NAME}", or the file's)`)
    .option('--no-tui', 'plain lines instead of the terminal client')
    .option('--data <dir>', 'data folder (HLM_DATA)')
    .option('--port <number>', 'port of the server, 0 for any free one (PORT; default 4000)')
    .option('--seed <number>', 'the same seed makes the same simulated traffic', seedOption, DEFAULT_SEED)
    .action(up);
