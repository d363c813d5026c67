import { HeartbeatMutation, type StreamHeartbeatInput } from '../../schema/operations/agent.js';
import type { ResultOf, VariablesOf } from '../../schema/operations/graphql.js';
import type { Clock } from '../clock.js';
import type { Halt } from './halt.js';
import type { Server } from './server.js';
import type { StreamShipper } from './stream.js';

export const HEARTBEAT_MS = 5_000;
/** A source that stays at its end so long is quiet: told at once rather than at the next beat, for alerts to recover. */
export const QUIET_AFTER_MS = 1_000;

export interface HeartbeatsOptions {
  agent: string;
  server: Server;
  clock: Clock;
  halt: Halt;
  /** The server's data, as connectAgent named it. */
  incarnation: string;
  /** It is another one now: connect again. */
  onOtherIncarnation: () => void;
}

/** Says every few seconds that the agent lives, and how far behind each stream is. */
export class Heartbeats {
  private readonly shippers = new Set<StreamShipper>();
  /** Streams whose source is gone, until the server was told. */
  private readonly gone = new Map<string, StreamHeartbeatInput>();
  /** When to tell of streams that came to their end, unless they leave it again. */
  private readonly quietDueMs = new Map<StreamShipper, number>();
  private nextMs = 0;
  private stopped = false;
  private wake: (() => void) | null = null;

  constructor(private readonly options: HeartbeatsOptions) {}

  add(shipper: StreamShipper): void {
    this.shippers.add(shipper);
  }

  /** Another process has the stream, and speaks for it. */
  drop(shipper: StreamShipper): void {
    this.shippers.delete(shipper);
    this.quietDueMs.delete(shipper);
  }

  /** The stream's source is gone, and all that was read of it acknowledged. */
  async close(shipper: StreamShipper): Promise<void> {
    this.drop(shipper);
    this.gone.set(shipper.streamId, { ...(await shipper.heartbeat()), backlogBytes: 0, closed: true });
  }

  /** The stream came to its end, or left it; the first time is told at once: it may have been a long way. */
  noteCaughtUp(shipper: StreamShipper, caughtUp: boolean, first: boolean): void {
    if (!caughtUp) {
      this.quietDueMs.delete(shipper);
      return;
    }
    this.quietDueMs.set(shipper, this.options.clock.monotonicMs() + (first ? 0 : QUIET_AFTER_MS));
    this.wake?.();
  }

  /** Beats until stopped. Throws as `Server.ask` does. */
  async run(): Promise<void> {
    const { clock, halt } = this.options;
    while (!this.stopped && !halt.soft.aborted) {
      const waitMs = Math.min(this.nextMs, ...this.quietDueMs.values()) - clock.monotonicMs();
      if (waitMs > 0) await this.rest(waitMs);
      else await this.beat();
    }
  }

  stop(): void {
    this.stopped = true;
    this.wake?.();
  }

  /** One that must arrive. `ending`: the sources have ended, and nothing more will come. */
  async insist(ending: boolean): Promise<void> {
    const { server, halt, clock } = this.options;
    this.nextMs = clock.monotonicMs() + HEARTBEAT_MS;
    const input = await this.input(ending);
    this.note((await server.ask(HeartbeatMutation, { input }, halt)).heartbeat);
  }

  /** One that is made up for by the next where it fails. */
  private async beat(): Promise<void> {
    const { server, halt, clock } = this.options;
    this.nextMs = clock.monotonicMs() + HEARTBEAT_MS;
    this.quietDueMs.clear();
    const input = await this.input(false);
    const answer = await server.askOnce(HeartbeatMutation, { input }, halt);
    if (answer.kind !== 'data') return;
    for (const { streamId, closed } of input.streams ?? []) if (closed) this.gone.delete(streamId);
    this.note((answer.data as ResultOf<typeof HeartbeatMutation>).heartbeat);
  }

  private async input(ending: boolean): Promise<VariablesOf<typeof HeartbeatMutation>['input']> {
    const { agent, clock } = this.options;
    const streams = await Promise.all([...this.shippers].map((shipper) => shipper.heartbeat()));
    const sentAt = new Date(clock.wallMs()).toISOString();
    return { agent, sentAt, streams: [...streams, ...this.gone.values()], ending };
  }

  private note(answer: ResultOf<typeof HeartbeatMutation>['heartbeat']): void {
    if (answer.incarnation !== this.options.incarnation) this.options.onOtherIncarnation();
    const fenced = new Set(answer.fencedStreamIds);
    for (const shipper of this.shippers) if (fenced.has(shipper.streamId)) shipper.fence();
  }

  private async rest(ms: number): Promise<void> {
    const { clock, halt } = this.options;
    const alarm = new AbortController();
    const ring = () => alarm.abort();
    this.wake = ring;
    halt.soft.addEventListener('abort', ring);
    await clock.sleep(ms, alarm.signal);
    halt.soft.removeEventListener('abort', ring);
    this.wake = null;
  }
}
