import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random, Weighted } from '../../simulator/random.js';
import { ROOT } from '../support/command.js';
import { until } from '../support/server.js';
import { check, type Findings } from './check.js';
import type { Span } from './check-notifications.js';
import { FAULTS, type Fault, type Targets } from './faults.js';
import { GrowingLog } from './growing-log.js';
import { FAIR, Network } from './network.js';
import { AgentUnderFire, LIVE_AGENT, Postgres, ServerUnderFire } from './processes.js';
import { Receivers } from './receivers.js';
import { createRules, type ToldRule } from './rules.js';
import { SmallDisk } from './small-disk.js';
import { LiveTempo, PastTempo, Writer } from './traffic.js';

export interface RigOptions {
  /** Draws what is struck, when, and what the lines say. */
  seed: number;
  /** Strikes until one of these is reached. */
  cyclesMax: number;
  forMs: number;
  /** Marks all windows as due instead of waiting until the agents have been quiet, and compares them but once. */
  hurry: boolean;
  say: (line: string) => void;
  /** Aborted: ends, without a result. */
  stop?: AbortSignal;
}

export interface Report extends Findings {
  seed: number;
  cycles: number;
  /** How often each fault struck. */
  faults: Record<string, number>;
  /** Faults that this machine does not allow. */
  skipped: string[];
  /** What happened besides that should not have; empty where all is well. */
  troubles: string[];
  /** Errors in the servers' logs, each once: what they met, not what they did wrong. */
  serverErrors: string[];
  /** Requests that the network sent twice. */
  repeated: number;
}

/** After a fault, lines are taken in again within this. */
const PROGRESS_WITHIN_MS = 120_000;
const FINISH_WITHIN_MS = 240_000;
/** Two faults at once, so often. */
const TWICE = 0.3;
/** Between two cycles, at most. */
const REST_MS = 1_200;
const PAST_MS = Date.UTC(2024, 10, 20);

export const PAST_AGENT = 'past';

