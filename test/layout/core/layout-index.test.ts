import { describe, expect, it } from 'vitest';

import type { Descriptor } from '../../../src/oci/descriptor.js';
import { digestOf, isDigest } from '../../../src/oci/digest.js';
import { ArgumentError, InvalidError, NotFoundError } from '../../../src/oci/errors.js';
import { DOCKER_LIST, OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-type.js';
import { parseTag } from '../../../src/oci/reference.js';
import {
  findDigest,
  findTag,
  imageNames,
  onlyImage,
  parseLayoutIndex,
  setTag,
  type LayoutIndex,
} from '../../../src/layout/core/layout-index.js';
import { formatLayoutIndex } from '../../../src/layout/core/layout-documents.js';
import { describeVectors, vectorBytes, vectorJson, vectorLines } from '../../support/vectors.js';

const REF_NAME = 'org.opencontainers.image.ref.name';
const CONTAINERD_NAME = 'io.containerd.image.name';

function entry(content: string, annotations?: Record<string, string>, mediaType = OCI_MANIFEST): Descriptor {
  const bytes = Buffer.from(content);
  return {
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function layout(...manifests: Descriptor[]): LayoutIndex {
  return { manifests };
}

describe('finding a tag', () => {
  const [a, b] = ['a', 'b'];

  it.each([
    ['a ref.name that is the tag', layout(entry(a, { [REF_NAME]: '1' })), '1', a],
    ['a Docker list', layout(entry(a, { [REF_NAME]: '1' }, DOCKER_LIST)), '1', a],
    [
      'a ref.name in full, as podman writes it',
      layout(entry(a, { [REF_NAME]: 'docker.io/library/x:1' })),
      '1',
      a,
    ],
    [
      "containerd's name beside another ref.name",
      layout(entry(a, { [REF_NAME]: 'x', [CONTAINERD_NAME]: 'docker.io/library/x:1' })),
      '1',
      a,
    ],
    [
      'the ref.name that is the tag rather than one in full',
      layout(entry(a, { [REF_NAME]: 'docker.io/library/x:1' }), entry(b, { [REF_NAME]: '1' })),
      '1',
      b,
    ],
    [
      'one image that is listed twice',
      layout(
        entry(a, { [REF_NAME]: '1', [CONTAINERD_NAME]: 'docker.io/library/x:1' }),
        entry(a, { [REF_NAME]: '1', [CONTAINERD_NAME]: 'docker.io/library/y:1' }),
      ),
      '1',
      a,
    ],
    [
      'nothing for a repository without a tag',
      layout(entry(a, { [REF_NAME]: 'docker.io/library/x' })),
      'x',
      undefined,
    ],
    ['nothing for a part of a tag', layout(entry(a, { [REF_NAME]: '1.0' })), '1', undefined],
    ['nothing among images without names', layout(entry(a), entry(b)), '1', undefined],
  ])('returns %s', (_, index, tag, content) => {
    const found = findTag(index, parseTag(tag), 'oci:x');
    expect(found?.digest).toBe(content === undefined ? undefined : entry(content).digest);
  });

  it('rejects a tag of two images, and lists their digests', () => {
    const index = layout(
      entry(a, { [REF_NAME]: 'latest', [CONTAINERD_NAME]: 'docker.io/library/app:latest' }),
      entry(b, { [REF_NAME]: 'latest', [CONTAINERD_NAME]: 'docker.io/library/db:latest' }),
    );
    const find = (): unknown => findTag(index, parseTag('latest'), 'oci:x');
    expect(find).toThrow(ArgumentError);
    expect(find).toThrow(
      expect.objectContaining({
        hint: expect.stringMatching(
          `${entry(b).digest} \\(docker.io/library/db:latest\\)\\. To publish, choose another tag\\.$`,
        ),
      }),
    );
  });

  it('rejects an entry that is not an image', () => {
    const index = layout(entry(a, { [REF_NAME]: '1' }, 'application/xml'));
    expect(() => findTag(index, parseTag('1'), 'oci:x')).toThrow(InvalidError);
  });
});

describe('the only image', () => {
  it.each([
    ['with a tag', layout(entry('a', { [REF_NAME]: '1' }))],
    ['without', layout(entry('a'))],
    ['beside what is no image', layout(entry('b', {}, 'application/xml'), entry('a'))],
    ['with two tags', layout(entry('a', { [REF_NAME]: '1' }), entry('a', { [REF_NAME]: '2' }))],
  ])('is found %s', (_, index) => {
    expect(onlyImage(index, 'oci:x').digest).toBe(entry('a').digest);
  });

  it('is not found if there is none', () => {
    expect(() => onlyImage(layout(entry('a', {}, 'application/xml')), 'oci:x')).toThrow(NotFoundError);
  });

  it('is not chosen among several, whose names are listed', () => {
    const index = layout(
      entry('a', { [REF_NAME]: '1' }),
      entry('b', { [REF_NAME]: 'docker.io/library/x:2' }),
      entry('c'),
      entry('d', { [REF_NAME]: 'latest' }),
      entry('e', { [REF_NAME]: 'latest' }),
    );
    const expected = ['1', '2', ...['c', 'd', 'e'].map((content) => entry(content).digest)];
    expect(imageNames(index)).toEqual(expected);
    expect(() => onlyImage(index, 'oci:x')).toThrow(ArgumentError);
    expect(() => onlyImage(index, 'oci:x')).toThrow(
      expect.objectContaining({ hint: `Choose one: ${expected.join(', ')}.` }),
    );
  });
});

describe('one image per platform without an index', () => {
  const [amd64, arm64] = ['amd64', 'arm64'].map((architecture) => ({
    ...entry(architecture),
    platform: { os: 'linux', architecture },
  }));
  if (amd64 === undefined || arm64 === undefined) throw new Error('two images expected');
  const advice = 'without an index: `multiarch create` makes one from their digests.';

  it.each([
    ['is told', layout(amd64, arm64), true],
    [
      'is not one of several named images',
      layout(amd64, { ...arm64, annotations: { [REF_NAME]: '1' } }),
      false,
    ],
    ['is not two of one platform', layout(amd64, { ...entry('b'), platform: amd64.platform }), false],
    ['is not one without a platform', layout(amd64, entry('b')), false],
    [
      'is not an index',
      layout(amd64, { ...entry('b', undefined, OCI_INDEX), platform: arm64.platform }),
      false,
    ],
  ])('%s', (_, index, isTold) => {
    const hint = (isTold ? expect.stringContaining(advice) : expect.not.stringContaining(advice)) as string;
    expect(() => onlyImage(index, 'oci:x')).toThrow(expect.objectContaining({ hint }));
  });
});

describe('finding a digest', () => {
  it('returns the entry if it is an image', () => {
    const index = layout(entry('a'), entry('b', {}, 'application/xml'));
    expect(findDigest(index, entry('a').digest)).toEqual(entry('a'));
    expect(findDigest(index, entry('b').digest)).toBeUndefined();
  });
});

describe('setting a tag', () => {
  const tag = parseTag('1');
  const named = { [REF_NAME]: '1' };

  it.each([
    ['lists the first image', layout(), [entry('new', named)]],
    [
      'appends, and leaves all others as they are',
      layout(entry('a', { [REF_NAME]: '2', other: 'kept' }), entry('b')),
      [entry('a', { [REF_NAME]: '2', other: 'kept' }), entry('b'), entry('new', named)],
    ],
    [
      'replaces the entry that had the tag',
      layout(entry('a', named), entry('b', { [REF_NAME]: '2' })),
      [entry('new', named), entry('b', { [REF_NAME]: '2' })],
    ],
    [
      'leaves one entry where several had the tag',
      layout(entry('b'), entry('a', named), entry('c', named)),
      [entry('b'), entry('new', named)],
    ],
    [
      'names an entry of the image that had no name, and keeps its annotations',
      layout(entry('new', { other: 'kept' }), entry('b', named)),
      [entry('new', { other: 'kept', ...named })],
    ],
    [
      'lists the image once more where it has another tag',
      layout(entry('new', { [REF_NAME]: '2' })),
      [entry('new', { [REF_NAME]: '2' }), entry('new', named)],
    ],
    ['repairs an entry of a wrong media type', layout(entry('new', named, OCI_INDEX)), [entry('new', named)]],
  ])('%s', (_, index, expected) => {
    expect(setTag(index, entry('new'), tag).manifests).toEqual(expected);
  });

  it('changes nothing if the image has the tag', () => {
    const index = layout(entry('new', { ...named, other: 'kept' }));
    expect(setTag(index, entry('new'), tag)).toBe(index);
  });

  it('keeps unknown fields', () => {
    const text = JSON.stringify({
      schemaVersion: 2,
      'com.example': { a: [1] },
      manifests: [{ ...entry('a', { [REF_NAME]: '2' }), 'com.example.entry': true }],
    });
    const edited = setTag(parseLayoutIndex(Buffer.from(text), 'index.json'), entry('new'), tag);
    expect(edited).toEqual({
      schemaVersion: 2,
      'com.example': { a: [1] },
      manifests: [{ ...entry('a', { [REF_NAME]: '2' }), 'com.example.entry': true }, entry('new', named)],
    });
  });
});

describe('reading index.json', () => {
  const digest = `sha256:${'0'.repeat(64)}`;

  it.each([
    ['nothing', ''],
    ['a part', '{"schemaVersion":2,"manifests":['],
    ['a list', '[]'],
    ['no manifests', '{"schemaVersion":2}'],
    ['an image manifest', `{"schemaVersion":2,"config":{},"layers":[]}`],
    [
      'a path for a digest',
      `{"schemaVersion":2,"manifests":[{"mediaType":"${OCI_MANIFEST}","digest":"../../etc/passwd","size":1}]}`,
    ],
    [
      'a path within a digest',
      `{"schemaVersion":2,"manifests":[{"mediaType":"${OCI_MANIFEST}","digest":"sha256:../../etc/passwd","size":1}]}`,
    ],
    [
      'a negative size',
      `{"schemaVersion":2,"manifests":[{"mediaType":"${OCI_MANIFEST}","digest":"${digest}","size":-1}]}`,
    ],
  ])('rejects %s, and names the file', (_, text) => {
    const parse = (): unknown => parseLayoutIndex(Buffer.from(text), '/x/index.json');
    expect(parse).toThrow(InvalidError);
    expect(parse).toThrow('/x/index.json');
  });

  it.each([
    ['an empty list', '{"schemaVersion":2,"manifests":[]}', 0],
    ['null, as some Go programs write an empty list', '{"schemaVersion":2,"manifests":null}', 0],
    [
      'null for members of an entry',
      JSON.stringify({
        schemaVersion: 2,
        mediaType: null,
        manifests: [{ ...entry('a'), annotations: null, artifactType: null, platform: null }],
      }),
      1,
    ],
    [
      'the same image under two tags',
      JSON.stringify({
        schemaVersion: 2,
        manifests: [entry('a', { [REF_NAME]: '1' }), entry('a', { [REF_NAME]: '2' })],
      }),
      2,
    ],
  ])('accepts %s', (_, text, length) => {
    expect(parseLayoutIndex(Buffer.from(text), '/x/index.json').manifests).toHaveLength(length);
  });
});

describeVectors('layout vectors', () => {
  interface LookUp {
    readonly layout: string;
    readonly name: string;
    readonly position?: number;
    readonly mediaType?: string;
    readonly error?: string;
  }
  const { layout_lookup: lookUps } = vectorJson<{ layout_lookup: LookUp[] }>('index-ops.json');

  it.each(lookUps)('$layout: $name', ({ layout: file, name, position, mediaType, error }) => {
    const index = parseLayoutIndex(vectorBytes(file), file);
    const find = () => findTag(index, parseTag(name), file);
    if (error === undefined) {
      expect(find()).toBe(index.manifests[position ?? -1]);
      expect(find()?.mediaType).toBe(mediaType);
    } else if (error === 'image not found') {
      expect(find()).toBeUndefined();
    } else {
      expect(find).toThrow(InvalidError);
    }
  });

  const layouts = vectorLines<{ file: string }>('fixtures/fixtures.jsonl')
    .map(({ file }) => file)
    .filter((file) => file.includes('layout'));

  it.each(layouts)('%s: every listed name finds its image', (file) => {
    const index = parseLayoutIndex(vectorBytes(`fixtures/${file}`), file);
    const names = imageNames(index);
    const found = names.map((name) =>
      isDigest(name) ? findDigest(index, name) : findTag(index, name, file),
    );
    const images = index.manifests.filter(({ mediaType, artifactType, annotations }) => {
      const name = annotations?.['org.opencontainers.image.ref.name'];
      // oras lists what it attaches to an image without a name; regclient and cosign name it after the image's digest.
      const isReferrer = name === undefined ? artifactType !== undefined : name.startsWith('sha256-');
      return !isReferrer && /image\.(index|manifest)|manifest\.(list\.)?v2/.test(mediaType);
    });
    expect(new Set(found.map((image) => image?.digest))).toEqual(new Set(images.map(({ digest }) => digest)));
  });
});

describe('an index.json that could not be read again', () => {
  const many = (count: number, annotation: string): LayoutIndex =>
    layout(entry('x', Object.fromEntries(Array.from({ length: count }, (_, at) => [`${at}`, annotation]))));

  it.each([
    ['is too long', many(9, 'x'.repeat(1 << 20))],
    ['has too many values', many(500_001, '')],
  ])('is not written: it %s', (_, index) => {
    expect(() => formatLayoutIndex(index)).toThrow(InvalidError);
  });
});
