import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { print } from 'graphql';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { keptConnections } from '../agent/ship/index.js';
import { batchOf } from '../schema/log-batch-builder.js';
import { IngestLogsMutation } from '../schema/operations/agent.js';
import { insertTenant } from '../server/accounts/insert-tenant.js';
import { hashSecret, newSecret } from '../server/auth/tokens.js';
import { startServer, stop } from './processes.js';
import { BenchStore } from './store.js';
import { type BenchOptions, type Figure, median, times } from './table.js';
import { entriesOf } from './traffic.js';

/** Entries a second that the noisy tenant's plan allows, and that it sends, whatever it is answered. */
const LIMIT = 4_000;
const NOISE = 10 * LIMIT;
const NOISY_AGENTS = 10;
const NOISY_BATCH = 1_000;
const QUIET_AGENTS = 20;
/** Each quiet agent's batches: two a second. */
const QUIET_BATCH = 50;
const QUIET_EVERY_MS = 500;
/** Agents that say a line after more than a second of silence, each with a subscriber. */
const LONE_AGENTS = 12;
const LONE_EVERY_MS = 1_500;
const RATIO_MAX = 1.5;
/** Quiet and noisy take turns: what the machine does meanwhile is shared by both. */
const ROUNDS = 7;
/** Of each before it counts, seconds: the first batches of a process take ten times as long. */
const WARM_UP = 5;

