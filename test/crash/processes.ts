import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Finished, hlm, type RunningCommand } from '../support/command.js';
import type { Answer } from '../support/server.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import type { GrowingLog } from './growing-log.js';

/** The name of the agent whose lines are of now, and whose alerts are compared. */
export const LIVE_AGENT = 'live';

/** Nobody ends the rig's processes for taking too long but the rig. */
const FOR_EVER_MS = 24 * 3_600_000;
/** Longer than anything that a stop waits for. */
const STOP_WITHIN_MS = 60_000;
const START_AGAIN_MS = 500;
const START_ATTEMPTS = 120;

/** All windows with all their keys are asked for, over and over; webhooks go to the rig itself. */
const ENVIRONMENT = {
  HLM_MAX_COST: '1e9',
  HLM_RATE_COST: '1e9',
  HLM_RATE_OPERATIONS: '1e6',
  HLM_ALLOW_PRIVATE_WEBHOOKS: '1',
};

export const forEver = (args: string[], env: Record<string, string> = {}): RunningCommand =>
  hlm(args, { env, withinMs: FOR_EVER_MS });

export const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
};

/** Lines of standard error, but for the server's log: an uncaught error's place, name and stack, then its fields. */
const FIRST_WORDS_LINES = 20;
const LAST_WORDS_LINES = 14;
function lastWords({ stderr }: { stderr: string }): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('{"level"'));
  const last = lines.slice(FIRST_WORDS_LINES).slice(-LAST_WORDS_LINES);
  return [...lines.slice(0, FIRST_WORDS_LINES), ...last].join('\n    ');
}

/** How it ended; killed where it does not, which no code of 0 is. */
async function orKilled(command: RunningCommand, finished: Promise<Finished>): Promise<Finished> {
  const force = setTimeout(() => command.child.kill('SIGKILL'), STOP_WITHIN_MS);
  return finished.finally(() => clearTimeout(force));
}

/** A server that is killed and started again, on the same data folder. */
export class ServerUnderFire {
  private running: ServerProcess | null = null;
  private starting: Promise<void> | null = null;
  /** It was killed by another strike than the one that ends it. */
  private struck: ServerProcess | null = null;
  private log = '';

  /**
   * @param smtpUrl where its mails go
   * @param onPort told of its port after each start
   * @param unexpected told when it ended though nobody touched it
   * @param over the rig has ended: nothing is started any more
   */
  constructor(
    readonly folder: string,
    private readonly smtpUrl: string,
    private readonly onPort: (port: number) => void,
    private readonly unexpected: (what: string) => void,
    private readonly over: AbortSignal,
  ) {}

  /** Messages of its log that are errors, each once. */
  get errors(): string[] {
    const lines = `${this.log}${this.running?.command.output.stderr ?? ''}`.split('\n');
    const messages = lines.filter((line) => /"level":[56]0/.test(line)).map(errorOf);
    return [...new Set(messages)];
  }

  get pid(): number | null {
    return this.running?.pid ?? null;
  }

  async gql(query: string, variables?: object): Promise<Answer> {
    if (this.running === null) throw new Error('the server is down');
    return this.running.gql(query, variables);
  }

  /** Starts it, again where that fails (a full disk), and waits until it listens. */
  async start(): Promise<void> {
    if (this.running !== null) return;
    this.starting ??= this.startOnce().finally(() => {
      this.starting = null;
    });
    await this.starting;
  }

  /** Kills it, whatever is done to it at the same time. */
  kill(): void {
    this.struck = this.running;
    if (this.running !== null) signal(this.running.pid, 'SIGKILL');
  }

  /** Ends it; a kill -9 leaves its database running. */
  async end(how: NodeJS.Signals): Promise<void> {
    await this.starting?.catch(() => undefined);
    const { running } = this;
    this.running = null;
    if (running === null) return;
    const { code, stderr } = await orKilled(running.command, running.stop(how));
    this.log += stderr;
    if (how === 'SIGTERM' && code !== 0 && this.struck !== running)
      this.unexpected(`the server ended with code ${code}: ${lastWords({ stderr })}`);
  }

