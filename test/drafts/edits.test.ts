import { describe, expect, it } from 'vitest';

import { annotateEntry } from '../../src/drafts/annotate.js';
import type { Draft } from '../../src/drafts/draft.js';
import { draftIndex } from '../../src/drafts/draft-index.js';
import { entryDescriptor } from '../../src/drafts/entry.js';
import {
  addEntries,
  amendSource,
  createDraft,
  removeEntries,
  type NewEntry,
} from '../../src/drafts/edits.js';
import { NotFoundError } from '../../src/oci/errors.js';
import { parsePlatform } from '../../src/oci/platform.js';
import { createIndexDocument } from '../../src/oci/serialise.js';
import { at, attestation, digest, draftOf, entryOf, image, labels } from '../support/drafts.js';

const amd64 = image('amd64', 'linux/amd64');
const arm64 = image('arm64', 'linux/arm64');
const armV7 = image('armv7', 'linux/arm/v7');

const overrides = (draft: Draft): unknown[] => draft.entries.map(({ override }) => override?.platform);

describe('createDraft', () => {
  it('has the full target and no absent fields', () => {
    expect(createDraft(at('app:1.2'))).toEqual({
      version: 1,
      target: 'docker.io/library/app:1.2',
      format: 'auto',
      entries: [],
    });
  });

  it('has the fields of the index', () => {
    const options = {
      format: 'oci',
      artifactType: 'application/x-thing',
      subject: amd64.descriptor,
      annotations: { a: 'b' },
    } as const;
    expect(createDraft(at('app:1.2'), options)).toMatchObject(options);
  });

  it('omits empty annotations', () => {
    expect(createDraft(at('app:1.2'), { annotations: {} })).not.toHaveProperty('annotations');
  });
});

describe('addEntries', () => {
  it('appends in the given order, with the full source', () => {
    const draft = addEntries(draftOf({ 'app:arm64': [arm64] }), at('app:rest'), [armV7, amd64]);
    expect(labels(draft)).toEqual(['arm64', 'armv7', 'amd64']);
    expect(draft.entries.map(({ source }) => source)).toEqual([
      'docker.io/library/app:arm64',
      'docker.io/library/app:rest',
      'docker.io/library/app:rest',
    ]);
  });

  it('accepts an entry without a manifest', () => {
    const { entries } = addEntries(draftOf({}), at('app:1'), [{ descriptor: amd64.descriptor }]);
    expect(entries).toEqual([{ source: 'docker.io/library/app:1', descriptor: amd64.descriptor }]);
  });

  it('does not change its argument', () => {
    const draft = draftOf({});
    addEntries(draft, at('app:1'), [amd64]);
    expect(draft.entries).toEqual([]);
  });
});

