import { describe, expect, it } from 'vitest';

import { parseDigest } from '../../src/oci/digest.js';
import { FailedError, InvalidError } from '../../src/oci/errors.js';
import { uploadLocation, withDigest } from '../../src/registry/location.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

const post = new URL('https://registry.example.com/v2/app/blobs/uploads/');
/** The session URL in the response to a POST. */
function locationOf(location: string | undefined, url = post, remoteAddress?: string): string {
  return uploadLocation({ url, remoteAddress, headers: { location } }).href;
}

const digest = parseDigest(`sha256:${'a'.repeat(64)}`);

describe('uploadLocation', () => {
  it.each([
    ['relative', '/v2/app/blobs/uploads/1?s=x', 'https://registry.example.com/v2/app/blobs/uploads/1?s=x'],
    ['relative to the path', '1', 'https://registry.example.com/v2/app/blobs/uploads/1'],
    ['relative to the scheme', '//registry.example.com/u', 'https://registry.example.com/u'],
    ['absolute', 'https://registry.example.com/u', 'https://registry.example.com/u'],
    ['plain HTTP on the same host', 'http://registry.example.com/u', 'https://registry.example.com/u'],
    [
      'plain HTTP with the port of TLS',
      'http://registry.example.com:443/u',
      'https://registry.example.com/u',
    ],
    ['another host', 'https://uploads.example.net/u', 'https://uploads.example.net/u'],
    ['with a fragment', '/u?a=b#c', 'https://registry.example.com/u?a=b'],
  ])('accepts a location that is %s', (_what, location, url) => {
    expect(locationOf(location)).toBe(url);
  });

  it.each([
    ['another host over plain HTTP', 'http://uploads.example.net/u'],
    ['a nearer host (ggcr #2295)', 'https://10.0.0.1/u'],
    ['a login in the address', 'https://user:secret@registry.example.com/u'],
    ['a file', 'file:///etc/passwd'],
  ])('rejects %s', (_what, location) => {
    expect(() => locationOf(location)).toThrow(InvalidError);
  });

  it('does not repeat a login in a location', () => {
    expect(() => locationOf('https://user:secret@x.example.com/u')).toThrow(/^rejected(?!.*secret)/);
  });

  it.each([
    ['http://127.0.0.1:5000', undefined, 'http://127.0.0.1:5000/u'],
    ['http://127.0.0.1:5000', undefined, 'http://127.0.0.1:5001/u'],
    ['http://localhost:5000', undefined, 'http://127.0.0.1:5000/u'],
    ['https://registry.corp', '10.0.0.5', 'https://10.0.0.6/u'],
  ])('accepts a location as near as the registry: %s (at %s), %s', (registry, remoteAddress, location) => {
    expect(locationOf(location, new URL(`${registry}/v2/`), remoteAddress)).toBe(location);
  });

  it.each([undefined, 'https://'])('fails if the location is %j', (location) => {
    expect(() => locationOf(location)).toThrow(FailedError);
  });
});

describe('withDigest', () => {
  it.each([
    ['no query', 'https://r.example.com/u', 'https://r.example.com/u?digest='],
    ['a query', 'https://r.example.com/u?a=b', 'https://r.example.com/u?a=b&digest='],
    // URLSearchParams would turn these into `+`, `%2F`, `%3D` and lose the signature that the registry made over them.
    [
      'a signed state',
      'https://r.example.com/u?_state=a%20b+c/d==&x=%7e',
      'https://r.example.com/u?_state=a%20b+c/d==&x=%7e&digest=',
    ],
  ])('appends to %s and leaves the rest as it is', (_what, url, expected) => {
    expect(withDigest(new URL(url), digest).href).toBe(`${expected}${digest}`);
  });
});

describeVectors('upload locations of other clients', () => {
  interface Row {
    readonly registry: string;
    readonly location: string;
    readonly next?: string;
    readonly reject?: boolean;
  }
  const { upload_location: rows } = vectorJson<{ upload_location: Row[] }>('challenges.json');

  it.each(rows)('$registry: $location', ({ registry, location, next, reject = false }) => {
    const scheme = registry.startsWith('127.') ? 'http' : 'https';
    const base = new URL(`${scheme}://${registry}/v2/foo/bar/blobs/uploads/`);
    if (reject) expect(() => locationOf(location, base)).toThrow(InvalidError);
    else expect(locationOf(location, base)).toBe(next ?? location);
  });
});
