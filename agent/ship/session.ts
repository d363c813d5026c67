import type { OpenStreamPayload } from '../../schema/operations/agent.js';
import { UserError } from '../../schema/user-error.js';
import type { Clock } from '../clock.js';
import { FileSource, type Source } from '../source/index.js';
import { type AgentIdentity, type Connection, connect, openStream, type Place, placesOf } from './connect.js';
import type { Filler } from './fill.js';
import { Halt, Halted } from './halt.js';
import { Heartbeats } from './heartbeats.js';
import { NotFoundError, type Server } from './server.js';
import { StreamShipper } from './stream.js';
import type { Tally } from './tally.js';
import type { Turns } from './turns.js';

/** How long a batch in flight may take once the agent is told to stop. */
const STOP_GRACE_MS = 3_000;

/** A source that the agent ships, for as long as it runs. */
export interface Track {
  source: Source;
  filler: Filler;
  tally: Tally;
  /** Where the agent began in it; null before it was first connected. */
  beganAt: number | null;
  /** All before it was taken in by the server. */
  acknowledged: number;
  state: 'running' | 'ended' | 'fenced';
}

export interface SessionOptions {
  identity: AgentIdentity;
  tracks: readonly Track[];
  /** New files begin at their start. */
  fromStart: boolean;
  server: Server;
  turns: Turns;
  clock: Clock;
  /** The agent is to stop. */
  stop: AbortSignal;
  say: (line: string) => void;
}

/** `ended`: all sources have, and the server knows it; `again`: connect again; `stopped`: as wanted. */
export type SessionEnd = 'ended' | 'again' | 'stopped';

/** From saying hello to the server until all sources have ended, or the server is another one. */
export class Session {
  private readonly halt = new Halt();
  private heartbeats: Heartbeats | null = null;
  private connection: Connection | null = null;
  private again = false;

  constructor(private readonly options: SessionOptions) {}

  /** @throws UserError where it makes no sense to go on. */
  async run(): Promise<SessionEnd> {
    const { stop } = this.options;
    const onStop = () => this.halt.stop(STOP_GRACE_MS);
    stop.addEventListener('abort', onStop);
    if (stop.aborted) onStop();
    try {
      await this.work();
      return this.again ? 'again' : stop.aborted ? 'stopped' : 'ended';
    } catch (thrown) {
      // What failed first; the rest was halted by it.
      const error = this.halt.reason ?? thrown;
      if (stop.aborted && !(error instanceof UserError)) return 'stopped';
      if (error instanceof NotFoundError || (error instanceof Halted && this.again)) return 'again';
      throw error;
    } finally {
      stop.removeEventListener('abort', onStop);
      this.halt.stop(0);
    }
  }

  private async work(): Promise<void> {
    const { server, identity, clock, tracks } = this.options;
    const connection = await connect(server, identity, this.halt);
    this.connection = connection;
    this.options.turns.allow(connection.batchesInFlight);
    const heartbeats = new Heartbeats({
      agent: identity.name,
      server,
      clock,
      halt: this.halt,
      incarnation: connection.incarnation,
      onOtherIncarnation: () => this.connectAgain(),
    });
    this.heartbeats = heartbeats;
    const shippers = await this.openAll(connection);
    if (this.again) return;
    // Before the first batch: the server is to know which files are old.
    await heartbeats.insist(false);
    const beating = this.haltingOnError(heartbeats.run());
    beating.catch(() => {}); // Awaited below, once the shippers are done.
    const shipping = [...shippers].map(([track, shipper]) => this.haltingOnError(this.ship(track, shipper)));
    try {
      await Promise.all(shipping);
    } finally {
      heartbeats.stop();
      await Promise.allSettled([...shipping, beating]);
    }
    await beating;
    if (this.halt.soft.aborted) return;
    const fenced = tracks.filter(({ state }) => state === 'fenced').length;
    if (fenced > 0)
      throw new UserError(`another process ships ${fenced} of ${tracks.length} sources as agent "${identity.name}"`);
    await heartbeats.insist(true);
  }

  private connectAgain(): void {
    if (this.halt.soft.aborted) return;
    this.again = true;
    this.options.say('the server has other data than before; connecting again');
    this.halt.stop(STOP_GRACE_MS);
  }

