import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { Rollups } from '../../server/rollup/index.js';
import { Database } from '../../server/store/database.js';
import { databaseUrl } from '../support/database.js';
import { makePastPartitions } from '../support/older.js';
import { NO_LIMITS, startTestServer, type TestServer } from '../support/server.js';
import { makeTenant, makeToken } from '../support/tenants.js';
import { equal } from './equal.js';
import { Gate } from './gate.js';
import { entryInput, isSent, wireOf } from './lines.js';
import type { Batch, Digest, ModelStream, Outcome } from './model.js';

/** The server and its database, which several histories share, each as a tenant of its own. */
export class Bench {
  /** Histories take steps together; a restart waits for all, and all wait for it. */
  readonly gate = new Gate();

  private constructor(
    readonly server: TestServer,
    private db: Database,
  ) {}

  static async start(): Promise<Bench> {
    const server = await startTestServer({ limits: NO_LIMITS });
    await makePastPartitions(server);
    return new Bench(server, await Database.open(databaseUrl(server.dataFolder)));
  }

  async restart(): Promise<void> {
    await this.db.close();
    await this.server.restart();
    this.db = await Database.open(databaseUrl(this.server.dataFolder));
  }

  async close(): Promise<void> {
    await this.db.close();
    await this.server.close();
  }

  sql<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
    return this.db.ownerSql<Row & { [column: string]: unknown }>(text, values);
  }

  /** Computes what is due, beside the server, which does so on its own now and then. */
  async rollUp(): Promise<void> {
    await new Rollups(this.db, pino({ level: 'silent' })).rollUpDue();
  }
}

const INGEST = `mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) {
  outcome accepted late malformed quarantined position } }`;
const CONNECT = `mutation ($input: ConnectAgentInput!) { connectAgent(input: $input) { agent { id }
  streams { id name position head { length sha256 } tail { length sha256 } } } }`;
const OPEN = 'mutation ($input: OpenStreamInput!) { openStream(input: $input) { streamId epoch position } }';
const BEAT = 'mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { fencedStreamIds } }';

export interface Checkpoint {
  id: string;
  name: string;
  position: number;
  head: Digest | null;
  tail: Digest | null;
}

/** Bytes that the proof of a source's place covers. */
const PROOF_BYTES = 64;

/** Hash of a stretch of a source. */
function digest(stream: ModelStream, from: number, to: number): Digest {
  const bytes = Buffer.concat(stream.lines.map(({ text }) => text)).subarray(from, to);
  return { length: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
export const headOf = (stream: ModelStream): Digest => digest(stream, 0, PROOF_BYTES);
const tailOf = (stream: ModelStream, at: number): Digest => digest(stream, Math.max(0, at - PROOF_BYTES), at);

/** What the server should know of a source, for an agent to find it again. */
export function checkpointOf(stream: ModelStream): Checkpoint {
  const { id, name, position, head } = stream;
  return { id, name, position, head, tail: position === 0 ? null : tailOf(stream, position) };
}

/** One history's tenant on the server, as an operator of it and its agents would see it: by the API. */
export class Real {
  private constructor(
    readonly bench: Bench,
    readonly tenantId: string,
    private readonly token: string,
  ) {}

  static async start(bench: Bench, name: string): Promise<Real> {
    const tenantId = await makeTenant(bench.server, name);
    return new Real(bench, tenantId, await makeToken(bench.server, { tenantId, role: 'ADMIN' }));
  }

  async ask(query: string, variables: object = {}) {
    const { data, errors } = await this.bench.server.gql(query, variables, this.token);
    equal(errors, undefined, JSON.stringify(errors));
    return data;
  }

  async connect(agent: string): Promise<{ id: string; streams: Checkpoint[] }> {
    const { connectAgent } = await this.ask(CONNECT, { input: { name: agent } });
    const plain = (one: Digest | null) => one && { ...one };
    const streams = connectAgent.streams.map(({ head, tail, ...stream }: Checkpoint) => ({
      ...stream,
      head: plain(head),
      tail: plain(tail),
    }));
    return { id: connectAgent.agent.id, streams };
  }

  /** Claims a stream; null: a new one. */
  async open(agent: string, name: string, streamId: string | null, head: Digest) {
    const { openStream } = await this.ask(OPEN, { input: { agent, name, streamId, head } });
    return openStream as { streamId: string; epoch: number; position: number };
  }

  /** Sends a batch in one of its two forms; a number out of range is for the compact one. */
  async send(agent: string, stream: ModelStream, batch: Batch, compact: boolean): Promise<Outcome> {
    const sent = batch.lines.filter(isSent);
    const of = (kind: string) => batch.lines.filter((line) => line.kind === kind).length;
    const isCompact = compact || sent.some(({ kind }) => kind === 'out of range');
    const position = {
      id: stream.id,
      epoch: batch.epoch,
      from: batch.from,
      to: batch.to,
      ...(stream.scripted ? {} : { tail: tailOf(stream, batch.to) }),
    };
    const { ingestLogs } = await this.ask(INGEST, {
      input: {
        agent,
        stream: stream.id === DIRECT ? null : position,
        ...(isCompact ? { batch: wireOf(sent) } : { entries: sent.map(entryInput) }),
        malformed: of('malformed'),
        skipped: of('blank'),
      },
    });
    return { ...ingestLogs };
  }

  /** A heartbeat; none ever says that it is caught up, so that event time moves by what is sent alone. */
  async beat(agent: string, streams: readonly { id: string; epoch: number }[], ending = false): Promise<string[]> {
    const said = streams.map(({ id, epoch }) => ({ streamId: id, epoch, backlogBytes: 1 }));
    const input = { agent, sentAt: new Date().toISOString(), streams: said, ending };
    return (await this.ask(BEAT, { input })).heartbeat.fencedStreamIds;
  }
}

/** The stream of batches that name none. */
export const DIRECT = 'direct';
