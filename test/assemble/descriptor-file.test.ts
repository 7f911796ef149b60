import { describe, expect, it } from 'vitest';

import { parseAssembly } from '../../src/assemble/assembly-file.js';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.js';
import { problemLines } from '../support/problem-lines.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

const parse = (value: unknown): ReturnType<typeof parseAssembly> =>
  parseAssembly(typeof value === 'string' ? value : JSON.stringify(value), 'index.json');

const platform = { architecture: 'amd64', os: 'linux' };
const annotations = { a: 'b' };
const [one = '', other = ''] = ['1', '2'].map((digit) => `sha256:${digit.repeat(64)}`);
const first = { mediaType: OCI_MANIFEST, digest: one, size: 7, platform, annotations };
const second = { mediaType: OCI_MANIFEST, digest: other, size: 7 };
const images = [
  { source: one, descriptor: first },
  { source: other, descriptor: second },
];

describe('JSON that lists descriptors', () => {
  it.each([
    ['one descriptor', first, { images: images.slice(0, 1) }],
    ['an array of descriptors', [first, second], { images }],
    [
      'an image index',
      { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [first, second] },
      { images, format: 'oci' },
    ],
    [
      'a Docker manifest list',
      { schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [first, second] },
      { images, format: 'docker' },
    ],
    ['an index without a mediaType', { schemaVersion: 2, manifests: [first, second] }, { images }],
    [
      'the other members of an index',
      { schemaVersion: 2, artifactType: 'a/b', manifests: [first, second], subject: second, annotations },
      { images, artifactType: 'a/b', subject: second, annotations },
    ],
  ])('is %s: images by digest, and no target', async (_, value, expected) => {
    expect(await parse(value)).toEqual({ tags: [], require: [], ...expected });
  });

  it('accepts mistakes that annotate can correct before push', async () => {
    const half = { ...second, platform: { os: 'linux', architecture: '' } };
    expect((await parse([first, { ...second, platform }, half])).images).toEqual([
      ...images.slice(0, 1),
      { source: other, descriptor: { ...second, platform } },
      { source: other, descriptor: second },
    ]);
  });

  it.each([
    ['no entries', { schemaVersion: 2, manifests: null }, '/manifests line 1, column 32: has no entries'],
    ['no elements', [], ' line 1, column 1: has no descriptors'],
    [
      'a wrong size in an array',
      `[${JSON.stringify(second)},\n{"mediaType":"${OCI_MANIFEST}","digest":"${one}","size":-1}]`,
      '/1/size line 2, column 149: must be 0 or more',
    ],
    [
      'a wrong digest in an index',
      { schemaVersion: 2, manifests: [{ ...second, digest: 'sha256:0' }] },
      '/manifests/0/digest line 1, column 100: is not a digest: sha256 has 64 hexadecimal digits, this has 1',
    ],
  ])('is rejected with the position: %s', async (_, value, expected) => {
    expect(await problemLines(() => parse(value))).toEqual([expected]);
  });

  it('is rejected without a position if it is too long for the YAML parser', async () => {
    const manifests = Array.from({ length: 10_000 }, () => second);
    const value = { schemaVersion: 2, manifests: [...manifests, { ...second, size: -1 }] };
    expect(await problemLines(() => parse(value))).toEqual(['/manifests/10000/size must be 0 or more']);
  });

  it('is rejected for a duplicate member', async () => {
    const text = JSON.stringify(second).replace('{', '{"size":8,');
    await expect(parse(text)).rejects.toThrow('/size is a duplicate member (line 1');
  });

  it('is rejected for an image, which is not a list', async () => {
    const config = { mediaType: 'application/vnd.docker.container.image.v1+json', digest: one, size: 1 };
    const image = { schemaVersion: 2, mediaType: DOCKER_MANIFEST, config, layers: [] };
    await expect(parse(image)).rejects.toThrow('index.json is an image manifest, not an image index');
  });
});

describeVectors('index-ops.json: source_descriptor_file', () => {
  const { source_descriptor_file: rows } = vectorJson<{
    source_descriptor_file: readonly { input: string; accepted: boolean }[];
  }>('index-ops.json');

  it.each(rows)('$input', async ({ input, accepted }) => {
    const isAccepted = (await problemLines(() => parse(input))).length === 0;
    expect(isAccepted).toBe(accepted);
    const { digest } = JSON.parse(input) as { digest: string };
    if (accepted)
      expect((await parse(input)).images).toEqual([{ source: digest, descriptor: JSON.parse(input) }]);
  });
});
