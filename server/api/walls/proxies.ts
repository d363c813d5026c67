import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import proxyAddr from '@fastify/proxy-addr';

/** Whom requests are from, where proxies forward them: those that are trusted say it (X-Forwarded-For), nobody else may. */
export class Proxies {
  private readonly trusts: (address: string, hops: number) => boolean;

  /**
   * @param trusted addresses, or networks such as 10.0.0.0/8
   * @throws TypeError where one is neither
   */
  constructor(trusted: readonly string[]) {
    this.trusts = proxyAddr.compile([...trusted]);
  }

  isTrusted(address: string): boolean {
    return this.trusts(address, 0);
  }

  /** The nearest address on the request's way that is no trusted proxy's; empty where its connection has ended meanwhile. */
  addressOf(request: IncomingMessage): string {
    const { remoteAddress } = request.socket;
    if (remoteAddress === undefined) return '';
    const said = withoutPort(proxyAddr(request, this.trusts));
    return isIP(said) === 0 ? remoteAddress : said;
  }
}

/** Some proxies name the client's port too, which is another for each connection. */
function withoutPort(address: string): string {
  return /^(\d+(?:\.\d+){3}):\d+$/.exec(address)?.[1] ?? /^\[(.+)\](?::\d+)?$/.exec(address)?.[1] ?? address;
}
