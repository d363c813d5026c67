import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import fastifyApollo from '@as-integrations/fastify';
import Fastify, { type FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { Role } from '../schema/enums/index.js';
import type { Context, Services } from '../server/api/context.js';
import { buildHttp } from '../server/api/http.js';
import { buildApiSchema } from '../server/api/schema.js';
import { Admission } from '../server/api/walls/admission.js';
import { DEFAULT_LIMITS } from '../server/api/walls/limits.js';
import { Proxies } from '../server/api/walls/proxies.js';
import { Turnstile } from '../server/api/walls/turnstile.js';
import { hashSecret, newSecret, Tokens } from '../server/auth/tokens.js';
import { memoryOf } from './proc.js';
import { ask, startServer, stop } from './processes.js';
import { BenchStore } from './store.js';
import { type BenchOptions, type Figure, median, times } from './table.js';

const SMALL = '{ viewer { role tenant { name } } }';
const HOSTILE_LOAD = fileURLToPath(new URL('./hostile-load.js', import.meta.url));
/** The well-behaved client asks so often: a person's screen, many times over. */
const EVERY_MS = 20;
/** Its slowest one in a hundred may be so much slower beside a hostile load. */
const RATIO_MAX = 3;

/** What the walls cost a request, and what they keep from a client that does nothing wrong. */
export async function measureWalls({ quick }: BenchOptions): Promise<Figure[]> {
  return [...(await costOfWalls(quick ? 300 : 1_500)), ...(await besideHostile(quick ? 5 : 12))];
}

/** The same small query with the walls and without them, in one process, turn by turn: CPU of the process alone. */
async function costOfWalls(requests: number): Promise<Figure[]> {
  const store = await BenchStore.start();
  try {
    const secret = newSecret('VIEWER');
    await store.db.ownerSql(
      "INSERT INTO token (tenant_id, name, role, secret_hash) VALUES ($1, 'bench', 'VIEWER', $2)",
      [store.tenantId, hashSecret(secret)],
    );
    // What a viewer asks needs no other.
    const services = { db: store.db } as Services;
    const [walled, bare] = [await withWalls(services), await withoutWalls(services, store.tenantId)];
    const each = async (app: FastifyInstance): Promise<number> => {
      const before = process.cpuUsage();
      for (let i = 0; i < requests; i++) await askInjected(app, secret);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / requests;
    };
    for (const app of [walled, bare]) await each(app);
    const turns: { with: number; without: number }[] = [];
    for (let turn = 0; turn < 5; turn++) turns.push({ with: await each(walled), without: await each(bare) });
    const [withThem, without] = [median(turns.map((turn) => turn.with)), median(turns.map((turn) => turn.without))];
    await walled.close();
    await bare.close();
    return [
      {
        what: 'a small query: CPU with the walls, without them',
        value: `${withThem.toFixed(0)} and ${without.toFixed(0)} µs`,
        ratio: `${times(withThem / without)} without`,
      },
    ];
  } finally {
    await store.close();
  }
}

async function askInjected(app: FastifyInstance, secret: string): Promise<void> {
  const { statusCode, body } = await app.inject({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
    payload: JSON.stringify({ query: SMALL }),
  });
  if (statusCode !== 200) throw new Error(body);
}

async function withWalls(services: Services): Promise<FastifyInstance> {
  const schema = await buildApiSchema();
  const now = () => performance.now();
  const limits = { ...DEFAULT_LIMITS, operationsPerSecond: 1e9, costPerSecond: 1e9 };
  const turnstile = new Turnstile(new Tokens(services.db, now), limits, now);
  const admission = new Admission(schema, turnstile, Date.now);
  const log = pino({ level: 'silent' });
  const { app } = await buildHttp({
    schema,
    services,
    turnstile,
    admission,
    certificate: null,
    proxies: new Proxies([]),
    log,
    isReady: async () => true,
  });
  return app;
}

/** Apollo on Fastify as they come, with nobody to sign in. */
async function withoutWalls(services: Services, tenantId: string): Promise<FastifyInstance> {
  const app = Fastify();
  const apollo = new ApolloServer<Context>({
    schema: await buildApiSchema(),
    stopOnTerminationSignals: false,
    plugins: [ApolloServerPluginCacheControlDisabled()],
    stringifyResult: (answer) => `${JSON.stringify(answer)}\n`,
  });
  await apollo.start();
  await app.register(fastifyApollo<Context>(apollo), {
    path: '/graphql',
    context: async () => viewerOf(services, tenantId),
  });
  return app;
}

function viewerOf(services: Services, tenantId: string): Context {
  return {
    identity: { tokenId: 'bench', tenantId, role: Role.VIEWER, agentName: null, expiresAtMs: null },
    services,
  };
}

/** Latencies of a client that does nothing wrong, alone and beside a process that does everything wrong. */
async function besideHostile(seconds: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
  const data = join(folder, 'data');
  const { url, child, token } = await startServer(data);
  let hostile: ChildProcess | null = null;
  try {
    await latencies(url, token, seconds / 4);
    const quiet = await latencies(url, token, seconds);
    const memory = memoryOf(child.pid!);
    hostile = fork(HOSTILE_LOAD, [url], { env: { ...process.env, HOSTILE_TOKEN: agentToken(data) } });
    await sleep(1_000);
    const beside = await latencies(url, token, seconds);
    const sent = await new Promise<number>((resolve) => {
      hostile!.once('message', (count) => resolve(count as number));
      hostile!.send('stop');
    });
    const ratio = at(beside, 0.99) / at(quiet, 0.99);
    const told = (all: readonly number[]) => `p50 ${at(all, 0.5).toFixed(1)} ms, p99 ${at(all, 0.99).toFixed(1)} ms`;
    return [
      { what: 'a small query every 20 ms, alone', value: told(quiet) },
      {
        what: `the same beside ${Math.round(sent / (seconds + 1)).toLocaleString('en')} hostile requests and sockets a second`,
        value: told(beside),
        ratio: `p99 ${times(ratio)} alone`,
        goal: `p99 < ${RATIO_MAX} ×`,
      },
      {
        what: 'memory of the server, before and after',
        value: `${mib(memory)} and ${mib(memoryOf(child.pid!))} MiB`,
      },
    ];
  } finally {
    hostile?.kill();
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  }
}

function agentToken(data: string): string {
  return readFileSync(join(data, 'agent-token'), 'utf8').trim();
}

/** Milliseconds from when each was due; ascending. */
async function latencies(url: string, token: string, seconds: number): Promise<number[]> {
  const all: Promise<number>[] = [];
  const begun = performance.now();
  for (let i = 0; i < (seconds * 1_000) / EVERY_MS; i++) {
    const due = begun + i * EVERY_MS;
    await sleep(Math.max(0, due - performance.now()));
    all.push(ask(url, token, SMALL).then(({ ms }) => ms));
  }
  return (await Promise.all(all)).sort((a, b) => a - b);
}

function at(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))];
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
