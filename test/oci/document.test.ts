import { describe, expect, it } from 'vitest';

import { childrenOf, documentDescriptor, type ManifestOrIndex } from '../../src/oci/document.js';
import { digestOf } from '../../src/oci/digest.js';
import {
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../src/oci/media-type.js';
import { parseDocument } from '../../src/oci/parse.js';

const at = (
  name: string,
  mediaType = 'application/x',
): { mediaType: string; digest: string; size: number } => ({
  mediaType,
  digest: digestOf(Buffer.from(name)),
  size: name.length,
});
const parse = (value: object): ManifestOrIndex =>
  parseDocument(Buffer.from(JSON.stringify({ schemaVersion: 2, ...value })));

describe('documentDescriptor', () => {
  it('is media type, digest and size of the bytes', () => {
    const document = parse({ mediaType: OCI_INDEX, manifests: [], annotations: { ü: 'ü' } });
    expect(documentDescriptor(document)).toEqual({
      mediaType: OCI_INDEX,
      digest: document.digest,
      size: document.bytes.length,
    });
  });

  it.each([
    [
      'its own type',
      { artifactType: 'application/a', config: at('c', OCI_EMPTY) },
      OCI_MANIFEST,
      'application/a',
    ],
    [
      "its config's type",
      { config: at('c', 'application/vnd.cncf.helm.config.v1+json') },
      OCI_MANIFEST,
      'application/vnd.cncf.helm.config.v1+json',
    ],
    ['none: an image', { config: at('c', OCI_CONFIG) }, OCI_MANIFEST, undefined],
    ['none: an image of Docker within OCI', { config: at('c', DOCKER_CONFIG) }, OCI_MANIFEST, undefined],
    ['none: an old image', { config: at('c', 'application/octet-stream') }, OCI_MANIFEST, undefined],
    ['none: nothing known', { config: at('c', OCI_EMPTY) }, OCI_MANIFEST, undefined],
    ['none: Docker knows no artifacts', { config: at('c', 'application/y') }, DOCKER_MANIFEST, undefined],
  ])('gives an artifact type for %s', (_name, members, mediaType, artifactType) => {
    expect(documentDescriptor(parse({ mediaType, layers: [], ...members })).artifactType).toBe(artifactType);
  });

  it('gives the artifact type of an index', () => {
    const document = parse({ mediaType: OCI_INDEX, manifests: [], artifactType: 'application/a' });
    expect(documentDescriptor(document).artifactType).toBe('application/a');
  });
});

describe('childrenOf', () => {
  it('are the entries of an index, in order and with duplicates, without the subject', () => {
    const manifests = [at('b'), at('a'), at('b')];
    expect(childrenOf(parse({ mediaType: OCI_INDEX, manifests, subject: at('s') }))).toEqual(manifests);
  });

  it('are the config and all layers of a manifest, including non-distributable ones', () => {
    const foreign = at('f', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip');
    const value = { mediaType: OCI_MANIFEST, config: at('c'), layers: [at('l'), foreign], subject: at('s') };
    expect(childrenOf(parse(value))).toEqual([at('c'), at('l'), foreign]);
  });
});
