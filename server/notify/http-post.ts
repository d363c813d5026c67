import { lookup as resolve } from 'node:dns/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './addresses.js';

/** From the name's look-up to the end of the answer. */
const TIMEOUT_MS = 10_000;

export interface HttpAnswer {
  status: number;
  /** What it asked for (Retry-After), milliseconds; null: nothing. */
  retryAfterMs: number | null;
}

export interface PostOptions {
  /** Addresses of this machine and its networks too. */
  allowPrivate: boolean;
}

/** The receiver's address is none that may be called. */
export class RefusedAddressError extends Error {
  override name = 'RefusedAddressError';
}

/**
 * Posts once to a receiver that somebody named. Its name is looked up once, and what was checked is what is connected to;
 * a redirect is an answer like any other, and is not followed.
 *
 * @throws RefusedAddressError; the network's error.
 */
export async function post(
  url: URL,
  headers: Record<string, string>,
  body: string,
  { allowPrivate }: PostOptions,
): Promise<HttpAnswer> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const pinned = await addressOf(url, allowPrivate);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((done, fail) => {
    const lookup: LookupFunction = (_host, options, callback) =>
      options.all ? callback(null, [pinned]) : callback(null, pinned.address, pinned.family);
    const sent = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      lookup,
      signal,
      agent: false,
    });
    sent.on('error', fail);
    sent.on('response', (answer) => {
      answer.on('error', fail);
      answer.resume();
      answer.on('end', () =>
        done({ status: answer.statusCode!, retryAfterMs: retryAfterOf(answer.headers['retry-after']) }),
      );
    });
    sent.end(body);
  });
}

/** Every address that the name has must be one of the open internet. */
async function addressOf({ hostname }: URL, allowPrivate: boolean): Promise<{ address: string; family: number }> {
  const host = hostname.replace(/^\[|\]$/g, '');
  const known = isIP(host);
  const addresses = known === 0 ? await resolve(host, { all: true }) : [{ address: host, family: known }];
  if (!allowPrivate && !addresses.every(({ address }) => isPublicAddress(address)))
    throw new RefusedAddressError('the address is not of the open internet');
  return addresses[0];
}

/** Seconds, or a date (RFC 9110 §10.2.3). */
function retryAfterOf(header: string | undefined): number | null {
  if (header === undefined) return null;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? ms : null;
}
