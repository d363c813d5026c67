import { BlockList, isIP } from 'node:net';

/** Networks that are not of the open internet (IANA's special-purpose registries), and what may hide them. */
const V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  '224.0.0.0/3',
];
/** NAT64 and 6to4 hold an IPv4 address, Teredo too. */
const V6 = [
  ...['::/96', '::1/128', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/32', '2001:db8::/32', '2002::/16'],
  ...['fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
];

const closed = new BlockList();
for (const [networks, family] of [[V4, 'ipv4'] as const, [V6, 'ipv6'] as const])
  for (const network of networks) {
    const [address, bits] = network.split('/');
    closed.addSubnet(address, Number(bits), family);
  }

/** Whether an IP address is one of the open internet: none of this machine's, its networks', or reserved. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  // IPv4 within IPv6 is looked up as what it stands for.
  return !closed.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
