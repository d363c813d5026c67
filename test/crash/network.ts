import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../simulator/random.js';

/** What the network does to whoever passes now. */
export interface Weather {
  /** Milliseconds that each piece is held back, at most. */
  delayMs: number;
  /** Nothing passes; what was sent passes once the weather is better. */
  stalled: boolean;
  /** Connections break after so many more bytes to the server, in the midst of a request; null: never. */
  cutAfterBytes: number | null;
  /** Requests arrive, their answers never: `none` of it, or `half`. */
  answers: 'whole' | 'half' | 'none';
  /** Batches and heartbeats arrive twice: the second at the same time, or up to so many milliseconds later. */
  againWithinMs: number | null;
}

export const FAIR: Weather = {
  delayMs: 0,
  stalled: false,
  cutAfterBytes: null,
  answers: 'whole',
  againWithinMs: null,
};

/** How long the answer to a request that was sent again is waited for: nobody wants it. */
const AGAIN_OPEN_MS = 5_000;
const LOOK_MS = 20;

/** The network between agents and the server, which is at another port after each start. */
export class Network {
  weather: Weather = { ...FAIR };
  targetPort = 0;
  /** Requests sent twice. */
  repeated = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly random: Random,
  ) {
    server.on('connection', (client) => this.serve(client));
  }

  static async start(random: Random): Promise<Network> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return new Network(server, random);
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** Breaks every connection at once. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(client: Socket): void {
    const upstream = this.dial();
    this.keep(client);
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    client.on('close', end);
    upstream.on('close', end);
    const repeater = new Repeater((request) => void this.sendAgain(request));
    void this.relay(client, upstream, (bytes) => this.towardsServer(bytes, repeater));
    void this.relay(upstream, client, (bytes) => this.towardsAgent(bytes));
  }

  /** Passes on what comes, until `let through` says that the connection breaks here. */
  private async relay(from: Socket, to: Socket, letThrough: (bytes: Buffer) => Buffer | null): Promise<void> {
    try {
      for await (const chunk of from) {
        const bytes = chunk as Buffer;
        if (this.weather.delayMs > 0) await sleep(this.random.below(this.weather.delayMs));
        while (this.weather.stalled && !to.destroyed) await sleep(LOOK_MS);
        const passed = letThrough(bytes);
        if (passed !== null && passed.length > 0 && !to.write(passed) && !to.destroyed)
          await new Promise((resolve) => to.once('drain', resolve).once('close', resolve));
        if (passed === bytes) continue;
        // What was let through arrives before the end does.
        await sleep(LOOK_MS);
        break;
      }
    } catch {
      // Broken by either side: the other learns of it.
    }
    from.resetAndDestroy();
    to.destroy();
  }

  private towardsServer(bytes: Buffer, repeater: Repeater): Buffer | null {
    const { weather } = this;
    if (weather.againWithinMs !== null) repeater.add(bytes);
    if (weather.cutAfterBytes === null) return bytes;
    weather.cutAfterBytes -= bytes.length;
    if (weather.cutAfterBytes >= 0) return bytes;
    const passed = bytes.subarray(0, bytes.length + weather.cutAfterBytes);
    weather.cutAfterBytes = null;
    return passed;
  }

  private towardsAgent(bytes: Buffer): Buffer | null {
    const { answers } = this.weather;
    if (answers === 'none') return null;
    return answers === 'half' ? bytes.subarray(0, bytes.length >> 1) : bytes;
  }

  private async sendAgain(request: Buffer): Promise<void> {
    const withinMs = this.weather.againWithinMs;
    if (withinMs === null) return;
    this.repeated++;
    // A heartbeat speaks of the moment it was sent: only a network that repeats at once can be meant.
    const isHeartbeat = request.includes('heartbeat(');
    if (!isHeartbeat && this.random.chance(0.5)) await sleep(this.random.below(withinMs));
    const socket = this.dial();
    socket.resume().write(request);
    setTimeout(() => socket.destroy(), AGAIN_OPEN_MS).unref();
  }

  private dial(): Socket {
    return this.keep(connect(this.targetPort, '127.0.0.1'));
  }

  private keep(socket: Socket): Socket {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => undefined);
    return socket;
  }
}

const END_OF_HEADERS = '\r\n\r\n';

/** Cuts what an agent sends into its requests, and gives those that are batches or heartbeats. */
class Repeater {
  private bytes = Buffer.alloc(0);

  constructor(private readonly give: (request: Buffer) => void) {}

  add(bytes: Buffer): void {
    // The weather may have changed within a request: what does not begin with one is let go.
    if (this.bytes.length === 0 && !bytes.subarray(0, 5).equals(Buffer.from('POST '))) return;
    this.bytes = Buffer.concat([this.bytes, bytes]);
    const headersEnd = this.bytes.indexOf(END_OF_HEADERS);
    if (headersEnd < 0) return;
    const length = /content-length: *(\d+)/i.exec(this.bytes.subarray(0, headersEnd).toString('latin1'));
    const end = headersEnd + END_OF_HEADERS.length + Number(length?.[1] ?? 0);
    if (this.bytes.length < end) return;
    const request = this.bytes;
    this.bytes = Buffer.alloc(0);
    // A claim that comes twice is another process' claim: that is the second agent's part.
    if (request.includes('ingestLogs(') || request.includes('heartbeat(')) this.give(request);
  }
}
