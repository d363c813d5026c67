import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { combinedLine, logTime } from '../simulator/combined.js';
import { requestsFrom } from '../simulator/traffic.js';
import { ask, startHlm, startServer, stop } from './processes.js';
import { type BenchOptions, type Figure, latencyFigure } from './table.js';
import { trafficOf } from './traffic.js';

const AGENT = 'bench';
/** Lines are appended so often. */
const TICK_MS = 100;
/** A lone line comes after so long a silence. */
const SILENCE_MS = 1_500;
const POLL_MS = 10;
const WITHIN_MS = 20_000;

/** How long a line that is appended to a log takes to be durable, and to reach a subscriber. */
export async function measureFreshness({ quick }: BenchOptions): Promise<Figure[]> {
  const [rate, seconds, lone] = quick ? [2_000, 3, 2] : [10_000, 15, 8];
  const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
  const log = join(folder, 'access.log');
  writeFileSync(log, '');
  const { url, child, token } = await startServer(join(folder, 'data'));
  const agent = startHlm(['agent', '--name', AGENT, '--url', url, '--from-start', log], { HLM_TOKEN: token });
  const watch = new Watch(url, token);
  try {
    const requests = requestsFrom(0, trafficOf(100));
    const append = (count: number) => {
      const time = logTime(Date.now());
      let text = '';
      for (let i = 0; i < count; i++) text += `${combinedLine(requests.next().value.request, time)}\n`;
      appendFileSync(log, text);
      watch.appended(count);
    };
    append(1);
    await watch.settled();
    watch.clear();
    for (let i = 0; i < lone; i++) {
      await sleep(SILENCE_MS);
      append(1);
      await watch.settled();
    }
    const single = watch.clear();
    for (let tick = 0, begun = performance.now(); tick < (seconds * 1_000) / TICK_MS; tick++) {
      append((rate * TICK_MS) / 1_000);
      await sleep(begun + (tick + 1) * TICK_MS - performance.now());
    }
    await watch.settled();
    const many = watch.clear();
    const at = `${rate.toLocaleString('en')} lines/s`;
    return [
      latencyFigure(`line appended → committed, at ${at}`, many.committed, 500),
      latencyFigure(`line appended → subscriber, at ${at}`, many.told, 1_500),
      latencyFigure('a lone line after a quiet second → subscriber', single.told, 500),
    ];
  } finally {
    watch.close();
    await stop(agent);
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Batch {
  /** Lines up to its end. */
  upTo: number;
  atMs: number;
}

/** Sees lines arrive: as the ledger's count, which is what is committed, and as hits of live windows. */
class Watch {
  private lines = 0;
  private uncommitted: Batch[] = [];
  private untold: Batch[] = [];
  private latencies = { committed: [] as number[], told: [] as number[] };
  private readonly hits = new Map<string, number>();
  private readonly client;
  private closed = false;

  constructor(url: string, token: string) {
    this.client = createClient({
      url: url.replace(/^http/, 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
    });
    void this.subscribe();
    void this.poll(url, token);
  }

  appended(count: number): void {
    this.lines += count;
    const batch = { upTo: this.lines, atMs: performance.now() };
    this.uncommitted.push(batch);
    this.untold.push(batch);
  }

  /** Waits until all has arrived. */
  async settled(): Promise<void> {
    const deadline = performance.now() + WITHIN_MS;
    while (this.uncommitted.length > 0 || this.untold.length > 0) {
      if (performance.now() > deadline) throw new Error(`lines did not arrive within ${WITHIN_MS} ms`);
      await sleep(POLL_MS);
    }
  }

  /** Latencies since the last time, milliseconds. */
  clear(): { committed: number[]; told: number[] } {
    const { latencies } = this;
    this.latencies = { committed: [], told: [] };
    return latencies;
  }

  close(): void {
    this.closed = true;
    void this.client.dispose();
  }

  private async subscribe(): Promise<void> {
    type Message = {
      liveWindows: { agent: { name: string }; windows: { start: string; stats: { hits: number } }[] }[];
    };
    const query = 'subscription { liveWindows { agent { name } windows { start stats { hits } } } }';
    for await (const { data } of this.client.iterate<Message>({ query })) {
      for (const { agent, windows } of data?.liveWindows ?? [])
        if (agent.name === AGENT) for (const { start, stats } of windows) this.hits.set(start, stats.hits);
      const told = [...this.hits.values()].reduce((sum, hits) => sum + hits, 0);
      arrived(this.untold, told, this.latencies.told);
    }
  }

  private async poll(url: string, token: string): Promise<void> {
    type Answer = { agents: { nodes: { ledger: { lines: number } }[] } };
    while (!this.closed) {
      const query = `{ agents(search: "${AGENT}") { nodes { ledger { lines } } } }`;
      const answer = await ask<Answer>(url, token, query).catch(() => null);
      arrived(this.uncommitted, answer?.data.agents.nodes[0]?.ledger.lines ?? 0, this.latencies.committed);
      await sleep(POLL_MS);
    }
  }
}

/** Takes out those of whom all lines are there. */
function arrived(waiting: Batch[], lines: number, latencies: number[]): void {
  while (waiting.length > 0 && waiting[0].upTo <= lines) latencies.push(performance.now() - waiting.shift()!.atMs);
}
