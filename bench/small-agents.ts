import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { print } from 'graphql';
import { keptConnections } from '../agent/ship/index.js';
import type { LogBatch } from '../schema/log-batch.js';
import { batchOf } from '../schema/log-batch-builder.js';
import {
  ConnectAgentMutation,
  HeartbeatMutation,
  IngestLogsMutation,
  OpenStreamMutation,
} from '../schema/operations/agent.js';
import { cpuOf, peakMemoryOf, postgresCpuOf } from './proc.js';
import { ask, startServer, stop } from './processes.js';
import { type BenchOptions, type Figure, latencyFigure, times } from './table.js';
import { entriesOf } from './traffic.js';

const LINES_OF_A_BATCH = 10;
const EVERY_MS = 1_000;
const HEARTBEAT_EVERY = 5;
const WARM_UP_SECONDS = 5;
const ACKNOWLEDGED_WITHIN_MS = 1_000;
/** Opened at a time, before anything is measured. */
const OPENED_AT_ONCE = 50;

/** Many agents, each with a few lines a second: what is acknowledged when, and how many more there could be. */
export async function measureSmallAgents({ quick }: BenchOptions): Promise<Figure[]> {
  const [count, seconds] = quick ? [100, 3] : [1_000, 20];
  const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
  const data = join(folder, 'data');
  const { url, child } = await startServer(data);
  try {
    const token = readFileSync(join(data, 'operator-token'), 'utf8').trim();
    const agents = await openAgents(count, () => poster(url, token));
    // What is compiled in the first seconds is compiled once.
    await pace(agents, quick ? 1 : WARM_UP_SECONDS);
    const cpu = () => [cpuOf(child.pid!), postgresCpuOf(data)];
    const before = cpu();
    const own = process.cpuUsage();
    const paced = await pace(agents, seconds);
    const { user, system } = process.cpuUsage(own);
    const [server, postgres] = cpu().map((used, i) => used - before[i]);
    const saturated = await saturate(agents, seconds / 2);
    await expectAll(url, token, agents);
    const at = `${count.toLocaleString('en')} agents × ${LINES_OF_A_BATCH} lines a second`;
    const each = (used: number) => `${((used * 1e6) / paced.length).toFixed(0)} µs`;
    return [
      latencyFigure(`batch due → acknowledged, of ${at}, heartbeats beside`, paced, ACKNOWLEDGED_WITHIN_MS),
      {
        what: 'the server, PostgreSQL, who sends: CPU a batch',
        value: `${each(server)}, ${each(postgres)}, ${each((user + system) / 1e6)}`,
      },
      {
        what: 'each as fast as it is answered',
        value: `${Math.round(saturated).toLocaleString('en')} batches/s`,
        ratio: `${times(saturated / count)} what they send`,
      },
      { what: 'memory of the server at most', value: `${(peakMemoryOf(child.pid!) / 2 ** 20).toFixed(0)} MiB` },
    ];
  } finally {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  }
}

type PostGraphQL = <Data>(operation: unknown, input: object) => Promise<Data>;

const documents = new Map<unknown, string>();

/** As an agent does, over a connection of its own. */
function poster(url: string, token: string): PostGraphQL {
  const send = keptConnections();
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  return async (operation, input) => {
    if (!documents.has(operation)) documents.set(operation, print(operation as Parameters<typeof print>[0]));
    const body = JSON.stringify({ query: documents.get(operation), variables: { input } });
    return JSON.parse((await send(url, headers, [body], new AbortController().signal)).body).data;
  };
}

/** An agent as the server sees it. */
class SmallAgent {
  private position = 0;
  private batches = 0;
  /** Lines that the server said it has. */
  acknowledged = 0;

  constructor(
    private readonly name: string,
    private readonly stream: { streamId: string; epoch: number },
    private readonly post: PostGraphQL,
    private readonly place: number,
    private readonly made: readonly LogBatch[],
  ) {}

