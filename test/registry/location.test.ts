import { describe, expect, it } from 'vitest';

import { parseDigest } from '../../src/oci/digest.js';
import { FailedError, InvalidError } from '../../src/oci/errors.js';
import { parseReference } from '../../src/oci/reference.js';
import { sessionProblem, uploadLocation, withDigest } from '../../src/registry/location.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

const post = new URL('https://registry.example.com/v2/app/blobs/uploads/');
const path = parseReference('registry.example.com/app').path;

/** The session URL in the response to a POST. @param url of the response */
function locationOf(location: string | undefined, url = post, remoteAddress?: string): string {
  return uploadLocation(
    { url, remoteAddress, headers: { location } },
    { path, isForeign: false, isOwn: ({ host }) => host === url.host },
  ).href;
}

/** Why a path at the registry is rejected as an upload session of `app`. */
function problemAt(location: string, isForeign = false): string | undefined {
  const origin = { path, isForeign, isOwn: ({ host }: URL) => host === post.host };
  return sessionProblem(new URL(location, post), origin);
}

const digest = parseDigest(`sha256:${'a'.repeat(64)}`);

describe('uploadLocation', () => {
  it.each([
    ['relative', '/v2/app/blobs/uploads/1?s=x', 'https://registry.example.com/v2/app/blobs/uploads/1?s=x'],
    ['relative to the path', '1', 'https://registry.example.com/v2/app/blobs/uploads/1'],
    [
      'relative to the scheme',
      '//registry.example.com/v2/app/blobs/uploads/u',
      'https://registry.example.com/v2/app/blobs/uploads/u',
    ],
    [
      'absolute',
      'https://registry.example.com/v2/app/blobs/uploads/u',
      'https://registry.example.com/v2/app/blobs/uploads/u',
    ],
    [
      'plain HTTP on the same host',
      'http://registry.example.com/v2/app/blobs/uploads/u',
      'https://registry.example.com/v2/app/blobs/uploads/u',
    ],
    [
      'plain HTTP with the port of TLS',
      'http://registry.example.com:443/v2/app/blobs/uploads/u',
      'https://registry.example.com/v2/app/blobs/uploads/u',
    ],
    ['another host', 'https://uploads.example.net/u', 'https://uploads.example.net/u'],
    ['with a fragment', '?a=b#c', 'https://registry.example.com/v2/app/blobs/uploads/?a=b'],
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
    ['http://127.0.0.1:5000', undefined, 'http://127.0.0.1:5000/v2/app/blobs/uploads/u'],
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

describe('an upload session at the registry itself', () => {
  it.each([
    ['distribution, Docker Hub, Quay, Amazon ECR', '/v2/app/blobs/uploads/0f8e?_state=a'],
    ['GitHub', '/v2/app/blobs/upload/0f8e'],
    ['Azure', '/v2/app/blobs/uploads/0f8e?_nouploadcache=false&_state=a'],
    ['Google Artifact Registry', '/artifacts-uploads/namespaces/p/repositories/r/uploads/AJ-x_y=='],
    ['Google Artifact Registry, in a repository of its own', '/v2/app/pkg/blobs/uploads/Gq7'],
    [
      'Artifactory, behind its context path',
      '/artifactory/api/docker/docker-local/v2/app/blobs/uploads/0f8e',
    ],
    ['Nexus, behind its repository path', '/repository/docker-hosted/v2/app/blobs/uploads/0f8e'],
    ['zot, after a mount', '/v2/app/blobs/uploads/?mount=sha256:0&from=b/0f8e'],
    ['a repository named like an endpoint', '/v2/manifests/blobs/uploads/0f8e'],
    ['an escaped identifier', '/v2/app/blobs/uploads/a%3D%3D'],
  ])('is accepted: %s', (_what, location) => {
    expect(problemAt(location)).toBeUndefined();
  });

  it.each([
    ['a manifest', '/v2/app/manifests/latest'],
    ['a manifest of another repository', '/v2/other/manifests/latest'],
    ['a manifest of a repository that is named like a session', '/v2/app/blobs/uploads/x/manifests/latest'],
    ['a manifest at once', '/v2/app/blobs/uploads/manifests/latest'],
    ['the same with an escaped slash', '/v2/app/blobs/uploads/x%2Fmanifests%2Flatest'],
    ['a blob, which DELETE would remove', '/v2/app/blobs/sha256:0'],
    ['a blob of a repository that is named like a session', '/v2/app/blobs/uploads/x/blobs/sha256:0'],
    ['the tags', '/v2/app/tags/list'],
    ['the catalog', '/v2/_catalog'],
    ['the API itself', '/v2/'],
    ['a manifest behind a context path', '/artifactory/api/docker/r/v2/app/manifests/latest'],
    ['another program', '/admin'],
    ['the root', '/'],
  ])('is rejected: %s', (_what, location) => {
    expect(problemAt(location)).toMatch(/^its path \/\S* is not that of an upload session$/);
  });

  it.each([
    ['dots with an escaped slash', '/v2/app/blobs/uploads/..%2F..%2Fx'],
    ['dots of a servlet', '/v2/app/blobs/uploads/..;/..;/..;/x'],
    ['the same outside the API', '/uploads/..;/admin'],
    ['an escaped backslash', '/v2/app/blobs/uploads/..%5C..%5Cx'],
    ['escapes of escapes', '/v2/app/blobs/uploads/%252e%252e%252fx'],
    ['escapes that are not UTF-8', '/v2/app/blobs/uploads/%FF'],
  ])('is rejected if servers read its path in two ways: %s', (_what, location) => {
    expect(problemAt(location)).toBe('its path can be read in two ways');
  });

  it('is read after the URL is resolved', () => {
    expect(problemAt('/v2/app/blobs/uploads/x/../../../manifests/latest')).toBeDefined();
    expect(problemAt('/v2/app/blobs/uploads/%2e%2e/%2e%2e/manifests/latest')).toBeDefined();
  });

  it.each([
    ['/v2/app/blobs/uploads/0f8e', undefined],
    ['/v2/app/blobs/upload/0f8e', undefined],
    ['/v2/other/blobs/uploads/0f8e', /is not that of an upload to app$/],
    ['/v2/app/pkg/blobs/uploads/0f8e', /is not that of an upload to app$/],
    ['/artifacts-uploads/x', /is not that of an upload to app$/],
    ['/context/v2/app/blobs/uploads/0f8e', /is not that of an upload to app$/],
    ['/v2/app/manifests/latest', /is not that of an upload to app$/],
  ])('that another server names must be of the repository: %s', (location, problem) => {
    const expected = problem === undefined ? undefined : expect.stringMatching(problem);
    expect(problemAt(location, true)).toEqual(expected);
  });

  it.each(['https://storage.example.net/admin', 'https://registry.example.com:8443/admin'])(
    'is not what another host has: %s',
    (location) => {
      expect(problemAt(location)).toBeUndefined();
      expect(problemAt(location, true)).toBeUndefined();
    },
  );
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