  /** One that fails ends all, after what is in flight. */
  private async haltingOnError<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work;
    } catch (error) {
      this.halt.stop(STOP_GRACE_MS, error as Error);
      throw error;
    }
  }

  /** Finds each source's place and claims its stream. */
  private async openAll({ checkpoints }: Connection): Promise<Map<Track, StreamShipper>> {
    const { tracks, fromStart } = this.options;
    const files = tracks.map(({ source }) => source).filter((source) => source instanceof FileSource);
    for (const file of files) await file.look();
    const places = await placesOf(files, checkpoints, fromStart);
    const shippers = new Map<Track, StreamShipper>();
    for (const track of tracks) {
      const at = files.indexOf(track.source as FileSource);
      if (at < 0 && track.state === 'ended') continue; // Standard input comes but once.
      const place = at < 0 ? { checkpoint: null, position: track.source.position, anotherFile: false } : places[at];
      if (at < 0 && track.acknowledged < place.position) {
        this.options.say(
          `${track.source.label}: bytes ${track.acknowledged} to ${place.position} are lost with the server's data`,
        );
      }
      // A server that lost the stream gets all that this process has sent of it, and not what was there before.
      if (at >= 0 && place.checkpoint === null && track.beganAt !== null) place.position = track.beganAt;
      const shipper = await this.open(track, place);
      if (shipper === null) {
        this.again = true;
        return shippers;
      }
      shippers.set(track, shipper);
    }
    return shippers;
  }

  /** Null where the stream moved on since the checkpoint was told. */
  private async open(track: Track, place: Place): Promise<StreamShipper | null> {
    const { server, identity } = this.options;
    const { source } = track;
    const head = source instanceof FileSource ? await source.head() : null;
    const opened = await openStream(server, identity.name, source.name, place, head, this.halt);
    if (opened.position !== place.position) return null;
    if (source.seekable) await source.seek(opened.position);
    track.beganAt ??= opened.position;
    track.state = 'running';
    const shipper = this.shipperOf(track, opened);
    this.heartbeats?.add(shipper);
    await this.sayPlace(source, place);
    return shipper;
  }

  private shipperOf(track: Track, opened: OpenStreamPayload): StreamShipper {
    const { identity, server, turns, clock, say } = this.options;
    const { limits } = this.connection as Connection;
    const shipper: StreamShipper = new StreamShipper({
      agent: identity.name,
      opened,
      source: track.source,
      filler: track.filler,
      tally: track.tally,
      limits,
      server,
      turns,
      halt: this.halt,
      clock,
      say,
      onCaughtUp: (caughtUp, first) => this.heartbeats?.noteCaughtUp(shipper, caughtUp, first),
    });
    return shipper;
  }

  private async sayPlace(source: Source, { position, anotherFile, checkpoint }: Place): Promise<void> {
    const renamed = checkpoint !== null && checkpoint.name !== source.name ? `known as ${checkpoint.name}; ` : '';
    const another = anotherFile ? 'not the file known by this name, so a new stream; ' : '';
    const toGo = source.seekable ? `, ${await source.backlogBytes(position)} bytes to go` : '';
    this.options.say(`${source.label}: ${renamed}${another}from byte ${position}${toGo}`);
  }

  /** Ships a source until its end, through all the streams that it takes. */
  private async ship(track: Track, first: StreamShipper): Promise<void> {
    const { source } = track;
    for (let shipper: StreamShipper | null = first; shipper !== null; ) {
      const end = await shipper.run().finally(() => {
        track.acknowledged = shipper?.acknowledged ?? 0;
      });
      if (end === 'halted') return;
      if (end === 'fenced') {
        track.state = 'fenced';
        this.heartbeats?.drop(shipper);
        return;
      }
      if (end === 'end') {
        track.state = 'ended';
        if (source.seekable) return;
        if (source.position === 0) throw new UserError(`${source.label}: is empty`);
        return this.heartbeats?.close(shipper);
      }
      this.options.say(`${source.label}: was truncated or overwritten`);
      await this.heartbeats?.close(shipper);
      track.beganAt = 0;
      shipper = await this.open(track, { checkpoint: null, position: 0, anotherFile: false });
    }
  }
}
