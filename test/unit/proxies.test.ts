// Goal: of a proxy that is trusted it is believed whom a request is from, of nobody else.
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { Proxies } from '../../server/api/walls/proxies.js';

const from = (remoteAddress: string | undefined, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;

describe('the address that a request is from', () => {
  const proxies = new Proxies(['10.0.0.0/8', '::1']);

  test.each([
    ['of nobody else is the header believed', '192.0.2.1', '198.51.100.7', '192.0.2.1'],
    ['the proxy itself, where it forwards nobody', '10.0.0.1', undefined, '10.0.0.1'],
    ['whom it forwards', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['by IPv4 on an IPv6 socket', '::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['what the client wrote itself comes before', '10.0.0.1', '203.0.113.9, 198.51.100.7', '198.51.100.7'],
    ['through several proxies', '::1', '203.0.113.9, 198.51.100.7, 10.2.3.4', '198.51.100.7'],
    ['with a port', '10.0.0.1', '198.51.100.7:5678', '198.51.100.7'],
    ['IPv6 with a port', '10.0.0.1', '[2001:db8::7]:5678', '2001:db8::7'],
    ['IPv6', '10.0.0.1', '2001:db8::7', '2001:db8::7'],
    ['what is no address is not one', '10.0.0.1', 'unknown', '10.0.0.1'],
    ['nor is a long text', '10.0.0.1', 'x'.repeat(10_000), '10.0.0.1'],
    ['a connection that has ended', undefined, '198.51.100.7', ''],
  ])('%s', (_what, remoteAddress, forwarded, address) => {
    expect(proxies.addressOf(from(remoteAddress, forwarded))).toBe(address);
  });

  test('where no proxy is named the header is nothing', () => {
    expect(new Proxies([]).addressOf(from('127.0.0.1', '198.51.100.7'))).toBe('127.0.0.1');
    expect(new Proxies([]).isTrusted('127.0.0.1')).toBe(false);
  });

  test('what is no address or network cannot be named', () => {
    expect(() => new Proxies(['proxy.example.com'])).toThrow(TypeError);
  });
});
