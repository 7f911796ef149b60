import { describe, expect, it } from 'vitest';

import { hostReach, isLoopbackHost, isPrivateAddress } from '../../src/http/private-address.js';

describe('isPrivateAddress', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['[::1]', 'loopback'],
    ['::1', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['[::]', 'unspecified'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.100.100.200', 'shared address space, where one cloud keeps its metadata service'],
    ['169.254.169.254', 'link-local: the metadata service of most clouds'],
    ['[fe80::1]', 'link-local'],
    ['[fd00::1]', 'unique-local'],
    ['[fc00::1]', 'unique-local'],
    ['[::ffff:169.254.169.254]', 'IPv4 in IPv6'],
    ['[::ffff:a00:1]', 'IPv4 in IPv6, in hexadecimal'],
    ['[::127.0.0.1]', 'IPv4-compatible'],
    ['[64:ff9b::a9fe:a9fe]', 'NAT64 of 169.254.169.254'],
    ['2130706433', '127.0.0.1 in decimal'],
    ['0x7f000001', '127.0.0.1 in hexadecimal'],
    ['0177.0.0.1', '127.0.0.1 in octal'],
    ['127.1', '127.0.0.1, short'],
    ['10.0.0.1.', 'with a final dot'],
    ['10.0.0.1:5000', 'with a port'],
    ['[fe80::1]:5000', 'with a port'],
  ])('refuses %s (%s)', (host) => {
    expect(isPrivateAddress(host)).toBe(true);
  });

  it.each([
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.1',
    '11.0.0.1',
    '100.63.255.255',
    '[2001:4860:4860::8888]',
  ])('lets the public address %s pass', (host) => {
    expect(isPrivateAddress(host)).toBe(false);
  });

  it.each(['registry.example.com', '10.0.0.1.example.com', 'localhost', 'not a host', ''])(
    'says nothing of %j, which is no address',
    (host) => {
      expect(isPrivateAddress(host)).toBe(false);
    },
  );
});

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
  ])('refuses %s', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});

describe('hostReach', () => {
  it.each([
    ['localhost', 'loopback'],
    ['0.0.0.0', 'loopback'],
    ['169.254.1.1', 'link-local'],
    ['10.0.0.1', 'private'],
    ['registry.example.com', 'public'],
  ] as const)('%s is %s', (host, reach) => {
    expect(hostReach(host)).toBe(reach);
  });
});
