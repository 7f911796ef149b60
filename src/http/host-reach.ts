import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * From where an address can be reached: from everywhere, from its private network, from its link, or from its own
 * machine only. The farthest first.
 */
export const REACHES = ['public', 'private', 'link-local', 'loopback'] as const;
export type Reach = (typeof REACHES)[number];

/** Checked in this order. A BlockList also matches an IPv4 address in its IPv6 notation (`::ffff:10.0.0.1`). */
const ADDRESS_BLOCKS: readonly [Reach, BlockList][] = [
  // "This host" (0.0.0.0/8 and ::) connects to the local machine on most systems.
  ['loopback', blockList('127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128')],
  ['link-local', blockList('169.254.0.0/16', 'fe80::/10')],
  // 100.64.0.0/10 is the shared address space of RFC 6598.
  ['private', blockList('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7')],
];

/** Prefixes that carry an IPv4 address in their last 32 bits: IPv4-compatible (RFC 4291) and NAT64 (RFC 6052). */
const IPV4_EMBEDDINGS = blockList('::/96', '64:ff9b::/96');

/** Where clouds serve instance metadata and the credentials of the instance or container. */
const METADATA_ADDRESSES = blockList(
  '169.254.169.254/32', // AWS, Azure, Google Cloud, Oracle Cloud, DigitalOcean, OpenStack
  '169.254.170.2/32', // AWS: credentials of ECS tasks
  '169.254.170.23/32', // AWS: credentials of EKS pods
  '169.254.0.23/32', // Tencent Cloud
  '100.100.100.200/32', // Alibaba Cloud
  '168.63.129.16/32', // Azure: host agent
  '192.0.0.192/32', // Oracle Cloud Classic
  'fd00:ec2::/32', // AWS
  'fd20:ce::254/128', // Google Cloud
  'fe80::a9fe:a9fe/128', // OpenStack
);
const METADATA_NAMES: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.tencentyun.com',
  'instance-data',
  'instance-data.ec2.internal',
]);

/**
 * Reports whether a host is the local machine: `localhost`, `*.localhost` (RFC 6761), 127.0.0.0/8 or ::1.
 * @param host a host name or IP address in any notation that URLs allow, with or without a port
 */
export function isLoopbackHost(host: string): boolean {
  const name = plainHostname(host);
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  return addressReach(name) === 'loopback' && name !== '::' && !name.startsWith('0.');
}

/**
 * Returns the reach of a host. `localhost` is loopback; any other host name is public, because names are not resolved.
 * @param host as for {@link isLoopbackHost}
 */
export function hostReach(host: string): Reach {
  return isLoopbackHost(host) ? 'loopback' : addressReach(plainHostname(host));
}

/** Reports whether a host is the metadata service of a cloud. @param host as for {@link isLoopbackHost} */
export function isMetadataHost(host: string): boolean {
  const name = plainHostname(host);
  const version = isIP(name);
  if (version === 0) return METADATA_NAMES.has(name);
  if (METADATA_ADDRESSES.check(name, version === 6 ? 'ipv6' : 'ipv4')) return true;
  return embedsIPv4(name) && METADATA_ADDRESSES.check(lastFourBytes(name), 'ipv4');
}

function addressReach(name: string): Reach {
  const version = isIP(name);
  if (version === 0) return 'public';
  const family = version === 6 ? 'ipv6' : 'ipv4';
  const reach = ADDRESS_BLOCKS.find(([, list]) => list.check(name, family))?.[0];
  return reach ?? (embedsIPv4(name) ? addressReach(lastFourBytes(name)) : 'public');
}

function embedsIPv4(name: string): boolean {
  return isIPv6(name) && IPV4_EMBEDDINGS.check(name, 'ipv6');
}

/** The IPv4 address in the last two groups of an IPv6 address in the URL standard's notation. */
function lastFourBytes(address: string): string {
  const groups = address.split(':').map((group) => Number.parseInt(group === '' ? '0' : group, 16));
  const [high = 0, low = 0] = groups.slice(-2);
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/**
 * The host name in lower case, without port, brackets, zone and final dot. Numbers in any base are an IPv4 address, as in
 * a URL.
 */
function plainHostname(host: string): string {
  const text = isIPv6(host) ? `[${host.replace(/%.*$/, '')}]` : host;
  const hostname = URL.canParse(`http://${text}`) ? new URL(`http://${text}`).hostname : host.toLowerCase();
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function blockList(...subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', prefix = ''] = subnet.split('/');
    list.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list;
}
