import { describe, expect, it } from 'vitest';

import { annotateEntry } from '../../src/drafts/annotate.js';
import { blocksPush, draftProblems } from '../../src/drafts/draft-problems.js';
import type { Draft } from '../../src/drafts/draft.js';
import { DOCKER_MANIFEST, OCI_INDEX } from '../../src/oci/media-type.js';
import { attestation, digest, draftOf, image } from '../support/drafts.js';

const messages = (draft: Draft): string[] => draftProblems(draft).map(({ message }) => message);

describe('draftProblems', () => {
  it('finds nothing in a draft that can be pushed', () => {
    const draft = draftOf({
      'app:all': [
        image('amd64', 'linux/amd64'),
        image('arm64', 'linux/arm64'),
        attestation('amd64'),
        attestation('arm64'),
      ],
      'app:arm': [image('v6', 'linux/arm/v6'), image('v7', 'linux/arm/v7')],
      'app:win': [image('w1', 'windows(10.0.17763.1)/amd64'), image('w2', 'windows(10.0.20348.1)/amd64')],
    });
    expect(draftProblems(draft)).toEqual([]);
  });

  it.each([
    ['no platform', image('a')],
    ['no os', image('a', undefined, { platform: { os: '', architecture: 'amd64' } })],
    ['no architecture', image('a', undefined, { platform: { os: 'linux', architecture: '' } })],
  ])('says of %s what docker says', (_, entry) => {
    const draft = draftOf({ 'app:a': [entry], 'app:b': [image('b', 'linux/amd64')] });
    expect(draftProblems(draft)).toEqual([
      {
        kind: 'platform-missing',
        message:
          'manifest docker.io/library/app:a must have an OS and Architecture to be pushed to a registry',
        entries: [draft.entries[0]],
      },
    ]);
  });

  it('names the image of a source without a platform', () => {
    expect(messages(draftOf({ 'app:a': [image('b', 'linux/amd64'), image('a')] }))).toEqual([
      `manifest docker.io/library/app:a@${digest('a')} must have an OS and Architecture to be pushed to a registry`,
    ]);
    const byDigest = `example.com/app@${digest('a')}`;
    expect(messages(draftOf({ [byDigest]: [image('a'), attestation('a')] }))[0]).toContain(
      `manifest ${byDigest} must`,
    );
  });

  it('uses the changes of annotate', () => {
    const draft = draftOf({ 'app:a': [image('a')], 'app:b': [image('b', 'linux/arm64')] });
    expect(draftProblems(annotateEntry(draft, 'app:a', { os: 'linux', architecture: 'amd64' }))).toEqual([]);
    const same = annotateEntry(draft, 'app:a', { os: 'linux', architecture: 'arm64' });
    expect(draftProblems(same).map(({ kind }) => kind)).toEqual(['platform-duplicate']);
  });

  it.each([
    ['linux', 'aarch64', undefined, 'platform-unknown', 'probably linux/arm64 is meant'],
    ['linux ', 'amd64', undefined, 'platform-unknown', 'probably linux/amd64 is meant'],
    ['linux', 'amd46', undefined, 'platform-unknown', 'not a known operating system and architecture'],
    ['linux', 'arm64', 'v7', 'platform-variant', 'is "v7", which is not a variant of arm64'],
  ])('names the platform %s|%s|%s, which no client finds', (os, architecture, variant, kind, message) => {
    const platform = { os, architecture, ...(variant !== undefined && { variant }) };
    const draft = draftOf({ 'app:a': [image('a', undefined, { platform })] });
    expect(draftProblems(draft)).toEqual([
      { kind, message: expect.stringContaining(message) as unknown, entries: [draft.entries[0]] },
    ]);
    expect(draftProblems(draft).map(blocksPush)).toEqual([kind === 'platform-variant']);
  });

  it('reports the variant that is dropped with its architecture', () => {
    const draft = annotateEntry(draftOf({ 'app:a': [image('a', 'linux/arm64/v8')] }), 'app:a', {
      architecture: 'amd64',
    });
    expect(draftProblems(draft)).toEqual([
      {
        kind: 'variant-dropped',
        message: 'docker.io/library/app:a: its variant v8 belongs to linux/arm64/v8 and is dropped',
        entries: draft.entries,
      },
    ]);
    expect(draftProblems(draft).map(blocksPush)).toEqual([false]);
  });

  it('names all images for one platform, however it is spelt', () => {
    const draft = draftOf({
      'app:a': [image('a', 'linux/arm64')],
      'app:b': [image('b', 'linux/amd64')],
      'app:c': [image('c', 'linux/arm64/v8')],
      'app:d': [image('a', 'linux/arm64')],
    });
    expect(draftProblems(draft)).toEqual([
      {
        kind: 'platform-duplicate',
        message:
          'duplicate platform linux/arm64 (clients may pick either): docker.io/library/app:a, docker.io/library/app:c, docker.io/library/app:d',
        entries: [draft.entries[0], draft.entries[2], draft.entries[3]],
      },
    ]);
  });

  it('warns of images that only annotations tell apart by which no known client selects', () => {
    const flavor = (label: string) =>
      image(label, 'linux/amd64', { annotations: { 'com.example.flavor': label } });
    const draft = draftOf({ 'app:a': [flavor('a')], 'app:b': [flavor('b')] });
    const message =
      'only annotations, which most clients ignore, tell the images for linux/amd64 apart: docker.io/library/app:a, docker.io/library/app:b';
    expect(draftProblems(draft)).toEqual([{ kind: 'platform-shared', message, entries: draft.entries }]);
    expect(draftProblems(draft).map(blocksPush)).toEqual([false]);
    const same = draftOf({ 'app:a': [flavor('a')], 'app:b': [flavor('a')] });
    expect(draftProblems(same).map(({ kind }) => kind)).toEqual(['platform-duplicate']);
  });

  it.each([
    ['attestations', [attestation('a'), attestation('b')]],
    ['attestations without a platform', [image('s', undefined, attestation('a').descriptor)]],
    ['unknown platforms', [image('x', 'unknown/unknown'), image('y', 'unknown/unknown')]],
    ['nested indexes', [image('n', undefined, { mediaType: OCI_INDEX })]],
    [
      'images that an annotation tells apart',
      [
        image('a', 'linux/amd64'),
        image('z', 'linux/amd64', { annotations: { 'io.github.containers.compression.zstd': 'true' } }),
      ],
    ],
    ['artifacts', [image('n', undefined, { artifactType: 'application/x-sbom' })]],
  ])('lets %s pass', (_, entries) => {
    expect(draftProblems(draftOf({ 'app:a': entries }))).toEqual([]);
  });
});

