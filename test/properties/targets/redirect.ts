import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { hostReach } from '../../../src/http/host-reach.js';
import { nextHop, type Hop } from '../../../src/http/redirect.js';
import { FailedError, InvalidError } from '../../../src/oci/errors.js';
import type { RepositoryPath } from '../../../src/oci/reference.js';
import { uploadLocation } from '../../../src/registry/location.js';
import { nextPage } from '../../../src/registry/manifests/next-page.js';
import { anyCharacter, optional, orError, property, textOf, type Target } from '../property.js';

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

const URL_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@";

/** Characters of a part of a URL, some of them percent-encoded (RFC 3986). */
const urlText = (others: string): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.oneof(
      { weight: 10, arbitrary: fc.constantFrom(...Array.from(URL_CHARACTERS + others)) },
      { weight: 1, arbitrary: anyCharacter.map((text) => encodeURIComponent(text)) },
    ),
  });
const urlPath = fc.array(urlText('').map((segment) => `/${segment}`)).map((parts) => parts.join(''));
const query = urlText('/?');

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
    rest: fc.oneof(urlPath, fc.string(), fc.constant('')),
  })
  .map(({ scheme, user, host, port, rest }) => scheme + user + host + port + rest);

/** What a server may write into a Location header. */
const locations = fc.oneof(
  { weight: 4, arbitrary: absolute },
  fc.string({ unit: anyCharacter }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc
    .tuple(
      fc.constantFrom('https://', 'http://'),
      fc.webAuthority(),
      urlPath,
      optional('?', query),
      optional('#', query),
    )
    .map((parts) => parts.join('')),
  urlPath,
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

function follow(from: Hop, status: number, location: string): Hop | InvalidError {
  return orError(InvalidError, () => nextHop(from, status, location));
}

const BATCH = { batch: 1000, reaches: ['rejected', 'followed'] };

export const redirect: Target = {
  name: 'redirect',
  properties: [
    property(
      'a redirect to any Location is rejected or leads to an HTTP URL without credentials',
      [hops, statuses, locations],
      (from, status, location) => {
        const next = follow(from, status, location);
        if (next instanceof InvalidError) return 'rejected';
        assert(['http:', 'https:'].includes(next.url.protocol));
        assert.equal(next.url.username + next.url.password + next.url.hash, '');
        return 'followed';
      },
      BATCH,
    ),
    property(
      'a redirect to any Location keeps credentials within the origin, and only there',
      [hops, statuses, locations],
      (from, status, location) => {
        const next = follow(from, status, location);
        if (next instanceof InvalidError) return 'rejected';
        const kept = secretHeaders.filter((name) => name in next.headers);
        assert.deepEqual(kept, next.url.origin === from.url.origin ? secretHeaders : []);
        return 'followed';
      },
      BATCH,
    ),
    property(
      'a chain of redirects never restores credentials that another origin has removed',
      [hops, fc.array(fc.constantFrom(...origins), { maxLength: 6 })],
      (first, chain) => {
        let hop = first;
        let left = false;
        for (const origin of chain) {
          const next = follow(hop, 307, `${origin}/x`);
          if (next instanceof InvalidError) return;
          left ||= next.url.origin !== first.url.origin;
          hop = next;
          assert.equal(JSON.stringify(hop.headers).includes(secret), !left);
        }
      },
    ),
    property(
      'a redirect to any Location never leaves HTTPS, nor leads to a nearer host than the server',
      [hops, statuses, locations],
      (from, status, location) => {
        const next = follow(from, status, location);
        if (next instanceof InvalidError) return 'rejected';
        if (from.url.protocol === 'https:') assert.equal(next.url.protocol, 'https:');
        if (hostReach(from.url.host) === 'public') assert.equal(hostReach(next.url.host), 'public');
        return 'followed';
      },
      BATCH,
    ),
  ],
};

export const uploadLocations: Target = {
  name: 'upload-location',
  properties: [
    property(
      'any Location of an upload is rejected or leads to an HTTP URL as far away, without credentials',
      [fc.constantFrom(...origins), fc.oneof(locations, fc.constant(undefined))],
      (origin, location) => {
        const url = new URL('/v2/app/blobs/uploads/', origin);
        const next = orError(FailedError, () =>
          orError(InvalidError, () =>
            uploadLocation(
              { url, headers: { location } },
              {
                path: 'app' as RepositoryPath,
                isForeign: false,
                isOwn: ({ origin: own }) => own === url.origin,
              },
            ),
          ),
        );
        if (next instanceof Error) return 'rejected';
        assert(['http:', 'https:'].includes(next.protocol));
        assert.equal(next.username + next.password + next.hash, '');
        if (url.protocol === 'https:') assert.equal(next.protocol, 'https:');
        if (hostReach(url.host) === 'public') assert.equal(hostReach(next.host), 'public');
        return 'followed';
      },
      BATCH,
    ),
  ],
};

const requested = new URL('https://registry.example.com/v2/app/referrers/sha256:aa?artifactType=x');
const links = fc.oneof(
  fc
    .tuple(
      fc.oneof(
        locations,
        query.map((text) => `/v2/app/referrers/sha256:aa?${text}`),
        fc.constantFrom('?n=2', '', '/v2/app/referrers/sha256%3Aaa?n=2', '/v2/other/referrers/sha256:aa'),
      ),
      fc.constantFrom(
        'rel="next"',
        'rel=next',
        'rel="prev next"',
        'rel=prev',
        'title="a, b"; rel="next"',
        '',
      ),
    )
    .map(([target, parameters]) => `<${target}>; ${parameters}`),
  textOf(['<', '>', ';', ',', ' ', 'rel', '=', '"', 'next', '/v2/app/referrers/sha256:aa', '?n=1']),
);

export const link: Target = {
  name: 'link',
  properties: [
    property(
      'any Link is ignored, rejected or changes nothing but the query of the requested URL',
      [fc.array(links, { maxLength: 3 })],
      (values) => {
        const next = orError(InvalidError, () =>
          nextPage({ url: requested, headerValues: () => values }, requested, 'tag list'),
        );
        if (next instanceof InvalidError) return 'rejected';
        if (next === undefined) return 'last';
        assert.equal(next.origin + next.pathname, requested.origin + requested.pathname);
        assert.equal(next.username + next.password + next.hash, '');
        assert(next.search.length <= 3 * values.join(', ').length + 1);
        return 'followed';
      },
      { batch: 1000, reaches: ['rejected', 'last', 'followed'] },
    ),
    property(
      'a Link by the grammar leads to its own query, wherever it is in a list',
      [query, fc.nat({ max: 2 }), fc.constantFrom(', ', ',', ' ,\t')],
      (text, position, comma) => {
        const others = [
          '</v2/app/referrers/sha256:aa?first>; rel="first"',
          '<https://x.example>; title="<,>"',
        ];
        const own = `<${requested.pathname}?${text}>; rel="next"`;
        const values = [others.toSpliced(position, 0, own).join(comma)];
        const next = nextPage({ url: requested, headerValues: () => values }, requested, 'tag list');
        assert.equal(next?.search, new URL(`?${text}`, requested).search);
      },
    ),
  ],
};
