import { describe, expect, it } from 'vitest';

import { detectKind } from '../../src/oci/document-kind.js';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.js';

describe('detectKind', () => {
  it.each([
    [{ mediaType: OCI_INDEX }, 'image-index'],
    [{ mediaType: DOCKER_LIST, manifests: [] }, 'docker-manifest-list'],
    [{ mediaType: OCI_MANIFEST }, 'image-manifest'],
    [{ mediaType: DOCKER_MANIFEST }, 'image-manifest'],
    [{ manifests: null }, 'image-index'],
    [{ config: {}, layers: [] }, 'image-manifest'],
    [{ mediaType: OCI_INDEX, digest: 'sha256:0', size: 1 }, 'descriptor'],
    [{ imageLayoutVersion: '1.0.0' }, 'oci-layout'],
    [{ version: 1, target: 'app', entries: [] }, 'draft'],
    [{ target: 'app', images: [] }, 'assembly'],
    [{ architecture: 'amd64', os: 'linux' }, 'image-config'],
    [{ rootfs: {}, config: {}, history: [] }, 'image-config'],
    [{ mediaType: 'application/vnd.oci.artifact.manifest.v1+json', blobs: [] }, undefined],
    [{ schemaVersion: 1, fsLayers: [] }, undefined],
    [{}, undefined],
    [[], undefined],
    [null, undefined],
    ['text', undefined],
  ])('%j is %s', (value, kind) => {
    expect(detectKind(value)).toBe(kind);
  });
});