describe('draftProblems of a Docker manifest list', () => {
  const docker = image('docker', 'linux/arm64', { mediaType: DOCKER_MANIFEST });
  const subject = image('subject').descriptor;

  it.each([
    [
      { annotations: { a: 'b' } },
      'annotations',
      ', or remove the annotations with `multiarch annotate T --unset KEY`.',
    ],
    [{ artifactType: 'application/x-a' }, 'an artifact type', '.'],
    [{ subject }, 'a subject', '.'],
    [{ subject, annotations: { a: 'b' } }, 'annotations, a subject', '.'],
  ])('reports %o, and what to do', (about, what, alternative) => {
    const target = 'example.com/app:1';
    const hint = `Make it an OCI index with \`multiarch create ${target} --amend --format oci\``;
    const reason = ' (its first image is not an OCI image)';
    expect(draftProblems(draftOf({ 'app:a': [docker] }, about))).toEqual([
      {
        kind: 'format',
        message: `${target} is a Docker manifest list${reason} and cannot have ${what}. ${hint}${alternative.replace('T', target)}`,
        entries: [],
      },
    ]);
    const [asked] = messages(draftOf({}, { format: 'docker', ...about }));
    expect(asked).toMatch(`${target} is a Docker manifest list and cannot have ${what}. ${hint}`);
  });

  it('reports annotations of entries that the user set, but none from a source index', () => {
    const draft = draftOf({ 'app:a': [docker, attestation('docker')] });
    expect(messages(draft)).toEqual([]);
    const changed = annotateEntry(draft, 'linux/arm64', { annotations: { a: 'b' } });
    expect(messages(changed)).toEqual([
      expect.stringMatching(
        /annotations of entries\. .*`multiarch annotate example.com\/app:1 IMAGE --unset KEY`\.$/,
      ),
    ]);
    expect(messages({ ...changed, format: 'oci' })).toEqual([]);
  });

  it('reports an index that is larger than registries accept', () => {
    const draft = draftOf(
      { 'app:a': [image('a', 'linux/amd64')] },
      { annotations: { a: 'x'.repeat(4 << 20) } },
    );
    expect(draftProblems(draft)).toMatchObject([{ kind: 'size', entries: [] }]);
    expect(draftProblems({ ...draft, target: 'oci:/layout:1' })).toEqual([]);
  });
});