  /** Sends the next lines, again until they are acknowledged. */
  async send(): Promise<void> {
    const batch = { ...this.made[(this.place + this.batches) % this.made.length], base: Date.now() };
    const range = { id: this.stream.streamId, epoch: this.stream.epoch, from: this.position };
    this.position += LINES_OF_A_BATCH * 200;
    const tail = { length: 64, sha256: '0'.repeat(64) };
    const input = { agent: this.name, stream: { ...range, to: this.position, tail }, batch };
    type Answer = { ingestLogs: { outcome: string } } | null | undefined;
    while ((await this.post<Answer>(IngestLogsMutation, input))?.ingestLogs.outcome !== 'APPENDED') await sleep(100);
    this.acknowledged += LINES_OF_A_BATCH;
    if (++this.batches % HEARTBEAT_EVERY === 0) await this.beat();
  }

  private async beat(): Promise<void> {
    const stream = { ...this.stream, backlogBytes: 0, catchingUp: false, closed: false };
    await this.post(HeartbeatMutation, { agent: this.name, sentAt: new Date(), ending: false, streams: [stream] });
  }
}

/** So many different batches, made beforehand: whoever makes them shares the machine with what is measured. */
const BATCHES = 500;

function makeBatches(): LogBatch[] {
  const lines = [...entriesOf(LINES_OF_A_BATCH, 2 * BATCHES)];
  return Array.from({ length: BATCHES }, (_, i) =>
    batchOf(lines.slice(i * LINES_OF_A_BATCH, (i + 1) * LINES_OF_A_BATCH).map((entry) => ({ ...entry, timeMs: 0 }))),
  );
}

async function openAgents(count: number, connect: () => PostGraphQL): Promise<SmallAgent[]> {
  const made = makeBatches();
  const agents: SmallAgent[] = [];
  for (let from = 0; from < count; from += OPENED_AT_ONCE) {
    const some = Array.from({ length: Math.min(OPENED_AT_ONCE, count - from) }, async (_, i) => {
      const name = `small-${from + i}`;
      const post = connect();
      await post(ConnectAgentMutation, { name });
      type Opened = { openStream: { streamId: string; epoch: number } };
      const { openStream } = await post<Opened>(OpenStreamMutation, { agent: name, name: 'access.log', startAt: 0 });
      const { streamId, epoch } = openStream;
      return new SmallAgent(name, { streamId, epoch }, post, from + i, made);
    });
    agents.push(...(await Promise.all(some)));
  }
  return agents;
}

/** Each agent's batch is due once a second, all of them spread over it; from due to acknowledged, milliseconds. */
async function pace(agents: readonly SmallAgent[], seconds: number): Promise<number[]> {
  const begun = performance.now() + EVERY_MS;
  const latencies: number[] = [];
  await Promise.all(
    agents.map(async (agent, place) => {
      for (let k = 0; k < seconds; k++) {
        const due = begun + (k + place / agents.length) * EVERY_MS;
        await sleep(Math.max(0, due - performance.now()));
        await agent.send();
        latencies.push(performance.now() - due);
      }
    }),
  );
  return latencies;
}

/** Batches a second, each agent's next as soon as the one before is acknowledged. */
async function saturate(agents: readonly SmallAgent[], seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1_000;
  let batches = 0;
  await Promise.all(
    agents.map(async (agent) => {
      while (performance.now() < until) {
        await agent.send();
        batches++;
      }
    }),
  );
  return batches / seconds;
}

async function expectAll(url: string, token: string, agents: readonly SmallAgent[]): Promise<void> {
  const [from, to] = [-3_600_000, 60_000].map((ms) =>
    new Date(10_000 * Math.floor((Date.now() + ms) / 10_000)).toISOString(),
  );
  const query = `{ traffic(timeframe: { from: "${from}", to: "${to}" }) { total { hits } } }`;
  const { data } = await ask<{ traffic: { total: { hits: number } } }>(url, token, query);
  const sent = agents.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  if (data.traffic.total.hits !== sent) throw new Error(`${data.traffic.total.hits} lines counted of ${sent}`);
}
