import { describe, expect, it } from 'vitest';

import { manifestWarnings } from '../../src/oci/manifest-warnings.js';
import {
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_MANIFEST,
} from '../../src/oci/media-type.js';

const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip';

const found = (mediaType: string | undefined, config: string, ...layers: string[]): string[] =>
  manifestWarnings({
    mediaType,
    config: { mediaType: config },
    layers: layers.map((layer) => ({ mediaType: layer })),
  }).map(({ pointer, rule }) => `${pointer} ${rule}`);

describe('manifestWarnings', () => {
  it.each([
    ['OCI', OCI_MANIFEST, OCI_CONFIG, OCI_LAYER],
    ['Docker', DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER],
    ['OCI without its type', undefined, OCI_CONFIG, OCI_LAYER],
    ['layers of a type of their own', OCI_MANIFEST, OCI_CONFIG, 'application/vnd.example.layer'],
  ])('are none for an image of one family: %s', (_, manifest, config, layer) => {
    expect(found(manifest, config, layer)).toEqual([]);
  });

  it.each([
    ['OCI layers', DOCKER_MANIFEST, DOCKER_CONFIG, OCI_LAYER, '/layers/0/mediaType'],
    ['an OCI config', DOCKER_MANIFEST, OCI_CONFIG, DOCKER_LAYER, '/config/mediaType'],
    ['Docker layers', OCI_MANIFEST, OCI_CONFIG, DOCKER_LAYER, '/layers/0/mediaType'],
    ['a Docker config', OCI_MANIFEST, DOCKER_CONFIG, OCI_LAYER, '/config/mediaType'],
    ['Docker layers, without its type', undefined, OCI_CONFIG, DOCKER_LAYER, '/layers/0/mediaType'],
  ])('name what is of the other family: %s', (_, manifest, config, layer, pointer) => {
    expect(found(manifest, config, layer)).toEqual([`${pointer} media-type/mixed`]);
  });

  it('allow any layers in an artifact, which needs a type', () => {
    const artifact = {
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_EMPTY },
      layers: [{ mediaType: DOCKER_LAYER }],
    };
    expect(manifestWarnings({ ...artifact, artifactType: 'application/x-sbom' })).toEqual([]);
    expect(manifestWarnings(artifact).map(({ rule }) => rule)).toEqual(['artifact-type/missing']);
  });

  it.each([[[]], [null]])('name an image without layers: %j', (layers) => {
    const problems = manifestWarnings({ mediaType: OCI_MANIFEST, config: { mediaType: OCI_CONFIG }, layers });
    expect(problems.map(({ rule }) => rule)).toEqual(['layers/empty']);
  });
});
