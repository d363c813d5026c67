import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { combinedLine, logTime } from '../simulator/combined.js';
import { requestsFrom } from '../simulator/traffic.js';
import { ask, startHlm, startServer, stop } from './processes.js';
import { type BenchOptions, type Figure, latencyFigure } from './table.js';
import { trafficOf } from './traffic.js';

const AGENT = 'bench';
const TICK_MS = 100;
/** Lines of a tick: of calm seconds, and of those that the rule fires on. */
const [CALM, BUSY] = [20, 200];
/** Of each, in turns: longer than the rule's window. */
const SPELL_MS = 4_000;
const WINDOW = 'PT2S';
/** Between the two rates, lines a second. */
const THRESHOLD = 1_000;
const WITHIN_MS = 30_000;

/** An event, by when it was where; milliseconds since the epoch, of one machine's clock. */
interface Crossing {
  /** The event second's beginning. */
  atMs: number;
  recordedMs: number;
  toldMs: number;
  postedMs: number;
}

/** From the event second at which a rule fires, or recovers, to those who are told: a real agent on a log that grows. */
export async function measureDelay({ quick }: BenchOptions): Promise<Figure[]> {
  const count = quick ? 6 : 40;
  const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
  const log = join(folder, 'access.log');
  writeFileSync(log, '');
  const { url, child, token } = await startServer(join(folder, 'data'), { HLM_ALLOW_PRIVATE_WEBHOOKS: '1' });
  const agent = startHlm(['agent', '--name', AGENT, '--url', url, '--from-start', log], { HLM_TOKEN: token });
  const crossings = await Crossings.watch(url, token);
  try {
    const writing = new AbortController();
    const written = write(log, writing.signal);
    const isEnough = () => crossings.complete().length >= count;
    for (let waitedMs = 0; !isEnough(); waitedMs += TICK_MS) {
      if (waitedMs > count * SPELL_MS + WITHIN_MS) throw new Error('events did not arrive');
      await sleep(TICK_MS);
    }
    writing.abort();
    await written;
    const all = crossings.complete();
    const since = (from: keyof Crossing, to: keyof Crossing) => all.map((crossing) => crossing[to] - crossing[from]);
    return [
      latencyFigure(`event second → event, ${all.length} of them`, since('atMs', 'recordedMs'), 8_000),
      latencyFigure('event → subscriber', since('recordedMs', 'toldMs'), 500),
      latencyFigure('event → receiver of a webhook', since('recordedMs', 'postedMs'), 3_000),
      latencyFigure('event second → receiver of a webhook', since('atMs', 'postedMs'), 11_000),
    ];
  } finally {
    await crossings.close();
    await stop(agent);
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Calm and busy spells in turns, until aborted. */
async function write(log: string, signal: AbortSignal): Promise<void> {
  const requests = requestsFrom(0, trafficOf(100));
  for (let tick = 0, begun = performance.now(); !signal.aborted; tick++) {
    const isBusy = Math.floor((tick * TICK_MS) / SPELL_MS) % 2 === 1;
    const time = logTime(Date.now());
    let text = '';
    for (let i = 0; i < (isBusy ? BUSY : CALM); i++) text += `${combinedLine(requests.next().value.request, time)}\n`;
    appendFileSync(log, text);
    await sleep(begun + (tick + 1) * TICK_MS - performance.now());
  }
}

/** Sees events arrive over a subscription, and at a webhook's receiver. */
class Crossings {
  private readonly byId = new Map<string, Omit<Crossing, 'postedMs'>>();
  private readonly posted = new Map<string, number>();

  private constructor(
    private readonly receiver: HttpServer,
    private readonly client: Client,
  ) {
    receiver.on('request', (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        for (const { id } of (JSON.parse(body) as { events: { id: string }[] }).events) this.posted.set(id, Date.now());
        response.end();
      });
    });
    void this.subscribe();
  }

  /** Makes the rule, its channel and its receiver. */
  static async watch(url: string, token: string): Promise<Crossings> {
    const receiver = createServer();
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const target = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const { data } = await ask<{ channel: { id: string } }>(
      url,
      token,
      `mutation { channel: createNotificationChannel(input: { name: "bench", kind: WEBHOOK, target: "${target}" }) { id } }`,
    );
    await ask(
      url,
      token,
      `mutation { createAlertRule(input: { name: "bench", threshold: ${THRESHOLD}, window: "${WINDOW}",
         flapDetection: false, channelIds: ["${data.channel.id}"] }) { id } }`,
    );
    const client = createClient({
      url: url.replace(/^http/, 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
    });
    return new Crossings(receiver, client);
  }

  /** Those that have arrived everywhere. */
  complete(): Crossing[] {
    return [...this.byId].flatMap(([id, crossing]) => {
      const postedMs = this.posted.get(id);
      return postedMs === undefined ? [] : [{ ...crossing, postedMs }];
    });
  }

  async close(): Promise<void> {
    await this.client.dispose();
    this.receiver.closeAllConnections();
    await new Promise((resolve) => this.receiver.close(resolve));
  }

  private async subscribe(): Promise<void> {
    type Message = { alertEvents: { id: string; at: string; recordedAt: string; ruleName: string } };
    const query = 'subscription { alertEvents { id at recordedAt ruleName } }';
    for await (const { data } of this.client.iterate<Message>({ query })) {
      const event = data?.alertEvents;
      if (event?.ruleName !== 'bench') continue;
      const { id, at, recordedAt } = event;
      const known = { atMs: Date.parse(at), recordedMs: Date.parse(recordedAt) };
      this.byId.set(id, { ...known, toldMs: Date.now() });
    }
  }
}