  private async startOnce(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.over.throwIfAborted();
      try {
        const env = { ...ENVIRONMENT, HLM_SMTP_URL: this.smtpUrl };
        const running = await startServerProcess(this.folder, { run: forEver, env });
        this.running = running;
        void running.command.finished.then((finished) => this.ended(running, finished));
        this.onPort(Number(new URL(running.url).port));
        return;
      } catch (error) {
        if (attempt === START_ATTEMPTS) throw error;
        await sleep(START_AGAIN_MS);
      }
    }
  }

  private ended(running: ServerProcess, finished: Finished): void {
    if (this.running !== running) return;
    this.running = null;
    this.log += finished.stderr;
    if (this.over.aborted) return;
    this.unexpected(`the server ended by itself with code ${finished.code}: ${lastWords(finished)}`);
    this.start().catch((error: Error) => this.unexpected(`the server does not start: ${error.message}`));
  }
}

function errorOf(line: string): string {
  const { msg, message, err } = JSON.parse(line) as { msg: string; message?: string; err?: { message: string } };
  return `${msg}: ${err?.message ?? message ?? ''}`;
}

/** An agent on its logs, killed and started again. */
export class AgentUnderFire {
  private running: RunningCommand | null = null;

  constructor(
    readonly name: string,
    readonly logs: readonly GrowingLog[],
    private readonly to: { folder: string; url: string },
    private readonly unexpected: (what: string) => void,
    private readonly over: AbortSignal,
  ) {}

  get pid(): number | null {
    return this.running?.child.pid ?? null;
  }

  start(): void {
    if (this.running === null) this.run();
  }

  async end(how: NodeJS.Signals): Promise<void> {
    const { running } = this;
    this.running = null;
    if (running === null) return;
    signal(running.child.pid!, how);
    const { code, stdout, stderr } = await orKilled(running, running.finished);
    // It had not begun: before its first word it does not listen for signals, and dies of one as any process does.
    if (running.child.signalCode === 'SIGTERM' && stdout + stderr === '') return;
    if (how === 'SIGTERM' && code !== 0)
      this.unexpected(`agent ${this.name} ended with code ${code}: ${lastWords({ stderr })}`);
  }

  /** A second process takes its streams; the first one is told so, and ends. */
  async clone(withinMs: number): Promise<void> {
    const first = this.running;
    this.run();
    if (first === null) return;
    const ended = await Promise.race([first.finished, sleep(withinMs, null)]);
    if (ended === null) {
      this.unexpected(`agent ${this.name}: the earlier process goes on beside the later`);
      signal(first.child.pid!, 'SIGKILL');
    } else if (!/another process/.test(ended.stderr)) {
      this.unexpected(`agent ${this.name}: the earlier process ended otherwise: ${lastWords(ended)}`);
    }
  }

  /** To the end of all files; throws where it cannot. One that was rotated while it was empty is left out: it has no lines to tell a format by. */
  async finish(withinMs: number): Promise<void> {
    const last = hlm(
      this.args(
        this.files.filter((file) => statSync(file).size > 0),
        '--once',
      ),
      { env: { HLM_URL: this.to.url }, withinMs },
    );
    const { code, stderr } = await last.finished;
    if (code !== 0) throw new Error(`agent ${this.name} --once ended with code ${code}: ${lastWords({ stderr })}`);
  }

  private run(): void {
    if (this.over.aborted) return;
    const running = forEver(this.args(this.files), { HLM_URL: this.to.url });
    this.running = running;
    void running.finished.then((finished) => {
      if (this.running !== running) return;
      this.running = null;
      if (this.over.aborted) return;
      this.unexpected(`agent ${this.name} ended by itself with code ${finished.code}: ${lastWords(finished)}`);
      this.run();
    });
  }

  /** Logs that were rotated are named as well: what of them was not sent yet is. */
  private get files(): string[] {
    return this.logs.flatMap((log) => log.files);
  }

  private args(files: readonly string[], ...more: string[]): string[] {
    return ['agent', '--name', this.name, '--data', this.to.folder, '--from-start', ...more, ...files];
  }
}

/** The embedded PostgreSQL of a data folder. */
export class Postgres {
  constructor(private readonly dataFolder: string) {}

  get postmaster(): number | null {
    try {
      return Number(readFileSync(join(this.dataFolder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
    } catch {
      return null;
    }
  }

  /** Processes that serve connections, or work in the background. */
  get children(): number[] {
    const { postmaster } = this;
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && parentOf(name) === postmaster)
      .map(Number);
  }

  /** Those that serve connections of ours. */
  get backends(): number[] {
    return this.children.filter((pid) => /^postgres: hlm_/.test(commandOf(pid)));
  }
}

function parentOf(pid: string): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
