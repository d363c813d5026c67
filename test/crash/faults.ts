import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../simulator/random.js';
import { FAIR, type Network, type Weather } from './network.js';
import type { AgentUnderFire, Postgres, ServerUnderFire } from './processes.js';
import { signal } from './processes.js';
import type { Mood, Receivers } from './receivers.js';
import type { SmallDisk } from './small-disk.js';

/** All that a fault may strike. */
export interface Targets {
  server: ServerUnderFire;
  agents: readonly AgentUnderFire[];
  postgres: Postgres;
  network: Network;
  receivers: Receivers;
  /** Null: nothing can be mounted here. */
  disk: SmallDisk | null;
}

export interface Fault {
  name: string;
  /** How often it is drawn, beside the others. */
  weight: number;
  /** What the server was sending is sent again. */
  repeats?: true;
  /** Strikes, and heals. */
  strike: (targets: Targets, random: Random) => Promise<void>;
}

/** Files smaller than this are not rotated: what a rotated file is known by are 128 bytes before its position. */
const ROTATE_BYTES_MIN = 4_096;
/** How long an earlier process may go on beside a later one: batches tell it at once, heartbeats every 5 s. */
const FENCED_WITHIN_MS = 60_000;

const one = <T>(random: Random, of: readonly T[]): T => of[random.below(of.length)];
const soon = (random: Random, withinMs: number) => sleep(random.below(withinMs));

async function serverEnds({ server }: Targets, random: Random, how: NodeJS.Signals): Promise<void> {
  await server.end(how);
  await soon(random, 1_000);
  await server.start();
}

async function agentEnds({ agents }: Targets, random: Random, how: NodeJS.Signals): Promise<void> {
  const agent = one(random, agents);
  await agent.end(how);
  await soon(random, 1_500);
  agent.start();
}

async function stops(pid: number | null | undefined, forMs: number): Promise<void> {
  if (pid == null) return;
  signal(pid, 'SIGSTOP');
  await sleep(forMs);
  signal(pid, 'SIGCONT');
}

async function weather({ network }: Targets, forMs: number, change: Partial<Weather>): Promise<void> {
  network.weather = { ...network.weather, ...change };
  await sleep(forMs);
  network.weather = { ...FAIR };
}

/** Those who are told of alerts do not take what comes, or do not say so. */
async function receiversFail({ receivers }: Targets, random: Random): Promise<void> {
  receivers.mood = one<Mood>(random, ['refuse', 'break off']);
  receivers.mail.refuse = random.below(3);
  await sleep(500 + random.below(3_000));
  receivers.mood = 'take';
  receivers.mail.refuse = 0;
}

async function rotate({ agents }: Targets, random: Random, how: 'rotateByRename' | 'rotateByCopy'): Promise<void> {
  // What a copy holds beyond the agent's position is told late, so that alerts may have been decided without it.
  const agent = how === 'rotateByCopy' ? agents[1] : one(random, agents);
  const log = one(random, agent.logs);
  if (log.sizeBytes < ROTATE_BYTES_MIN) return;
  // Before, after, or in the midst of the agent's own end: it reads the new file when it is started again.
  const ending = random.chance(0.5) ? agent.end(random.chance(0.5) ? 'SIGKILL' : 'SIGTERM') : null;
  await log[how]();
  await soon(random, 1_000);
  await ending;
  await soon(random, 500);
  await agent.end('SIGKILL');
  agent.start();
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'kill the server',
    weight: 4,
    repeats: true,
    strike: (targets, random) => serverEnds(targets, random, 'SIGKILL'),
  },
  { name: 'stop the server', weight: 1, strike: (targets, random) => serverEnds(targets, random, 'SIGTERM') },
  { name: 'kill an agent', weight: 4, strike: (targets, random) => agentEnds(targets, random, 'SIGKILL') },
  { name: 'stop an agent', weight: 1, strike: (targets, random) => agentEnds(targets, random, 'SIGTERM') },
  {
    name: 'kill PostgreSQL',
    weight: 3,
    strike: async ({ postgres }) => {
      if (postgres.postmaster !== null) signal(postgres.postmaster, 'SIGKILL');
    },
  },
  {
    name: 'kill a process of PostgreSQL',
    weight: 3,
    strike: async ({ postgres }, random) => {
      const { children } = postgres;
      if (children.length > 0) signal(one(random, children), 'SIGKILL');
    },
  },
  {
    name: 'end a connection of PostgreSQL',
    weight: 2,
    strike: async ({ postgres }, random) => {
      for (const pid of postgres.backends) if (random.chance(0.5)) signal(pid, 'SIGTERM');
    },
  },
  {
    name: 'kill all at once',
    weight: 2,
    repeats: true,
    strike: async ({ server, agents, postgres }, random) => {
      const pids = [postgres.postmaster, ...agents.map(({ pid }) => pid)];
      server.kill();
      const killed = [server.end('SIGKILL'), ...agents.map((agent) => agent.end('SIGKILL'))];
      for (const pid of pids) if (pid !== null) signal(pid, 'SIGKILL');
      await Promise.all(killed);
      for (const agent of agents) agent.start();
      await soon(random, 1_000);
      await server.start();
    },
  },
  {
    name: 'pause the server',
    weight: 1,
    strike: ({ server }, random) => stops(server.pid, 500 + random.below(4_000)),
  },
  {
    name: 'pause an agent',
    weight: 1,
    strike: ({ agents }, random) => stops(one(random, agents).pid, 500 + random.below(4_000)),
  },
  {
    name: 'pause a connection of PostgreSQL',
    weight: 1,
    strike: ({ postgres }, random) => stops(postgres.backends[0], 500 + random.below(3_000)),
  },
  {
    name: 'cut the network',
    weight: 2,
    strike: async (targets, random) => {
      for (let cuts = 1 + random.below(5); cuts > 0; cuts--) {
        targets.network.cut();
        await soon(random, 300);
      }
    },
  },
  {
    name: 'cut a request short',
    weight: 2,
    strike: (targets, random) => weather(targets, 1_000, { cutAfterBytes: random.below(20_000) }),
  },
  {
    name: 'lose answers',
    weight: 3,
    strike: (targets, random) => weather(targets, 300 + random.below(2_500), { answers: 'none' }),
  },
  {
    name: 'cut answers short',
    weight: 1,
    strike: (targets, random) => weather(targets, 300 + random.below(1_500), { answers: 'half' }),
  },
  {
    name: 'delay',
    weight: 1,
    strike: (targets, random) => weather(targets, 1_000 + random.below(3_000), { delayMs: 50 + random.below(1_500) }),
  },
  {
    name: 'stall the network',
    weight: 1,
    strike: (targets, random) => weather(targets, 1_000 + random.below(9_000), { stalled: true }),
  },
  {
    name: 'send twice',
    weight: 3,
    strike: (targets, random) => weather(targets, 2_000 + random.below(3_000), { againWithinMs: 3_000 }),
  },
  {
    name: 'a second agent process',
    weight: 2,
    strike: ({ agents }, random) => one(random, agents).clone(FENCED_WITHIN_MS),
  },
  { name: 'rotate by renaming', weight: 2, strike: (targets, random) => rotate(targets, random, 'rotateByRename') },
  { name: 'rotate by copying', weight: 2, strike: (targets, random) => rotate(targets, random, 'rotateByCopy') },
  { name: 'receivers fail', weight: 3, strike: receiversFail },
  {
    name: 'fill the disk',
    weight: 2,
    strike: async ({ disk }, random) => {
      disk?.fill();
      await sleep(1_500 + random.below(4_000));
      disk?.free();
    },
  },
];
