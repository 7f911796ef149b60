import { describe, expect, it } from 'vitest';

import { parseDigest } from '../../src/oci/digest.js';
import { FailedError, InvalidError } from '../../src/oci/errors.js';
import { resolveUploadLocation, withDigest } from '../../src/registry/location.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

const post = new URL('https://registry.example.com/v2/app/blobs/uploads/');
const digest = parseDigest(`sha256:${'a'.repeat(64)}`);

describe('resolveUploadLocation', () => {
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
  ])('takes a location that is %s', (_what, location, url) => {
    expect(resolveUploadLocation(location, post).href).toBe(url);
  });

  it.each([
    ['another host over plain HTTP', 'http://uploads.example.net/u'],
    ['a private address over TLS (ggcr #2295)', 'https://10.0.0.1/u'],
    ['the metadata service', 'https://169.254.169.254/latest/meta-data/'],
    ['a loopback address', 'https://127.0.0.1/u'],
    ['a loopback address as IPv6', 'https://[::1]/u'],
    ['a loopback address in disguise', 'https://[::ffff:127.0.0.1]/u'],
    ['this machine by name', 'https://localhost/u'],
    ['the unspecified address', 'https://0.0.0.0/u'],
    ['a login in the address', 'https://user:secret@registry.example.com/u'],
    ['a file', 'file:///etc/passwd'],
  ])('refuses %s', (_what, location) => {
    expect(() => resolveUploadLocation(location, post)).toThrow(InvalidError);
  });

  it('does not repeat a login that a location holds', () => {
    expect(() => resolveUploadLocation('https://user:secret@x.example.com/u', post)).toThrow(
      /^(?!.*secret).*refused/,
    );
  });

  it('takes a private address where it is the registry itself', () => {
    const local = new URL('http://127.0.0.1:5000/v2/app/blobs/uploads/');
    expect(resolveUploadLocation('http://127.0.0.1:5000/u', local).href).toBe('http://127.0.0.1:5000/u');
    expect(resolveUploadLocation('http://127.0.0.1:5001/u', local).href).toBe('http://127.0.0.1:5001/u');
  });

  it.each([undefined, 'https://'])('says that there is no location where it is %j', (location) => {
    expect(() => resolveUploadLocation(location, post)).toThrow(FailedError);
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
    if (reject) expect(() => resolveUploadLocation(location, base)).toThrow(InvalidError);
    else expect(resolveUploadLocation(location, base).href).toBe(next ?? location);
  });
});
