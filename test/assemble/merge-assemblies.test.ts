import { describe, expect, it } from 'vitest';

import type { Assembly } from '../../src/assemble/assembly.js';
import { mergeAssemblies, type GivenSettings } from '../../src/assemble/merge-assemblies.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { digestOf } from '../../src/oci/digest.js';
import { ArgumentError } from '../../src/oci/errors.js';
import { parsePlatform } from '../../src/oci/platform.js';
import { thrownBy } from '../support/failure.js';

const subject = (size: number): Descriptor => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: digestOf(Buffer.from('{}')),
  size,
});

/** Merges the files `0`, `1` and so on. */
function merge(assemblies: readonly Partial<Assembly>[], given?: GivenSettings): Assembly {
  const files = assemblies.map((assembly, index) => ({
    name: String(index),
    assembly: { tags: [], require: [], images: [], ...assembly },
  }));
  return mergeAssemblies(files, given);
}

describe('mergeAssemblies', () => {
  it('keeps images, tags and required platforms in the order of the files', () => {
    const [one, two] = [parsePlatform('linux/amd64'), parsePlatform('linux/arm64')];
    const merged = merge([
      { tags: ['1', 'latest'], require: [two], images: [{ source: 'b' }, { source: 'a' }] },
      { tags: ['2', '1'], require: [one], images: [{ source: 'c' }] },
    ]);
    expect(merged).toEqual({
      tags: ['1', 'latest', '2'],
      require: [two, one],
      images: [{ source: 'b' }, { source: 'a' }, { source: 'c' }],
    });
  });

  it('returns nothing but the given settings for no file', () => {
    expect(merge([], { target: 'app:1' })).toEqual({ target: 'app:1', tags: [], require: [], images: [] });
  });

  it('takes a setting that only one file has, or all alike', () => {
    const merged = merge([
      { target: 'app:1', annotations: { a: '1' } },
      { format: 'oci', annotations: { b: '2' }, subject: subject(1) },
      { target: 'app:1', format: 'oci', annotations: { a: '1' }, subject: subject(1) },
    ]);
    expect(merged).toMatchObject({
      target: 'app:1',
      format: 'oci',
      annotations: { a: '1', b: '2' },
      subject: subject(1),
    });
  });

  it.each<[setting: string, one: Partial<Assembly>, other: Partial<Assembly>, given?: GivenSettings]>([
    ['targets', { target: 'app:1' }, { target: 'app:2' }, { target: 'app:3' }],
    ['formats', { format: 'oci' }, { format: 'docker' }, { format: 'auto' }],
    ['artifact types', { artifactType: 'a/b' }, { artifactType: 'a/c' }],
    ['subjects', { subject: subject(1) }, { subject: subject(2) }],
    [
      'settings for attestations',
      { attestations: 'keep' },
      { attestations: 'drop' },
      { attestations: 'drop' },
    ],
    [
      'values of the annotation a',
      { annotations: { a: '1' } },
      { annotations: { a: '2' } },
      { annotations: { a: '3' } },
    ],
  ])('rejects different %s, unless the command line decides', (difference, one, other, given) => {
    const error = thrownBy(() => merge([one, {}, other]), ArgumentError);
    expect(error.message).toBe(`0 and 2 have different ${difference}`);
    if (given !== undefined) expect(merge([one, {}, other], given)).toMatchObject(given);
  });
});
