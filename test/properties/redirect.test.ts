import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { hostReach } from '../../src/http/host-reach.js';
import { nextHop, type Hop } from '../../src/http/redirect.js';
import { InvalidError } from '../../src/oci/errors.js';

const secret = 's3cret';
const secretHeaders = ['authorization', 'cookie', 'proxy-authorization', 'x-registry-auth'];

const origins = [
  'https://registry.example.com',
  'https://registry.example.com:8443',
  'http://registry.example.com',
  'https://10.1.2.3',
  'http://localhost:5000',
  'http://[::1]:5000',
];

const hosts = fc.oneof(
  fc.domain(),
  fc.ipV4Extended(),
  fc.ipV6().map((address) => `[${address}]`),
  fc.constantFrom(
    'registry.example.com',
    'REGISTRY.example.com.',
    'localhost',
    'a.localhost',
    '[::ffff:7f00:1]',
  ),
);

const absolute = fc
  .record({
    scheme: fc.constantFrom(
      'https://',
      'http://',
      '//',
      'HTTPS:',
      'https:\\\\',
      'ftp://',
      'unix:',
      'javascript:',
    ),
    user: fc.constantFrom('', '', '', 'user@', 'user:pw@', ':@', '@'),
    host: hosts,
    port: fc.constantFrom('', '', ':443', ':80', ':8443', ':0', ':99999', ':x'),
    rest: fc.oneof(fc.webPath(), fc.string(), fc.constant('')),
  })
  .map(({ scheme, user, host, port, rest }) => scheme + user + host + port + rest);

/** What a server may write into a Location header. */
const locations = fc.oneof(
  { weight: 4, arbitrary: absolute },
  fc.string({ unit: 'binary' }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc.webPath(),
);

const hops: fc.Arbitrary<Hop> = fc
  .record({
    origin: fc.constantFrom(...origins),
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH'),
  })
  .map(({ origin, method }) => ({
    method,
    url: new URL('/v2/app/manifests/1.0', origin),
    headers: { accept: '*/*', ...Object.fromEntries(secretHeaders.map((name) => [name, secret])) },
    body: undefined,
  }));

const statuses = fc.constantFrom(301, 302, 303, 307, 308);

/** The next hop; undefined if the redirect is rejected. Any other error fails the test. */
function follow(from: Hop, status: number, location: string): Hop | undefined {
  try {
    return nextHop(from, status, location);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidError);
    return undefined;
  }
}

describe('a redirect to any Location', () => {
  it('is rejected or leads to an HTTP URL without credentials', () => {
    fc.assert(
      fc.property(hops, statuses, locations, (from, status, location) => {
        const next = follow(from, status, location);
        if (next === undefined) return;
        expect(['http:', 'https:']).toContain(next.url.protocol);
        expect(next.url.username + next.url.password + next.url.hash).toBe('');
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps credentials within the origin, and only there', () => {
    fc.assert(
      fc.property(hops, statuses, locations, (from, status, location) => {
        const next = follow(from, status, location);
        if (next === undefined) return;
        const kept = secretHeaders.filter((name) => name in next.headers);
        expect(kept).toEqual(next.url.origin === from.url.origin ? secretHeaders : []);
      }),
      { numRuns: 2000 },
    );
  });

  it('never restores credentials that another origin has removed', () => {
    fc.assert(
      fc.property(hops, fc.array(fc.constantFrom(...origins), { maxLength: 6 }), (first, chain) => {
        let hop = first;
        let left = false;
        for (const origin of chain) {
          const next = follow(hop, 307, `${origin}/x`);
          if (next === undefined) return;
          left ||= next.url.origin !== first.url.origin;
          hop = next;
          expect(JSON.stringify(hop.headers).includes(secret)).toBe(!left);
        }
      }),
    );
  });

  it('never leaves HTTPS, nor leads to a nearer host than the server', () => {
    fc.assert(
      fc.property(hops, statuses, locations, (from, status, location) => {
        const next = follow(from, status, location);
        if (next === undefined) return;
        if (from.url.protocol === 'https:') expect(next.url.protocol).toBe('https:');
        if (hostReach(from.url.host) === 'public') expect(hostReach(next.url.host)).toBe('public');
      }),
      { numRuns: 2000 },
    );
  });
});
