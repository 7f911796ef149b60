import { describe, expect, it } from 'vitest';

import { annotateEntry } from '../../src/drafts/annotate.js';
import { createDraft } from '../../src/drafts/edits.js';
import { findEntries, findEntry } from '../../src/drafts/selection.js';
import { ArgumentError, NotFoundError } from '../../src/oci/errors.js';
import { at, attestation, digest, draftOf, image, labels } from '../support/drafts.js';

const draft = draftOf({
  'app:all': [image('amd64', 'linux/amd64'), image('arm64', 'linux/arm64/v8'), attestation('amd64')],
  'app:v7': [image('v7', 'linux/arm/v7'), attestation('v7')],
  'oci:/srv/out:win': [image('win', 'windows(10.0.17763.1)/amd64')],
  'app:win': [image('win2', 'windows(10.0.20348.1)/amd64')],
  'linux/s390x': [image('named', 'linux/riscv64')],
  'app:z': [image('z', 'linux/s390x')],
});

describe('findEntries', () => {
  it.each([
    ['a source', 'app:v7', ['v7', 'about v7']],
    ['a source in full', 'docker.io/library/app:v7', ['v7', 'about v7']],
    ['a source with its transport', 'docker://index.docker.io/app:v7', ['v7', 'about v7']],
    ['a layout', 'oci:/srv/out:win', ['win']],
    ['a digest', digest('arm64'), ['arm64']],
    ['a platform', 'linux/amd64', ['amd64']],
    ['a platform by another spelling', 'linux/aarch64', ['arm64']],
    ['a platform with its default variant', 'linux/arm', ['v7']],
    ['a platform of several versions', 'windows/amd64', ['win', 'win2']],
    ['a platform of one version', 'windows(10.0.20348.1)/amd64', ['win2']],
    ['an architecture alone', 'arm64', ['arm64']],
    ['a source that could be a platform', 'linux/s390x', ['named']],
    ['attestations', 'unknown/unknown', ['about amd64', 'about v7']],
  ])('by %s', (_, selector, expected) => {
    expect(labels({ entries: findEntries(draft, selector) })).toEqual(expected);
  });

  it('uses the platform that annotate set', () => {
    const changed = annotateEntry(draft, 'app:z', { architecture: 'ppc64le' });
    expect(labels({ entries: findEntries(changed, 'linux/ppc64le') })).toEqual(['z']);
    expect(() => findEntries(changed, 's390x')).toThrow(NotFoundError);
  });

  it.each(['app:none', 'linux/386', digest('none'), 'oci:/srv/out'])(
    'reports that %s does not exist',
    (selector) => {
      expect(() => findEntries(draft, selector)).toThrow(
        expect.objectContaining({
          name: 'NotFoundError',
          message: `manifest for image ${selector} does not exist in example.com/app:1`,
        }),
      );
    },
  );

  it('lists the sources', () => {
    const small = draftOf({ 'app:a': [image('a')], 'app:b': [image('b')] });
    expect(() => findEntries(small, 'app:c')).toThrow(
      expect.objectContaining({ hint: 'It has docker.io/library/app:a, docker.io/library/app:b.' }),
    );
    expect(() => findEntries(createDraft(at('app:1')), 'app:c')).toThrow(
      expect.objectContaining({ hint: 'The draft has no entries yet.' }),
    );
  });

  it.each(['', 'App:1', 'app:', 'sha256:abc@'])('rejects %j, which is not a name', (selector) => {
    expect(() => findEntries(draft, selector)).toThrow(ArgumentError);
  });
});

describe('findEntry', () => {
  it('selects the image of a source, not its attestation', () => {
    expect(findEntry(draft, 'app:v7').descriptor.digest).toBe(digest('v7'));
  });

  it('selects an attestation by its digest', () => {
    expect(findEntry(draft, digest('about v7')).descriptor.digest).toBe(digest('about v7'));
  });

  it('lists the matching entries', () => {
    expect(() => findEntry(draft, 'app:all')).toThrow(
      expect.objectContaining({
        name: 'ArgumentError',
        message: `app:all matches 2 entries of example.com/app:1:\n  linux/amd64 ${digest('amd64')}\n  linux/arm64/v8 ${digest('arm64')}`,
      }),
    );
    expect(() => findEntry(draft, 'windows/amd64')).toThrow(
      /\n {2}windows\(10\.0\.17763\.1\)\/amd64 sha256:/,
    );
  });
});
