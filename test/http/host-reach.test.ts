import { describe, expect, it } from 'vitest';

import { hostReach, isLoopbackHost, isMetadataHost, isNearer } from '../../src/http/host-reach.js';

describe('isLoopbackHost', () => {
  it.each([
    'localhost',
    'LOCALHOST',
    'localhost.',
    'localhost:5000',
    'a.b.localhost',
    '127.0.0.1',
    '127.9.9.9',
    '::1',
  ])('accepts %s', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each(['[::1]:5000', '[::ffff:127.0.0.1]'])('accepts %s', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each([
    'localhost.example.com',
    'notlocalhost',
    '127.0.0.1.example.com',
    '10.0.0.1',
    '0.0.0.0',
    '::',
    '128.0.0.1',
    // These lead to another machine that may deliver to its own loopback.
    '64:ff9b::7f00:1',
    '2002:7f00:1::1',
    '::127.0.0.1',
  ])('rejects %s', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});

describe('hostReach', () => {
  it.each([
    ['localhost', 'loopback', 'by name'],
    ['127.0.0.1', 'loopback', ''],
    ['127.255.255.254', 'loopback', ''],
    ['[::1]', 'loopback', ''],
    ['::1', 'loopback', ''],
    ['0.0.0.0', 'loopback', 'unspecified'],
    ['[::]', 'loopback', 'unspecified'],
    ['2130706433', 'loopback', '127.0.0.1 in decimal'],
    ['0x7f000001', 'loopback', '127.0.0.1 in hexadecimal'],
    ['0177.0.0.1', 'loopback', '127.0.0.1 in octal'],
    ['127.1', 'loopback', '127.0.0.1, short'],
    ['[::127.0.0.1]', 'loopback', 'IPv4-compatible'],
    ['169.254.1.1', 'link-local', ''],
    ['[fe80::1]', 'link-local', ''],
    ['[fe80::1]:5000', 'link-local', 'with a port'],
    ['fe80::1%eth0', 'link-local', 'with a zone'],
    ['[::ffff:169.254.169.254]', 'link-local', 'IPv4 in IPv6'],
    ['[64:ff9b::a9fe:a9fe]', 'link-local', 'NAT64 of 169.254.169.254'],
    ['10.0.0.1', 'private', ''],
    ['172.16.0.1', 'private', ''],
    ['172.31.255.255', 'private', ''],
    ['192.168.1.1', 'private', ''],
    ['100.100.100.200', 'private', 'shared address space'],
    ['[fd00::1]', 'private', 'unique-local'],
    ['[fc00::1]', 'private', 'unique-local'],
    ['[::ffff:a00:1]', 'private', 'IPv4 in IPv6, in hexadecimal'],
    ['10.0.0.1.', 'private', 'with a final dot'],
    ['10.0.0.1:5000', 'private', 'with a port'],
    ['192.0.0.9', 'private', 'protocol assignments'],
    ['198.18.0.1', 'private', 'benchmarks'],
    ['198.19.255.255', 'private', 'benchmarks'],
    ['240.0.0.1', 'private', 'reserved'],
    ['255.255.255.254', 'private', 'reserved'],
    ['255.255.255.255', 'link-local', 'broadcast'],
    ['224.0.0.1', 'link-local', 'multicast'],
    ['239.255.255.255', 'link-local', 'multicast'],
    ['[ff02::1]', 'link-local', 'multicast'],
    ['[fec0::1]', 'private', 'site-local'],
    ['[feff::1]', 'private', 'site-local'],
    ['[64:ff9b:1::1]', 'loopback', 'the local prefix of NAT64, of 0.0.0.1'],
    ['[64:ff9b:1::808:808]', 'private', 'the local prefix of NAT64, of a public address'],
    ['[64:ff9b:1::7f00:1]', 'loopback', 'the local prefix of NAT64, of 127.0.0.1'],
    ['[64:ff9b::a00:1]', 'private', 'NAT64 of 10.0.0.1'],
    ['[64:ff9b::808:808]', 'public', 'NAT64 of a public address'],
    ['[::ffff:0:a00:1]', 'private', 'IPv4-translated'],
    ['[2002:a00:1::1]', 'private', '6to4 of 10.0.0.1'],
    ['[2002:7f00:1::]', 'loopback', '6to4 of 127.0.0.1'],
    ['[2002:a9fe:a9fe::1]', 'link-local', '6to4 of 169.254.169.254'],
    ['[2002:808:808::1]', 'public', '6to4 of a public address'],
    ['[2001:0:808:808::f5ff:fffe]', 'private', 'Teredo of 10.0.0.1'],
    ['[2001:0:a00:1::f7f7:f7f7]', 'private', 'Teredo with a private server'],
    ['[2001:0:808:808::f7f7:f7f7]', 'public', 'Teredo of a public address'],
    ['[2001:2::1]', 'private', 'benchmarks'],
    ['8.8.8.8', 'public', ''],
    ['191.255.255.255', 'public', ''],
    ['192.0.1.1', 'public', ''],
    ['198.17.255.255', 'public', ''],
    ['198.20.0.1', 'public', ''],
    ['223.255.255.255', 'public', ''],
    ['172.15.255.255', 'public', ''],
    ['172.32.0.1', 'public', ''],
    ['11.0.0.1', 'public', ''],
    ['100.63.255.255', 'public', ''],
    ['[2001:4860:4860::8888]', 'public', ''],
    ['registry.example.com', 'public', 'a name'],
    ['10.0.0.1.example.com', 'public', 'a name'],
    ['not a host', 'public', 'no host'],
    ['', 'public', 'no host'],
  ] as const)('of %s is %s %s', (host, reach, _what) => {
    expect(hostReach(host)).toBe(reach);
  });
});

describe('isMetadataHost', () => {
  it.each([
    '169.254.169.254',
    '[::ffff:a9fe:a9fe]:80',
    '0xa9fea9fe',
    'Metadata.Google.Internal.',
    'fd00:ec2::254',
    '64:ff9b:1::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    '[::ffff:0:a9fe:a9fe]',
  ])('accepts %s', (host) => {
    expect(isMetadataHost(host)).toBe(true);
  });

  it.each(['169.254.169.253', '10.0.0.1', 'metadata.example.com', 'fd00::254', 'localhost', ''])(
    'rejects %j',
    (host) => {
      expect(isMetadataHost(host)).toBe(false);
    },
  );
});

describe('isNearer', () => {
  it.each([
    ['127.0.0.1', 'private', true],
    ['10.0.0.1', 'public', true],
    ['10.0.0.1', 'private', false],
    ['8.8.8.8', 'public', false],
    ['8.8.8.8', 'loopback', false],
  ] as const)('%s than %s: %s', (host, reach, nearer) => {
    expect(isNearer(host, reach)).toBe(nearer);
  });
});
