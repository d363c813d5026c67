import {
  IngestLogsMutation,
  type IngestLogsPayload,
  type OpenStreamPayload,
  type StreamHeartbeatInput,
} from '../../schema/operations/agent.js';
import { UserError } from '../../schema/user-error.js';
import type { Clock } from '../clock.js';
import type { Source } from '../source/index.js';
import type { Batch, BatchLimits } from './batch.js';
import type { Filled, Filler } from './fill.js';
import type { Halt } from './halt.js';
import { type Server, TooLargeError } from './server.js';
import type { Tally } from './tally.js';
import type { Turns } from './turns.js';

/** The server may send us back so often without a batch being taken in between; then the two of us disagree. */
const REWINDS_MAX = 5;

/** Why a stream's shipping is over. */
export type StreamEnd = 'end' | 'replaced' | 'fenced' | 'halted';

type Delivery = { kind: 'done' } | { kind: 'fenced' } | { kind: 'rewind'; position: number };

export interface ShipperOptions {
  agent: string;
  opened: OpenStreamPayload;
  source: Source;
  filler: Filler;
  limits: BatchLimits;
  server: Server;
  turns: Turns;
  tally: Tally;
  halt: Halt;
  say: (line: string) => void;
  clock: Clock;
  /** It is caught up now (for the first time), or no longer. */
  onCaughtUp: (caughtUp: boolean, first: boolean) => void;
}

/**
 * Ships one stream: fills a batch while those before are in flight, and keeps to what the server says of its position.
 */
export class StreamShipper {
  /** All before it is the server's. */
  acknowledged: number;
  /** It was at its end, with all acknowledged, at least once. */
  everCaughtUp = false;
  private caughtUp = false;
  private fenced = false;
  private rewinds = 0;
  private limits: BatchLimits;

  constructor(private readonly options: ShipperOptions) {
    this.acknowledged = options.opened.position;
    this.limits = options.limits;
  }

  get streamId(): string {
    return this.options.opened.streamId;
  }

  /** Another process has claimed the stream. */
  fence(): void {
    if (this.fenced) return;
    this.fenced = true;
    this.options.say(`${this.options.source.label}: another process has taken over this stream; stopped`);
  }

  async heartbeat(): Promise<StreamHeartbeatInput> {
    const { opened, source } = this.options;
    const backlogBytes = await source.backlogBytes(this.acknowledged);
    const catchingUp = source.old && !this.everCaughtUp;
    return { streamId: opened.streamId, epoch: opened.epoch, backlogBytes, catchingUp, closed: false };
  }

  /** @throws UserError, Halted, NotFoundError as `Server.ask` does. */
  async run(): Promise<StreamEnd> {
    const { filler, halt, turns, source } = this.options;
    const inFlight: Promise<Delivery>[] = [];
    while (!this.fenced) {
      const filled = await filler.fill(this.limits, halt.soft);
      const isAdded = filled.kind === 'batch' && !halt.soft.aborted;
      const rewindTo = await this.settle(inFlight, isAdded ? turns.limit - 1 : 0);
      if (this.fenced) break;
      if (rewindTo !== null) {
        await source.seek(rewindTo);
        continue; // What was filled meanwhile is read again.
      }
      if (filled.kind === 'batch') {
        if (halt.soft.aborted) return 'halted';
        this.setCaughtUp(false);
        const delivery = this.deliver(filled.batch, inFlight.at(-1) ?? null);
        delivery.catch(() => {}); // Awaited above, maybe only after the next batch is filled.
        inFlight.push(delivery);
      } else if (filled.kind === 'idle' || filled.kind === 'paced') {
        await this.rest(filled);
      } else {
        if (filled.kind === 'end') this.setCaughtUp(true);
        return filled.kind;
      }
    }
    this.fence();
    return 'fenced';
  }

  private async rest(filled: Filled): Promise<void> {
    const { source, halt, clock } = this.options;
    if (filled.kind === 'paced') return clock.sleep(filled.waitMs, halt.soft);
    this.setCaughtUp(this.acknowledged === source.position);
    await source.wait(Number.POSITIVE_INFINITY, halt.soft);
  }

  /** Waits until no more than so many are in flight; where to go on from instead, null: no need. */
  private async settle(inFlight: Promise<Delivery>[], left: number): Promise<number | null> {
    while (inFlight.length > left) {
      const delivery = await inFlight.shift()!;
      if (delivery.kind === 'done') continue;
      // What is behind it does not fit any more.
      await Promise.allSettled(inFlight.splice(0));
      if (delivery.kind === 'rewind') return delivery.position;
      this.fence();
    }
    return null;
  }

  /** @param before what is in flight before it; null: nothing */
  private async deliver(batch: Batch, before: Promise<Delivery> | null): Promise<Delivery> {
    const { agent, opened, server, turns, halt } = this.options;
    const { from, to, tail, malformed, skipped, rejections } = batch;
    const stream = { id: opened.streamId, epoch: opened.epoch, tail, from, to };
    const input = { agent, stream, batch: batch.json, malformed, skipped, rejections };
    try {
      const bytes = Math.min(to - from, this.limits.bytes);
      const send = () => turns.run(bytes, () => server.ask(IngestLogsMutation, { input }, halt));
      const { ingestLogs } = await send();
      if (ingestLogs.outcome !== 'OUT_OF_SEQUENCE' || before === null) return this.judge(batch, ingestLogs);
      // It has overtaken the one before it, or that one had to be sent again.
      const first = await before;
      return first.kind === 'done' ? this.judge(batch, (await send()).ingestLogs) : first;
    } catch (error) {
      if (error instanceof TooLargeError) return this.sendLess(batch, error);
      throw error;
    }
  }

  private judge(batch: Batch, answer: IngestLogsPayload): Delivery {
    const { tally, source } = this.options;
    if (answer.outcome === 'FENCED') return { kind: 'fenced' };
    if (answer.outcome === 'OUT_OF_SEQUENCE') {
      const position = answer.position ?? this.acknowledged;
      if (++this.rewinds > REWINDS_MAX) {
        throw new UserError(`${source.label}: the server asks for byte ${position} again and again; given up`);
      }
      this.options.say(`${source.label}: the server wants to go on from byte ${position}`);
      return { kind: 'rewind', position };
    }
    tally.add(batch, answer.outcome === 'APPENDED' ? answer : null);
    this.rewinds = 0;
    this.acknowledged = Math.max(this.acknowledged, batch.to);
    batch.release();
    return { kind: 'done' };
  }

  /** The server takes less than it said: halves until it does. */
  private sendLess(batch: Batch, error: TooLargeError): Delivery {
    const { source } = this.options;
    const lines = batch.count + batch.malformed + batch.skipped;
    if (lines === 1)
      throw new UserError(`${source.label}: one line at byte ${batch.from} is too large: ${error.message}`);
    this.limits = { lines: Math.ceil(lines / 2), bytes: Math.ceil(this.limits.bytes / 2) };
    return { kind: 'rewind', position: batch.from };
  }

  private setCaughtUp(caughtUp: boolean): void {
    if (caughtUp === this.caughtUp) return;
    this.caughtUp = caughtUp;
    const first = caughtUp && !this.everCaughtUp;
    this.everCaughtUp ||= caughtUp;
    this.options.onCaughtUp(caughtUp, first);
  }
}
