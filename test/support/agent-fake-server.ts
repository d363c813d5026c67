import { randomUUID } from 'node:crypto';
import type { Post, Reply } from '../../agent/ship/index.js';
import { decodeLogBatch, entryAt, type LogBatch } from '../../schema/log-batch.js';
import type { IngestLogsInput, StreamHeartbeatInput } from '../../schema/operations/agent.js';

export interface FakeStream {
  id: string;
  agent: string;
  name: string;
  head: { length: number; sha256: string } | null;
  tail: { length: number; sha256: string } | null;
  position: number;
  epoch: number;
  targets: string[];
  lines: number;
  malformed: number;
  skipped: number;
  duplicates: number;
  rejections: { position?: number | null; reason: string; sample: string }[];
}

export interface FakeHeartbeat {
  streams: StreamHeartbeatInput[];
  ending: boolean;
}

type Input = Record<string, never>;

const SLOW_MS = 50;

/**
 * What goes wrong with one request: `lost`: it is done, and the answer never comes; `slow`: what is sent after it comes
 * before it; `error`: a GraphQL error.
 */
export type Fault =
  | 'slow'
  | 'unreachable'
  | 'lost'
  | 'status-503'
  | 'html-404'
  | { error: string; retryAfterMs?: number };

/**
 * The API's side of ingest as the design has it, in memory: a position and an epoch a stream. It stands for the network
 * as well: `faultOf` decides what happens to each request.
 */
export class FakeServer {
  readonly streams: FakeStream[] = [];
  readonly heartbeats: FakeHeartbeat[] = [];
  readonly requests: { url: string; operation: string; authorization: string }[] = [];
  incarnation = 'first';
  limits = { batchEntries: 8_192, batchBytes: 4_194_304, batchesInFlight: 2 };
  faultOf: (operation: string, url: string) => Fault | null = () => null;

  /** Targets of all entries taken in, in their order. */
  get targets(): string[] {
    return this.streams.flatMap(({ targets }) => targets);
  }

  readonly post: Post = async (url, { authorization }, sent) => {
    const body = JSON.parse(Buffer.concat(sent.map((part) => Buffer.from(part as Uint8Array))).toString()) as {
      query: string;
      variables: { input: Input };
    };
    const operation = /\{\s*(\w+)\(input/.exec(body.query)?.[1] ?? '';
    this.requests.push({ url, operation, authorization });
    const fault = this.faultOf(operation, url);
    await new Promise((resolve) => setImmediate(resolve));
    if (fault === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    if (fault === 'unreachable') throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    if (fault === 'status-503') return { status: 503, body: 'later' };
    if (fault === 'html-404') return { status: 404, body: '<html>' };
    if (fault !== null && fault !== 'lost' && fault !== 'slow') {
      const { error: code, retryAfterMs } = fault;
      return this.answer({ errors: [{ message: `a ${code}`, extensions: { code, retryAfterMs } }] });
    }
    const data = this.answerOf(operation, body.variables.input);
    if (fault === 'lost') throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    if (data === null)
      return this.answer({ errors: [{ message: 'Stream not found.', extensions: { code: 'NOT_FOUND' } }] });
    return this.answer({ data: { [operation]: data } });
  };

  private answer(body: unknown): Reply {
    return { status: 200, body: JSON.stringify(body) };
  }

  private answerOf(operation: string, input: unknown): unknown {
    switch (operation) {
      case 'connectAgent':
        return { incarnation: this.incarnation, limits: this.limits, streams: [...this.streams].reverse() };
      case 'openStream':
        return this.open(input as Parameters<FakeServer['open']>[0]);
      case 'heartbeat':
        return this.beat(input as FakeHeartbeat);
      default:
        return this.ingest(input as IngestLogsInput);
    }
  }

  private open(input: {
    agent: string;
    streamId: string | null;
    name: string;
    head: FakeStream['head'];
    startAt: number;
  }) {
    let stream = this.streams.find(({ id }) => id === input.streamId);
    if (input.streamId !== null && !stream) return null;
    if (!stream) {
      const { agent, name, head, startAt: position } = input;
      const counts = { targets: [], lines: 0, malformed: 0, skipped: 0, duplicates: 0, rejections: [] };
      stream = { id: randomUUID(), agent, name, head, tail: null, position, epoch: 0, ...counts };
      this.streams.push(stream);
    }
    stream.epoch++;
    stream.name = input.name;
    return { streamId: stream.id, epoch: stream.epoch, position: stream.position };
  }

  private beat(input: FakeHeartbeat) {
    this.heartbeats.push(input);
    const stale = ({ streamId, epoch }: StreamHeartbeatInput) =>
      this.streams.some(({ id, epoch: current }) => id === streamId && epoch < current);
    return {
      incarnation: this.incarnation,
      fencedStreamIds: input.streams.filter(stale).map(({ streamId }) => streamId),
    };
  }

  private ingest({ stream: at, batch, malformed, skipped, rejections }: IngestLogsInput) {
    const stream = this.streams.find(({ id }) => id === at?.id);
    if (!stream || !at) return null;
    const { position } = stream;
    if (at.epoch !== stream.epoch) return { outcome: 'FENCED', accepted: 0, quarantined: 0, position };
    if (at.from !== position) {
      if (at.to > position) return { outcome: 'OUT_OF_SEQUENCE', accepted: 0, quarantined: 0, position };
      stream.duplicates++;
      return { outcome: 'DUPLICATE', accepted: 0, quarantined: 0, position };
    }
    const decoded = decodeLogBatch(batch as LogBatch);
    for (let i = 0; i < decoded.count; i++) stream.targets.push(entryAt(decoded, i).target ?? '(none)');
    stream.position = at.to;
    stream.tail = at.tail ?? null;
    stream.lines += decoded.count + (malformed ?? 0);
    stream.malformed += malformed ?? 0;
    stream.skipped += skipped ?? 0;
    stream.rejections.push(...(rejections ?? []));
    return { outcome: 'APPENDED', accepted: decoded.count, quarantined: 0, position: at.to };
  }
}