describe('amendSource', () => {
  it('appends a new source', () => {
    expect(labels(amendSource(draftOf({ 'app:a': [amd64] }), at('app:b'), [arm64]))).toEqual([
      'amd64',
      'arm64',
    ]);
  });

  it('refreshes a source in place, however it is written', () => {
    const draft = draftOf({ 'app:a': [amd64], 'app:b': [arm64] });
    const amended = amendSource(draft, at('docker.io/library/app:a'), [image('newer', 'linux/amd64')]);
    expect(labels(amended)).toEqual(['newer', 'arm64']);
  });

  it('refreshes a source of several entries at the position of the first', () => {
    const draft = addEntries(
      draftOf({ 'app:a': [armV7], 'app:many': [amd64], 'app:b': [image('s390x', 'linux/s390x')] }),
      at('app:many'),
      [arm64],
    );
    const amended = amendSource(draft, at('app:many'), [
      image('x', 'linux/386'),
      image('y', 'linux/riscv64'),
    ]);
    expect(labels(amended)).toEqual(['armv7', 'x', 'y', 's390x']);
  });

  it('drops entries that the source no longer has', () => {
    const draft = draftOf({ 'app:many': [amd64, arm64, attestation('arm64')] });
    expect(labels(amendSource(draft, at('app:many'), [amd64]))).toEqual(['amd64']);
  });

  describe('what annotate changed', () => {
    const v8 = { variant: 'v8' };

    it('stays with the only image of a source, whatever it is now', () => {
      const draft = annotateEntry(draftOf({ 'app:a': [arm64] }), 'app:a', v8);
      expect(overrides(amendSource(draft, at('app:a'), [image('other', 'linux/s390x')]))).toEqual([v8]);
    });

    it('stays with the only image of a source that now has an attestation too', () => {
      const draft = annotateEntry(draftOf({ 'app:a': [arm64] }), 'app:a', v8);
      const amended = amendSource(draft, at('app:a'), [attestation('new'), image('new', 'linux/s390x')]);
      expect(overrides(amended)).toEqual([undefined, v8]);
    });

    it('follows the digest in a source of several images', () => {
      const draft = annotateEntry(draftOf({ 'app:many': [amd64, arm64] }), digest('arm64'), v8);
      const moved = {
        ...arm64,
        descriptor: { ...arm64.descriptor, platform: { os: 'linux', architecture: 'arm' } },
      };
      expect(overrides(amendSource(draft, at('app:many'), [moved, amd64]))).toEqual([v8, undefined]);
    });

    it('else follows the platform of the source, not the changed one', () => {
      const draft = annotateEntry(draftOf({ 'app:many': [amd64, arm64] }), digest('amd64'), {
        os: 'linux',
        architecture: 'riscv64',
      });
      const amended = amendSource(draft, at('app:many'), [
        image('new riscv64', 'linux/riscv64'),
        image('new amd64', 'linux/amd64'),
      ]);
      expect(overrides(amended)).toEqual([undefined, { os: 'linux', architecture: 'riscv64' }]);
    });

    describe('of images for one platform', () => {
      const zstd = { 'io.github.containers.compression.zstd': 'true' };
      const compressed = (label: string): NewEntry => {
        const { descriptor, ...rest } = image(label, 'linux/amd64');
        return { ...rest, descriptor: { ...descriptor, annotations: zstd } };
      };
      const notes = (draft: Draft): unknown[] =>
        draft.entries.map(({ override }) => override?.annotations?.['note']);
      const annotated = (...entries: readonly NewEntry[]): Draft =>
        entries.reduce(
          (draft, { descriptor: { digest: selector } }, position) =>
            annotateEntry(draft, selector, { annotations: { note: `${position}` } }),
          draftOf({ 'app:many': entries }),
        );
      const pair = annotated(amd64, compressed('zstd'));
      const [newGzip, newZstd] = [image('new', 'linux/amd64'), compressed('new zstd')];

      it.each([
        ['as their annotations tell apart', pair, [newGzip, newZstd], ['0', '1']],
        ['in any order', pair, [newZstd, newGzip], ['1', '0']],
        ['although one keeps its digest', pair, [newZstd, amd64], ['1', '0']],
        ['of which one is left', pair, [arm64, newZstd], [undefined, '1']],
        ['of which one is new', annotated(amd64), [newZstd, newGzip], [undefined, '0']],
        [
          'in order',
          annotated(amd64, image('2', 'linux/amd64')),
          [newGzip, image('3', 'linux/amd64')],
          ['0', '1'],
        ],
      ])('stays with each, %s', (_, draft, entries, expected) => {
        expect(notes(amendSource(draft, at('app:many'), entries))).toEqual(expected);
      });
    });

    it('stays with each platform of a digest that is listed twice', () => {
      const listed = (platform: string): NewEntry => ({
        ...amd64,
        descriptor: { ...amd64.descriptor, platform: parsePlatform(platform) },
      });
      const [v6, v7] = [listed('linux/arm/v6'), listed('linux/arm/v7')];
      const draft = draftOf({ 'app:many': [v6, v7] });
      const note = { annotations: { note: '1' } };
      const entries = draft.entries.map((entry, position) =>
        position === 1 ? { ...entry, override: note } : entry,
      );
      const amended = amendSource({ ...draft, entries }, at('app:many'), [v7, v6]);
      expect(amended.entries.map(({ override }) => override?.annotations)).toEqual([
        { note: '1' },
        undefined,
      ]);
    });

    it('is dropped with an image that has no successor', () => {
      const draft = annotateEntry(draftOf({ 'app:many': [amd64, arm64] }), digest('arm64'), v8);
      const amended = amendSource(draft, at('app:many'), [amd64, image('s390x', 'linux/s390x')]);
      expect(overrides(amended)).toEqual([undefined, undefined]);
    });

    it('is not moved to an attestation of the image', () => {
      const draft = annotateEntry(
        draftOf({ 'app:many': [amd64, image('odd', 'unknown/unknown')] }),
        digest('odd'),
        { variant: 'v1' },
      );
      const amended = amendSource(draft, at('app:many'), [amd64, arm64, attestation('amd64')]);
      expect(overrides(amended)).toEqual([undefined, undefined, undefined]);
    });
  });

  describe('with replace', () => {
    const replace = { replace: true };

    it('removes the entry of the same platform and its attestations', () => {
      const draft = draftOf({ 'app:all': [amd64, arm64, attestation('amd64'), attestation('arm64')] });
      const amended = amendSource(draft, at('app:fixed'), [image('fixed', 'linux/arm64/v8')], replace);
      expect(labels(amended)).toEqual(['amd64', 'about amd64', 'fixed']);
    });

    it('uses the platform that annotate set', () => {
      const draft = annotateEntry(draftOf({ 'app:a': [image('a', 'linux/arm')] }), 'app:a', {
        variant: 'v6',
      });
      expect(labels(amendSource(draft, at('app:v6'), [image('v6', 'linux/arm/v6')], replace))).toEqual([
        'v6',
      ]);
      expect(labels(amendSource(draft, at('app:v7'), [armV7], replace))).toEqual(['a', 'armv7']);
    });

    it('refreshes its own source in place', () => {
      const draft = draftOf({ 'app:a': [amd64], 'app:b': [arm64], 'app:c': [armV7] });
      const amended = amendSource(
        draft,
        at('app:a'),
        [image('new', 'linux/amd64'), image('n', 'linux/arm64')],
        replace,
      );
      expect(labels(amended)).toEqual(['new', 'n', 'armv7']);
    });

    it('removes nothing for an image without a platform or an attestation', () => {
      const draft = draftOf({ 'app:a': [image('none')], 'app:b': [image('x', 'unknown/unknown')] });
      const amended = amendSource(draft, at('app:c'), [image('also none'), attestation('x')], replace);
      expect(labels(amended)).toEqual(['none', 'x', 'also none', 'about x']);
    });
  });
});

