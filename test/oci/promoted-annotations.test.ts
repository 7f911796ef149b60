import { describe, expect, it } from 'vitest';

import { promotedAnnotations, type Labels } from '../../src/oci/promoted-annotations.js';

const oci = (name: string): string => `org.opencontainers.image.${name}`;
const old = (name: string): string => `org.label-schema.${name}`;

describe('promotedAnnotations', () => {
  it.each([
    'created',
    'authors',
    'url',
    'documentation',
    'source',
    'version',
    'revision',
    'vendor',
    'licenses',
    'title',
    'description',
    'base.name',
  ])('promotes %s if all images have the same value', (name) => {
    const labels = { [oci(name)]: 'https://example.com/' };
    expect(promotedAnnotations([labels, { ...labels, other: '1' }, labels])).toEqual(labels);
  });

  it.each(['base.digest', 'ref.name', 'referrer.subject', 'referrer.convert', 'homepage'])(
    'leaves %s to the images',
    (name) => {
      const labels = { [oci(name)]: 'x' };
      expect(promotedAnnotations([labels, labels])).toEqual({});
    },
  );

  it.each([
    ['build-date', 'created'],
    ['url', 'url'],
    ['vcs-url', 'source'],
    ['version', 'version'],
    ['vcs-ref', 'revision'],
    ['vendor', 'vendor'],
    ['name', 'title'],
    ['description', 'description'],
    ['usage', 'documentation'],
  ])("reads label schema's %s as %s", (before, after) => {
    const labels = { [old(before)]: 'https://example.com/' };
    expect(promotedAnnotations([labels, labels])).toEqual({ [oci(after)]: 'https://example.com/' });
  });

  it.each(['schema-version', 'docker.cmd', 'authors', 'licenses'])(
    "knows no key for label schema's %s",
    (name) => {
      expect(promotedAnnotations([{ [old(name)]: '1.0' }])).toEqual({});
    },
  );

  it.each(['/usr/share/doc', 'docker run: see above', 'file:///usr/share/doc'])(
    'ignores a usage that is not a web URL: %s',
    (usage) => {
      expect(promotedAnnotations([{ [old('usage')]: usage }])).toEqual({});
    },
  );

  const version = { [oci('version')]: '1' };
  it.each<[why: string, labelSets: (Labels | undefined)[], expected: Labels]>([
    ['there are no images', [], {}],
    ['there is one image', [version], version],
    ['one image has no labels', [version, undefined], {}],
    ['the first image has no labels', [undefined, version], {}],
    ['no image has labels', [undefined, undefined], {}],
    ['one image has another value', [version, { [oci('version')]: '2' }], {}],
    ['one image lacks it', [version, { [oci('vendor')]: 'x' }], {}],
    ['all unset it', [{ [oci('version')]: '' }, { [oci('version')]: '' }], {}],
    ['some have only the old label', [version, { [old('version')]: '1' }], version],
    [
      'an image has both labels, the new one counts',
      [{ ...version, [old('version')]: '2' }, { [old('version')]: '2' }],
      {},
    ],
    [
      'an image unsets its old label',
      [{ [oci('version')]: '', [old('version')]: '1' }, { [old('version')]: '1' }],
      {},
    ],
    ['a label is none of the pre-defined', [{ maintainer: 'x' }, { maintainer: 'x' }], {}],
  ])('decides if %s', (_why, labelSets, expected) => {
    expect(promotedAnnotations(labelSets)).toEqual(expected);
  });
});
