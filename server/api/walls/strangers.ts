import type { Socket } from 'node:net';
import { addressKey } from '../../core/limits/address.js';

/**
 * Counts, by address, connections on which nobody has signed in yet. Memory is bounded by the connections: an address that
 * has none is not known.
 */
export class Strangers {
  private readonly addressOf = new Map<string, string>();
  private readonly counts = new Map<string, number>();

  /** @param most connections of an address */
  constructor(private readonly most: number) {}

  /**
   * Counts a connection until it ends or somebody signs in on it. False: its address has too many.
   *
   * @param from the address that it is counted for
   */
  enter(socket: Socket, from: string): boolean {
    const connection = nameOf(socket);
    const address = addressKey(from);
    const count = this.counts.get(address) ?? 0;
    if (count >= this.most) return false;
    this.counts.set(address, count + 1);
    this.addressOf.set(connection, address);
    socket.once('close', () => this.leave(connection));
    return true;
  }

  signedIn(socket: Socket): void {
    this.leave(nameOf(socket));
  }

  /** Those that are counted now. */
  get size(): number {
    return this.addressOf.size;
  }

  private leave(connection: string): void {
    const address = this.addressOf.get(connection);
    if (address === undefined) return;
    this.addressOf.delete(connection);
    const count = this.counts.get(address)! - 1;
    if (count > 0) this.counts.set(address, count);
    else this.counts.delete(address);
  }
}

/** The same for a connection and for the TLS on it. */
function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
