import { describe, expect, it } from 'vitest';

import { annotateEntry } from '../../src/drafts/annotate.js';
import { draftDocument, draftIndex, isKept } from '../../src/drafts/draft-index.js';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX } from '../../src/oci/media-type.js';
import { attestation, draftOf, image } from '../support/drafts.js';

const oci = image('oci', 'linux/amd64');
const docker = image('docker', 'linux/arm64', { mediaType: DOCKER_MANIFEST });
const artifact = image('artifact', undefined, { mediaType: 'application/vnd.oci.artifact.manifest.v1+json' });

describe('draftDocument', () => {
  it('is made once for each draft, however often it is needed', () => {
    const draft = draftOf({ 'app:a': [oci] });
    const document = draftDocument(draft);
    expect(isKept(draft)).toBe(false);
    expect(draftDocument(draft)).toBe(document);
    expect(draftDocument({ ...draft })).toEqual(document);
  });
});

describe('draftIndex', () => {
  it.each([
    ['auto', 'an OCI image first', [oci, docker], OCI_INDEX],
    ['auto', 'a Docker image first', [docker, oci], DOCKER_LIST],
    ['auto', 'something else of OCI first', [artifact, docker], OCI_INDEX],
    ['auto', 'nothing', [], OCI_INDEX],
    ['oci', 'a Docker image first', [docker], OCI_INDEX],
    ['docker', 'an OCI image first', [oci], DOCKER_LIST],
    ['docker', 'nothing', [], DOCKER_LIST],
  ] as const)('of format %s with %s', (format, _, entries, mediaType) => {
    const index = draftIndex(draftOf({ 'app:a': entries }, { format }));
    expect(index).toEqual({
      schemaVersion: 2,
      mediaType,
      manifests: entries.map(({ descriptor }) => descriptor),
    });
  });

  it('of format auto is OCI in an image layout, where skopeo expects it', () => {
    const draft = { ...draftOf({ 'app:a': [docker] }, { format: 'auto' }), target: 'oci:/images:1.2' };
    expect(draftIndex(draft).mediaType).toBe(OCI_INDEX);
    expect(draftIndex({ ...draft, format: 'docker' }).mediaType).toBe(DOCKER_LIST);
  });

  it('has the fields of the draft and the changes of annotate', () => {
    const about = { artifactType: 'application/x-a', subject: oci.descriptor, annotations: { a: 'b' } };
    const draft = annotateEntry(draftOf({ 'app:a': [docker, oci] }, { format: 'oci', ...about }), 'arm64', {
      variant: 'v9',
      annotations: { c: 'd' },
    });
    expect(draftIndex(draft)).toEqual({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      ...about,
      manifests: [
        {
          ...docker.descriptor,
          platform: { os: 'linux', architecture: 'arm64', variant: 'v9' },
          annotations: { c: 'd' },
        },
        oci.descriptor,
      ],
    });
  });

  it('keeps annotations from a source index', () => {
    const provenance = attestation('docker');
    const index = draftIndex(draftOf({ 'app:a': [docker, provenance] }));
    expect(index.manifests[1]).toEqual(provenance.descriptor);
    expect(index.mediaType).toBe(DOCKER_LIST);
  });
});
