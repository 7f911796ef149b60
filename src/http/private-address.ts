import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * How far an address reaches: this machine, this link, this network, or everyone. A host name that is no IP literal
 * counts as public, for what it resolves to is not known here.
 */
export type Reach = 'loopback' | 'link-local' | 'private' | 'public';

/** Rows are asked in this order. BlockList also matches an IPv4 address in its IPv6 notation (`::ffff:10.0.0.1`). */
const ADDRESS_BLOCKS: readonly [Reach, BlockList][] = [
  // "This host" (0.0.0.0/8, ::) connects to the machine itself on most systems, so it is no better than loopback.
  ['loopback', blockList(['127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128'])],
  ['link-local', blockList(['169.254.0.0/16', 'fe80::/10'])],
  // 100.64.0.0/10 (RFC 6598) is not reachable from outside either, and one cloud's metadata service lives there.
  ['private', blockList(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'])],
];

/** Prefixes that carry an IPv4 address in their last 32 bits: IPv4-compatible (RFC 4291) and NAT64 (RFC 6052). */
const IPV4_EMBEDDINGS = blockList(['::/96', '64:ff9b::/96']);

/**
 * Is this an IP literal that is unspecified, loopback, link-local, private or unique-local? Those are the addresses to
 * which a server on the internet has no business sending anyone (ggcr #2243 and its successors).
 * @param host a host name or IP literal as in a URL, in any notation that a URL allows, with or without a port
 */
export function isPrivateAddress(host: string): boolean {
  return addressReach(plainHostname(host)) !== 'public';
}

/**
 * Does this name the machine itself: `localhost`, `*.localhost` (RFC 6761), 127.0.0.0/8 or ::1?
 * @param host as for {@link isPrivateAddress}
 */
export function isLoopbackHost(host: string): boolean {
  const name = plainHostname(host);
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  return addressReach(name) === 'loopback' && name !== '::' && !name.startsWith('0.');
}

/**
 * How far a host reaches, where `localhost` counts as loopback.
 * @param host as for {@link isPrivateAddress}
 */
export function hostReach(host: string): Reach {
  return isLoopbackHost(host) ? 'loopback' : addressReach(plainHostname(host));
}

function addressReach(name: string): Reach {
  const version = isIP(name);
  if (version === 0) return 'public';
  const family = version === 6 ? 'ipv6' : 'ipv4';
  const reach = ADDRESS_BLOCKS.find(([, list]) => list.check(name, family))?.[0];
  if (reach !== undefined) return reach;
  if (version === 6 && IPV4_EMBEDDINGS.check(name, 'ipv6')) return addressReach(lastFourBytes(name));
  return 'public';
}

/** The IPv4 address in the last two groups of an IPv6 address in the URL standard's notation. */
function lastFourBytes(address: string): string {
  const groups = address.split(':').map((group) => Number.parseInt(group === '' ? '0' : group, 16));
  const [high = 0, low = 0] = groups.slice(-2);
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** Host name in lower case without port, brackets and final dot; numbers in any base are an IPv4 address, as in a URL. */
function plainHostname(host: string): string {
  const text = isIPv6(host) ? `[${host}]` : host;
  const hostname = URL.canParse(`http://${text}`) ? new URL(`http://${text}`).hostname : host.toLowerCase();
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function blockList(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', prefix = ''] = subnet.split('/');
    list.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list;
}