/** What a tenant's noise does to another: its batches' acknowledgements, and its subscribers. */
export async function measureNoisy({ quick }: BenchOptions): Promise<Figure[]> {
  const seconds = quick ? 6 : 12;
  const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
  const store = await BenchStore.start();
  const { url, child } = await startServer(join(folder, 'data'), { DATABASE_URL: store.url });
  const quiet = await tenantOf(store, url, 'quiet');
  const noisy = await tenantOf(store, url, 'noisy');
  const lone = await LoneLines.start(quiet);
  try {
    const measured = async (plan: number | null): Promise<Measured> => {
      await store.db.ownerSql('UPDATE tenant SET entries_per_second_max = $2 WHERE id = $1', [noisy.id, plan]);
      const both: Measured = { alone: [], beside: [], noise: { sent: 0, taken: 0 } };
      await runQuiet(quiet, lone, WARM_UP);
      const warming = new Noise(noisy);
      await runQuiet(quiet, lone, WARM_UP);
      await warming.stop(both.noise);
      for (let round = 0; round < ROUNDS; round++) {
        both.alone.push(await runQuiet(quiet, lone, seconds));
        const noise = new Noise(noisy);
        await sleep(1_000);
        both.beside.push(await runQuiet(quiet, lone, seconds));
        both.noise = await noise.stop(both.noise);
      }
      return both;
    };
    const limited = await measured(LIMIT);
    const unlimited = await measured(null);
    return [
      ...figuresOf(`a plan of ${LIMIT.toLocaleString('en')} entries/s`, limited, true),
      ...figuresOf('no plan, shares alone', unlimited, false),
    ];
  } finally {
    lone.close();
    await stop(child);
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Tenant {
  id: string;
  url: string;
  token: string;
  /** Sends a body; the answer's text. */
  post: (body: string) => Promise<string>;
}

async function tenantOf({ db }: BenchStore, url: string, name: string): Promise<Tenant> {
  const id = await insertTenant((text, values) => db.ownerSql(text, values), name);
  const token = newSecret('ADMIN');
  await db.ownerSql(`INSERT INTO token (tenant_id, name, role, secret_hash) VALUES ($1, 'bench', 'ADMIN', $2)`, [
    id,
    hashSecret(token),
  ]);
  const send = keptConnections();
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const sendOnce = async (body: string) => (await send(url, headers, [body], new AbortController().signal)).body;
  // A connection that was closed while it rested: the same again, on a new one.
  return { id, url, token, post: (body) => sendOnce(body).catch(() => sendOnce(body)) };
}

/**
 * A request made beforehand, but for its time, which is when it is asked for: whoever makes it shares the machine with what
 * is measured.
 */
function bodyOf(agent: string, lines: number): () => string {
  const entries = [...entriesOf(lines, 3)].slice(0, lines).map((entry) => ({ ...entry, timeMs: 0 }));
  const batch = { ...batchOf(entries), base: BASE };
  const body = JSON.stringify({ query: print(IngestLogsMutation), variables: { input: { agent, batch } } });
  const [before, after] = body.split(`"base":${BASE}`);
  return () => `${before}"base":${Date.now()}${after}`;
}

/** Stands where a batch has its time. */
const BASE = 1_234_567_890_123;

interface Noisiness {
  sent: number;
  taken: number;
}

/** One turn. */
interface Run {
  acknowledgedMs: number[];
  toldMs: number[];
}

interface Measured {
  alone: Run[];
  beside: Run[];
  noise: Noisiness;
}

/** Sends at its rate, whatever it is answered, and however long that takes. */
class Noise {
  private readonly bodies = Array.from({ length: NOISY_AGENTS }, (_, i) => bodyOf(`noisy-${i}`, NOISY_BATCH));
  private readonly inFlight = new Set<Promise<void>>();
  private readonly timer: NodeJS.Timeout;
  private sent = 0;
  private taken = 0;

  constructor(private readonly tenant: Tenant) {
    const begunMs = performance.now();
    this.timer = setInterval(() => {
      const due = ((performance.now() - begunMs) / 1_000) * (NOISE / NOISY_BATCH);
      while (this.sent < due) this.send();
    }, 5);
  }

  async stop(before: Noisiness): Promise<Noisiness> {
    clearInterval(this.timer);
    await Promise.all(this.inFlight);
    return { sent: before.sent + this.sent, taken: before.taken + this.taken };
  }

  private send(): void {
    const sending = this.tenant
      .post(this.bodies[this.sent++ % NOISY_AGENTS]())
      .then((answer) => {
        if (answer.includes('"APPENDED"')) this.taken++;
      })
      .finally(() => this.inFlight.delete(sending));
    this.inFlight.add(sending);
  }
}

/** What another tenant feels: batches at their times, from due to acknowledged, and lone lines. */
async function runQuiet(tenant: Tenant, lone: LoneLines, seconds: number): Promise<Run> {
  const acknowledgedMs: number[] = [];
  const begun = performance.now();
  lone.clear();
  const agents = Array.from({ length: QUIET_AGENTS }, async (_, place) => {
    const body = bodyOf(`quiet-${place}`, QUIET_BATCH);
    for (let k = 0; k < (seconds * 1_000) / QUIET_EVERY_MS; k++) {
      const due = begun + (k + place / QUIET_AGENTS) * QUIET_EVERY_MS;
      await sleep(Math.max(0, due - performance.now()));
      const answer = await tenant.post(body());
      if (!answer.includes('"APPENDED"')) throw new Error(`not taken in: ${answer.slice(0, 300)}`);
      acknowledgedMs.push(performance.now() - due);
    }
  });
  await Promise.all([...agents, lone.run(seconds)]);
  return { acknowledgedMs, toldMs: lone.clear() };
}

/** Agents that say a line now and then, and who listens to each. */
class LoneLines {
  private told: number[] = [];
  private readonly client;
  private readonly bodies: (() => string)[];
  /** When the line was sent that a listener waits for. */
  private readonly sentMs: (number | null)[] = [];
  private readonly arrived: (() => void)[] = [];

  private constructor(private readonly tenant: Tenant) {
    this.client = createClient({
      url: tenant.url.replace(/^http/, 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${tenant.token}` },
    });
    this.bodies = Array.from({ length: LONE_AGENTS }, (_, i) => bodyOf(`lone-${i}`, 1));
  }

  static async start(tenant: Tenant): Promise<LoneLines> {
    const lone = new LoneLines(tenant);
    for (const body of lone.bodies) await tenant.post(body());
    const query = JSON.stringify({ query: '{ agents(search: "lone-") { nodes { id name } } }' });
    const { data } = JSON.parse(await tenant.post(query)) as {
      data: { agents: { nodes: { id: string; name: string }[] } };
    };
    // Not before each has its snapshot: a line that is in it is told no more.
    await Promise.all(data.agents.nodes.map(({ id, name }) => lone.listen(Number(name.slice('lone-'.length)), id)));
    return lone;
  }

  /** Each line goes when its agent was silent for a second and more, and the one before has been told. */
  async run(seconds: number): Promise<void> {
    const begun = performance.now();
    await Promise.all(
      this.bodies.map(async (body, place) => {
        for (let k = 0; k < Math.floor((seconds * 1_000) / LONE_EVERY_MS); k++) {
          await sleep(Math.max(0, begun + (k + place / LONE_AGENTS) * LONE_EVERY_MS - performance.now()));
          const arrival = new Promise<void>((resolve) => {
            this.arrived[place] = resolve;
          });
          this.sentMs[place] = performance.now();
          await this.tenant.post(body());
          await arrival;
        }
      }),
    );
  }

  clear(): number[] {
    return this.told.splice(0);
  }

  close(): void {
    void this.client.dispose();
  }

  /** Until the snapshot is there; what changes then is listened to further. */
  private async listen(place: number, id: string): Promise<void> {
    const query = `subscription { liveWindows(agentIds: ["${id}"]) { windows { start stats { hits } } } }`;
    const changes = this.client.iterate({ query });
    await changes.next();
    void this.takeTimes(place, changes);
  }

  private async takeTimes(place: number, changes: AsyncIterable<unknown>): Promise<void> {
    for await (const _ of changes) {
      const sentMs = this.sentMs[place];
      if (sentMs == null) continue;
      this.told.push(performance.now() - sentMs);
      this.sentMs[place] = null;
      this.arrived[place]();
    }
  }
}

function figuresOf(about: string, { alone, beside, noise }: Measured, isGoal: boolean): Figure[] {
  const compared = (what: string, of: (run: Run) => number[]): Figure => {
    // The 99th percentile of a turn is a few values, the median of the turns is not.
    const at = (share: number) =>
      [alone, beside].map((turns) => median(turns.map((turn) => quantile(share, of(turn)))));
    const said = (share: number) =>
      at(share)
        .map((ms) => ms.toFixed(0))
        .join(' → ');
    const [quiet, noisy] = at(0.99);
    const ratio = noisy / quiet;
    return {
      what: `${what}, quiet → beside ten times ${about}`,
      value: `p50 ${said(0.5)} ms, p99 ${said(0.99)} ms`,
      ratio: `p99 ${times(ratio)}`,
      ...(isGoal ? { goal: `p99 ≤ ${RATIO_MAX} ×`, missed: ratio > RATIO_MAX } : {}),
    };
  };
  return [
    compared('batch due → acknowledged', ({ acknowledgedMs }) => acknowledgedMs),
    compared('a lone line → subscriber', ({ toldMs }) => toldMs),
    {
      what: `of the noisy tenant's batches (${about})`,
      value: `${noise.taken.toLocaleString('en')} of ${noise.sent.toLocaleString('en')} taken in`,
    },
  ];
}

function quantile(share: number, values: readonly number[]): number {
  const ascending = values.toSorted((a, b) => a - b);
  return ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))];
}
