import { describe, expect, it } from 'vitest';

import { parseDigest, type Digest } from '../../src/oci/digest.js';
import { ArgumentError } from '../../src/oci/errors.js';
import { parseReference, type RepositoryPath, type Tag } from '../../src/oci/reference.js';
import { blobUrl, manifestUrl, mountUrl, uploadsUrl } from '../../src/registry/endpoints.js';

const digest = parseDigest(`sha256:${'a'.repeat(64)}`);

describe('endpoints', () => {
  it('are those of the specification', () => {
    const repository = parseReference('registry.example.com:5000/team/app');
    const base = 'https://registry.example.com:5000/v2/team/app';
    expect(manifestUrl(repository, '1.2' as Tag).href).toBe(`${base}/manifests/1.2`);
    expect(manifestUrl(repository, digest).href).toBe(`${base}/manifests/${digest}`);
    expect(blobUrl(repository, digest).href).toBe(`${base}/blobs/${digest}`);
    expect(uploadsUrl(repository).href).toBe(`${base}/blobs/uploads/`);
    const mount = mountUrl(repository, digest, parseReference('registry.example.com:5000/other/app').path);
    expect(mount.href).toBe(`${base}/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=other%2Fapp`);
  });

  it.each([
    ['app', 'https://registry-1.docker.io/v2/library/app/manifests/1'],
    ['localhost:5000/app', 'https://localhost:5000/v2/app/manifests/1'],
    ['[::1]:5000/app', 'https://[::1]:5000/v2/app/manifests/1'],
  ])('of %s', (reference, url) => {
    expect(manifestUrl(parseReference(reference), '1' as Tag).href).toBe(url);
  });

  // As from a bug, or a JavaScript caller.
  it.each(['../../other/manifests/1', '%2e%2e/x', '1?x=y', '1#x', 'a b', '..\\x'])(
    'refuse the selector %j, which would lead elsewhere (CVE-2024-3727)',
    (selector) => {
      const repository = parseReference('registry.example.com/app');
      expect(() => manifestUrl(repository, selector as Tag)).toThrow(ArgumentError);
      expect(() => blobUrl(repository, selector as Digest)).toThrow(ArgumentError);
    },
  );

  it('reject a repository that would lead to another', () => {
    const { registry } = parseReference('registry.example.com/app');
    expect(() => uploadsUrl({ registry, path: 'app/../other' as RepositoryPath })).toThrow(ArgumentError);
  });
});
