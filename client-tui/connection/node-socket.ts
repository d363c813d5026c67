import WebSocket from 'ws';

/** A server that does not answer the closing would keep the process for half a minute. */
const CLOSED_WITHIN_MS = 500;

/** The link's socket in Node. */
export class NodeSocket extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args);
    // One that is given up before it is open says so by an `error` event; that nobody listens any more is no failure.
    this.on('error', () => undefined);
  }

  override close(code?: number, data?: string | Buffer): void {
    super.close(code, data);
    setTimeout(() => this.terminate(), CLOSED_WITHIN_MS).unref();
  }
}
