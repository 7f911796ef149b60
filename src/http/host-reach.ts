import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * From where an address can be reached: from everywhere, from its private network, from its link, or from its own
 * machine only. The farthest first.
 */
export const REACHES = ['public', 'private', 'link-local', 'loopback'] as const;
export type Reach = (typeof REACHES)[number];

/** The nearest first. A BlockList also matches an IPv4 address in its IPv6 notation (`::ffff:10.0.0.1`). */
const ADDRESS_BLOCKS: readonly [Reach, BlockList][] = [
  // "This host" (0.0.0.0/8 and ::) connects to the local machine on most systems.
  ['loopback', blockList('127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128')],
  // Multicast and broadcast too: no server has such an address.
  ['link-local', blockList('169.254.0.0/16', '224.0.0.0/4', '255.255.255.255/32', 'fe80::/10', 'ff00::/8')],
  [
    'private',
    blockList(
      '10.0.0.0/8',
      '172.16.0.0/12',
      '192.168.0.0/16',
      '100.64.0.0/10', // shared address space (RFC 6598)
      '192.0.0.0/24', // protocol assignments (RFC 6890)
      '198.18.0.0/15', // benchmarks (RFC 2544)
      '240.0.0.0/4', // reserved (RFC 1112), and used as private space
      'fc00::/7',
      'fec0::/10', // site-local (RFC 3879)
      '64:ff9b:1::/48', // the translator of one network (RFC 8215)
      '2001:2::/48', // benchmarks (RFC 5180)
      '5f00::/16', // segment routing (RFC 9602)
    ),
  ],
];

/** The addresses that are trusted as this machine itself. None that only carries such an address. */
const THIS_MACHINE = blockList('127.0.0.0/8', '::1/128');

/** Prefixes of IPv6 addresses that carry an IPv4 address, and how to read it from the eight groups. */
const IPV4_EMBEDDINGS: readonly [BlockList, (groups: readonly number[]) => readonly [number, number]][] = [
  // IPv4-compatible (RFC 4291), IPv4-translated (RFC 2765), NAT64 (RFC 6052)
  [blockList('::/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48'), (groups) => lastTwo(groups)],
  // 6to4 (RFC 3056)
  [blockList('2002::/16'), ([, high = 0, low = 0]) => [high, low]],
  // Teredo (RFC 4380): the server, and the client with all bits inverted
  [blockList('2001::/32'), ([, , high = 0, low = 0]) => [high, low]],
  [blockList('2001::/32'), (groups) => invert(lastTwo(groups))],
];

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
  return isIP(name) !== 0 && THIS_MACHINE.check(name, familyOf(name));
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
  if (isIP(name) === 0) return METADATA_NAMES.has(name);
  return METADATA_ADDRESSES.check(name, familyOf(name)) || embeddedIPv4(name).some(isMetadataHost);
}

/**
 * Reports whether a host is nearer than a reach.
 * @param host as for {@link isLoopbackHost}
 */
export function isNearer(host: string, reach: Reach): boolean {
  return REACHES.indexOf(hostReach(host)) > REACHES.indexOf(reach);
}

function addressReach(name: string): Reach {
  if (isIP(name) === 0) return 'public';
  const family = familyOf(name);
  const own = ADDRESS_BLOCKS.find(([, list]) => list.check(name, family))?.[0] ?? 'public';
  // Whatever delivers to the embedded address may do so from here.
  return embeddedIPv4(name)
    .map(addressReach)
    .reduce((nearest, reach) => (REACHES.indexOf(reach) > REACHES.indexOf(nearest) ? reach : nearest), own);
}

/** Returns the IPv4 addresses that an IPv6 address in the URL standard's notation may carry. */
function embeddedIPv4(name: string): readonly string[] {
  // The unspecified address and ::1 are addresses of their own.
  if (!isIPv6(name) || name === '::' || name === '::1') return [];
  return IPV4_EMBEDDINGS.flatMap(([list, read]) => {
    if (!list.check(name, 'ipv6')) return [];
    const [high, low] = read(groupsOf(name));
    return [[high >> 8, high & 255, low >> 8, low & 255].join('.')];
  });
}

/** Returns the eight groups of an IPv6 address in the URL standard's notation. */
function groupsOf(address: string): readonly number[] {
  const [before = [], after] = address
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))));
  if (after === undefined) return before;
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function lastTwo(groups: readonly number[]): readonly [number, number] {
  return [groups.at(-2) ?? 0, groups.at(-1) ?? 0];
}

function invert([high, low]: readonly [number, number]): readonly [number, number] {
  return [high ^ 0xffff, low ^ 0xffff];
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
    list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return list;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