describe('removeEntries', () => {
  const draft = draftOf({
    'app:all': [amd64, arm64, attestation('amd64'), attestation('arm64')],
    'app:v7': [armV7],
  });

  it.each([
    ['a platform', ['linux/arm64'], ['amd64', 'about amd64', 'armv7']],
    ['a digest', [digest('amd64')], ['arm64', 'about arm64', 'armv7']],
    ['a source, with all that it gave', ['app:all'], ['armv7']],
    ['several', ['app:v7', 'linux/amd64'], ['arm64', 'about arm64']],
    ['only an attestation', [digest('about amd64')], ['amd64', 'arm64', 'about arm64', 'armv7']],
    ['the same twice', ['linux/arm/v7', 'app:v7'], ['amd64', 'arm64', 'about amd64', 'about arm64']],
  ])('takes out %s', (_, selectors, left) => {
    expect(labels(removeEntries(draft, selectors))).toEqual(left);
  });

  it('keeps the attestation of an image that another source has too', () => {
    const twice = draftOf({ 'app:a': [amd64, attestation('amd64')], 'app:b': [amd64] });
    expect(labels(removeEntries(twice, ['app:b']))).toEqual(['amd64', 'about amd64']);
  });

  it('removes nothing if one of the selectors matches nothing', () => {
    expect(() => removeEntries(draft, ['app:v7', 'app:none'])).toThrow(NotFoundError);
  });
});

it('makes equal bytes of equal drafts, in whatever order the edits came', () => {
  const base = draftOf({ 'app:a': [amd64], 'app:b': [arm64] });
  const one = annotateEntry(annotateEntry(base, 'app:a', { annotations: { b: '2', a: '1' } }), 'app:b', {
    variant: 'v8',
  });
  const other = annotateEntry(
    annotateEntry(annotateEntry(base, 'app:b', { variant: 'v8' }), 'app:a', { annotations: { a: '1' } }),
    'app:a',
    { annotations: { b: '2' } },
  );
  expect(one).toEqual(other);
  expect(createIndexDocument(draftIndex(one)).digest).toBe(createIndexDocument(draftIndex(other)).digest);
  expect(entryDescriptor(entryOf(one, 'arm64')).platform?.variant).toBe('v8');
});