/** Kills, cuts and fills for a while, lets everything recover, and compares what is stored with what was written. */
export async function runRig(options: RigOptions): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'hlm-crash-'));
  const janitor = spawn(process.execPath, [join(ROOT, 'test/crash/janitor.mjs'), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const cleaned = new Promise((resolve) => janitor.once('close', resolve));
  try {
    return await new Rig(folder, options).run();
  } finally {
    janitor.stdin.end();
    await cleaned;
  }
}

class Rig {
  private readonly random: Random;
  private readonly troubles: string[] = [];
  private readonly faults: Record<string, number> = {};
  private cycles = 0;
  /** Strikes after which messages may come again. */
  private readonly repeats: Span[] = [];
  /** Ended, or to end: nothing is started any more. */
  private readonly over = new AbortController();

  constructor(
    private readonly folder: string,
    private readonly options: RigOptions,
  ) {
    this.random = new Random(options.seed);
    options.stop?.addEventListener('abort', () => this.over.abort());
  }

  async run(): Promise<Report> {
    const network = await Network.start(this.draws());
    const receivers = await Receivers.start(this.draws());
    try {
      return await this.strikeAndCheck(network, receivers);
    } finally {
      this.over.abort();
      await network.close();
      await receivers.close();
    }
  }

  private async strikeAndCheck(network: Network, receivers: Receivers): Promise<Report> {
    const { seed, hurry, say } = this.options;
    const targets = this.targets(network, receivers);
    const { server, agents, disk } = targets;
    await server.start();
    const rules = await createRules(server, LIVE_AGENT, receivers);
    const numbers = { next: 0 };
    const tempoOf = (agent: AgentUnderFire, at: number) =>
      agent.name === LIVE_AGENT ? new LiveTempo(this.draws()) : new PastTempo(this.draws(), PAST_MS + at * 7_000_000);
    const writers = agents.flatMap((agent) =>
      agent.logs.map((log, at) => new Writer(log, tempoOf(agent, at), numbers, this.draws())),
    );
    try {
      for (const agent of agents) agent.start();
      await this.progress(targets, 'the start');
      await this.strike(targets);
    } finally {
      await Promise.all(writers.map((writer) => writer.stop()));
    }
    const findings = await this.finish(targets, rules, hurry);
    const serverErrors = server.errors;
    await server.end('SIGTERM');
    say(`seed ${seed}: ${this.cycles} cycles, ${numbers.next} lines written`);
    return {
      ...findings,
      seed,
      cycles: this.cycles,
      faults: this.faults,
      skipped: disk === null ? ['fill the disk: nothing can be mounted here (only root may)'] : [],
      troubles: this.troubles,
      serverErrors,
      repeated: network.repeated,
    };
  }

  /** Draws of its own for each that draws, so that what one does leaves the others' as they are. */
  private draws(): Random {
    return new Random(this.random.below(2 ** 31));
  }

  private targets(network: Network, receivers: Receivers): Targets {
    const data = join(this.folder, 'data');
    const logs = join(this.folder, 'logs');
    mkdirSync(logs);
    const disk = SmallDisk.mount(data);
    const trouble = (what: string) => this.trouble(what);
    const server = new ServerUnderFire(
      data,
      receivers.mail.url,
      (port) => {
        network.targetPort = port;
      },
      trouble,
      this.over.signal,
    );
    const to = { folder: data, url: `http://127.0.0.1:${network.port}/graphql` };
    const agent = (name: string, ...files: string[]) =>
      new AgentUnderFire(
        name,
        files.map((file) => new GrowingLog(join(logs, file))),
        to,
        trouble,
        this.over.signal,
      );
    const agents = [agent(LIVE_AGENT, 'live.log'), agent(PAST_AGENT, 'past-a.log', 'past-b.log')];
    return { server, agents, postgres: new Postgres(data), network, receivers, disk };
  }

  private trouble(what: string): void {
    if (this.over.signal.aborted) return;
    this.troubles.push(what);
    this.options.say(`TROUBLE ${what}`);
  }

  private async strike(targets: Targets): Promise<void> {
    const { cyclesMax, forMs, stop, say } = this.options;
    const endMs = performance.now() + forMs;
    const possible = FAULTS.filter(({ name }) => targets.disk !== null || name !== 'fill the disk');
    const weighted = new Weighted(possible.map(({ weight }) => weight));
    while (this.cycles < cyclesMax && performance.now() < endMs) {
      stop?.throwIfAborted();
      await sleep(this.random.below(REST_MS));
      const drawn: Fault[] = [possible[weighted.pick(this.random)]];
      if (this.random.chance(TWICE)) drawn.push(possible[weighted.pick(this.random)]);
      const what = drawn.map(({ name }) => name).join(' + ');
      const beganMs = performance.now();
      for (const { name } of drawn) this.faults[name] = (this.faults[name] ?? 0) + 1;
      await Promise.all(drawn.map((fault) => this.strikeOnce(fault, targets)));
      await this.progress(targets, what);
      this.cycles++;
      say(`${this.cycles}. ${what} (${((performance.now() - beganMs) / 1_000).toFixed(1)} s)`);
    }
  }

  private async strikeOnce({ strike, repeats }: Fault, targets: Targets): Promise<void> {
    const fromMs = performance.now();
    await strike(targets, this.draws());
    if (repeats) this.repeats.push({ fromMs, toMs: performance.now() });
  }

  /** Waits until each agent's lines are taken in again. */
  private async progress(targets: Targets, after: string): Promise<void> {
    const taken = async () => {
      const { data } = await targets.server.gql('{ agents { nodes { name ledger { lines } } } }');
      const nodes = data.agents.nodes as { name: string; ledger: { lines: number } }[];
      return targets.agents.map(({ name }) => nodes.find((node) => node.name === name)?.ledger.lines ?? 0);
    };
    let before: number[] | null = null;
    await until(
      async () => {
        this.options.stop?.throwIfAborted();
        const now = await taken().catch(() => null);
        before ??= now;
        return now?.every((lines, i) => lines > before![i]) ?? false;
      },
      PROGRESS_WITHIN_MS,
      `lines to be taken in after: ${after}`,
    );
  }

  /** All is well again: what is left is sent, and everything compared. */
  private async finish(targets: Targets, rules: ToldRule[], hurry: boolean): Promise<Findings> {
    const { server, agents, network, receivers } = targets;
    network.weather = { ...FAIR };
    await server.start();
    await Promise.all(agents.map((agent) => agent.end('SIGTERM')));
    await Promise.all(agents.map((agent) => agent.finish(FINISH_WITHIN_MS)));
    const told = { receipts: receivers.receipts, repeats: this.repeats };
    return check({ server, agents, rules, told, hurry, say: this.options.say });
  }
}
