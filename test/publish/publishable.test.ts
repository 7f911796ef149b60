import { describe, expect, it } from 'vitest';

import type { Draft } from '../../src/drafts/draft.js';
import { findEntry } from '../../src/drafts/selection.js';
import { InvalidError } from '../../src/oci/errors.js';
import { publishableIndex } from '../../src/publish/publishable.js';
import { attestation, digest, draftOf, image } from '../support/drafts.js';

function errorOf(draft: Draft, options?: Parameters<typeof publishableIndex>[1]): InvalidError {
  try {
    publishableIndex(draft, options);
  } catch (error) {
    if (error instanceof InvalidError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('publishableIndex', () => {
  it('builds the index of a valid draft, with its attestations', () => {
    const draft = draftOf({
      'example.com/app:amd64': [image('amd64', 'linux/amd64'), attestation('amd64')],
      'example.com/app:arm64': [image('arm64', 'linux/arm64')],
    });

    const { kind, value } = publishableIndex(draft);

    expect(kind).toBe('index');
    const names = ['amd64', 'about amd64', 'arm64'];
    expect(value.manifests.map((entry) => entry.digest)).toEqual(names.map((name) => digest(name)));
  });

  it('builds equal bytes from equal drafts, whatever the order of annotations', () => {
    const sources = { 'example.com/app:amd64': [image('amd64', 'linux/amd64')] };

    const one = publishableIndex(draftOf(sources, { annotations: { b: '2', a: '1' } }));
    const other = publishableIndex(draftOf(sources, { annotations: { a: '1', b: '2' } }));

    expect(Buffer.from(one.bytes).equals(other.bytes)).toBe(true);
    expect(one.digest).toBe(other.digest);
  });

  it('lists every image without a platform, with a hint', () => {
    const error = errorOf(
      draftOf({
        'example.com/app:a': [image('a')],
        'example.com/app:b': [image('b', 'linux/amd64')],
        'example.com/app:c': [image('c')],
      }),
    );

    expect(error.message).toBe(
      'manifest example.com/app:a must have an OS and Architecture to be pushed to a registry\n' +
        'manifest example.com/app:c must have an OS and Architecture to be pushed to a registry',
    );
    expect(error.hint).toContain('multiarch annotate example.com/app:1 IMAGE ');
  });

  it.each([
    ['its source', { 'example.com/app:a': [image('a')] }, 'example.com/app:a'],
    [
      'its source, whose other entry is the attestation',
      { 'example.com/app:a': [image('a'), attestation('a')] },
      'example.com/app:a',
    ],
    [
      'its digest, if its source has several',
      { 'example.com/app:a': [image('a'), image('b', 'linux/amd64')] },
      digest('a'),
    ],
  ])('names the only image without a platform by %s', (_, sources, name) => {
    const draft = draftOf(sources);
    const { hint } = errorOf(draft);
    expect(hint).toBe(`Set it with \`multiarch annotate ${draft.target} ${name} --os linux --arch ARCH\`.`);
    expect(draft.entries).toContain(findEntry(draft, name));
  });

  it('lists problems of all kinds', () => {
    const error = errorOf(
      draftOf({ 'example.com/app:a': [image('a')] }, { format: 'docker', annotations: { a: 'b' } }),
    );
    expect(error.message.split('\n')).toEqual([
      expect.stringContaining('must have an OS and Architecture'),
      'example.com/app:1 is a Docker manifest list and cannot have annotations',
    ]);
  });

  it.each([
    [{}, 'Make it an OCI index with `multiarch create example.com/app:1 --amend --format oci`'],
    [{ isSaved: false }, 'Use --format oci, or leave out the annotations.'],
  ])('says what to do about annotations of a Docker list: %j', (options, hint) => {
    const sources = { 'example.com/app:a': [image('a', 'linux/amd64')] };
    const error = errorOf(draftOf(sources, { format: 'docker', annotations: { a: 'b' } }), options);
    expect(error.hint?.startsWith(hint)).toBe(true);
  });

  it('names no draft if none is saved', () => {
    const two = { 'example.com/app:a': [image('a', 'linux/amd64'), image('b', 'linux/amd64')] };
    for (const draft of [draftOf({ 'example.com/app:a': [image('a')] }), draftOf(two)]) {
      const { hint } = errorOf(draft, { isSaved: false });
      expect(hint).toContain('in an assembly file (-f)');
      expect(hint).not.toContain(draft.target);
    }
  });

  describe('with two images for one platform', () => {
    const draft = draftOf({
      'example.com/app:a': [image('a', 'linux/arm64')],
      'example.com/app:b': [image('b', 'linux/arm64/v8')],
    });

    it('rejects both, with a hint', () => {
      const error = errorOf(draft);
      expect(error.message).toContain('example.com/app:a, example.com/app:b');
      expect(error.hint).toMatch(/annotate \S+ IMAGE --arch ARCH.*--allow-duplicate-platforms/);
    });

    it('accepts them if duplicates are allowed', () => {
      expect(publishableIndex(draft, { allowDuplicatePlatforms: true }).value.manifests).toHaveLength(2);
    });
  });

  it('rejects a missing platform even if duplicates are allowed', () => {
    const draft = draftOf({ 'example.com/app:a': [image('a')] });
    expect(errorOf(draft, { allowDuplicatePlatforms: true }).message).toContain('must have an OS');
  });

  it('rejects an index without entries', () => {
    expect(errorOf(draftOf({})).problems).toMatchObject([{ rule: 'index/empty' }]);
  });
});
