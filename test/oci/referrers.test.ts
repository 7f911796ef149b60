import { describe, expect, it } from 'vitest';

import { digestOf, parseDigest, type Digest } from '../../src/oci/digest.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import type { IndexDocument } from '../../src/oci/document.js';
import { InvalidError } from '../../src/oci/errors.js';
import { OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.js';
import { parseDocument } from '../../src/oci/parse.js';
import {
  addReferrers,
  asReferrersList,
  cosignTags,
  isReferrersTag,
  referrerDescriptor,
  referrersTag,
} from '../../src/oci/referrers.js';

const HEX = 'a1'.repeat(32);
const LONG = `${'b2'.repeat(32)}${'c3'.repeat(32)}`;

describe('the referrers tag', () => {
  it.each([
    [`sha256:${HEX}`, `sha256-${HEX}`],
    // distribution-spec: at most 64 characters of the digest, since the whole is a tag.
    [`sha512:${LONG}`, `sha512-${LONG.slice(0, 64)}`],
    ['sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g', 'sha256-b64u-LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g'],
    ['other:=ab=', 'other--ab-'],
    [`${'x'.repeat(40)}:abc`, `${'x'.repeat(32)}-abc`],
  ])('of %s is %s', (digest, tag) => {
    expect(referrersTag(parseDigest(digest))).toBe(tag);
  });
});

describe("cosign's tags", () => {
  it('are the digest with the suffix of their kind', () => {
    expect(cosignTags(parseDigest(`sha256:${HEX}`))).toEqual([
      { kind: 'signature', tag: `sha256-${HEX}.sig` },
      { kind: 'attestation', tag: `sha256-${HEX}.att` },
      { kind: 'sbom', tag: `sha256-${HEX}.sbom` },
    ]);
  });

  it.each([`sha512:${LONG}`, 'sha256+b64u:abc'])('do not exist if %s is too long for a tag', (digest) => {
    expect(cosignTags(parseDigest(digest))).toEqual([]);
  });
});

describe('a tag of referrers', () => {
  it.each([
    referrersTag(parseDigest(`sha256:${HEX}`)),
    referrersTag(parseDigest(`sha512:${LONG}`)),
    ...cosignTags(parseDigest(`sha256:${HEX}`)).map(({ tag }) => tag),
  ])('is recognised: %s', (tag) => {
    expect(isReferrersTag(tag)).toBe(true);
  });

  it.each(['', '1.2', 'sha256-abc', `sha256-${HEX}.tar`, `v-sha256-${HEX}`, `sha256-${HEX}0`, HEX])(
    'is not recognised: %j',
    (tag) => {
      expect(isReferrersTag(tag)).toBe(false);
    },
  );
});

const config = { mediaType: OCI_CONFIG, digest: digestOf(Buffer.from('{}')), size: 2 };
const subject = { mediaType: OCI_MANIFEST, digest: digestOf(Buffer.from('x')), size: 1 };

function documentOf(value: object) {
  return parseDocument(Buffer.from(JSON.stringify({ schemaVersion: 2, ...value })));
}

describe('the descriptor in a referrers index', () => {
  it.each<[string, object, object]>([
    [
      'a manifest with an artifact type',
      { mediaType: OCI_MANIFEST, artifactType: 'application/spdx+json', config, layers: [], subject },
      { mediaType: OCI_MANIFEST, artifactType: 'application/spdx+json' },
    ],
    [
      'a manifest without one',
      { mediaType: OCI_MANIFEST, config, layers: [], subject },
      { mediaType: OCI_MANIFEST, artifactType: OCI_CONFIG },
    ],
    [
      'a manifest with an empty one, and annotations',
      {
        mediaType: OCI_MANIFEST,
        artifactType: '',
        config: { ...config, mediaType: OCI_EMPTY },
        layers: [],
        annotations: { b: '1', a: '2' },
        subject,
      },
      { mediaType: OCI_MANIFEST, artifactType: OCI_EMPTY, annotations: { b: '1', a: '2' } },
    ],
    ['an index', { mediaType: OCI_INDEX, manifests: [], subject, annotations: {} }, { mediaType: OCI_INDEX }],
    [
      'an index with an artifact type',
      { mediaType: OCI_INDEX, manifests: [], subject, artifactType: 'application/x' },
      { mediaType: OCI_INDEX, artifactType: 'application/x' },
    ],
  ])('is right for %s', (_what, value, expected) => {
    const document = documentOf(value);
    expect(referrerDescriptor(document)).toEqual({
      digest: document.digest,
      size: document.bytes.length,
      ...expected,
    });
  });
});

describe('a referrers index', () => {
  const addReferrer = (list: IndexDocument | undefined, referrer: Descriptor): IndexDocument =>
    addReferrers(list, [referrer]) ?? expect.fail();
  const referrer = (text: string) => ({
    mediaType: OCI_MANIFEST,
    digest: digestOf(Buffer.from(text)),
    size: text.length,
  });
  const digests = (list: IndexDocument): Digest[] => list.value.manifests.map(({ digest }) => digest);

  it('starts with the first referrer', () => {
    const list = addReferrer(undefined, referrer('a'));
    expect(Buffer.from(list.bytes).toString()).toBe(
      JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [referrer('a')] }),
    );
    expect(list.digest).toBe(digestOf(list.bytes));
  });

  const grow = (texts: readonly string[], list?: IndexDocument): IndexDocument =>
    texts.reduce<IndexDocument | undefined>((grown, text) => addReferrer(grown, referrer(text)), list) ??
    expect.fail();

  it('does not depend on the order of additions', () => {
    const list = grow(['a', 'b', 'c', 'd']);
    expect(digests(list)).toEqual(['a', 'b', 'c', 'd'].map((text) => referrer(text).digest).toSorted());
    for (const order of ['dcba', 'bdac', 'cadb']) expect(grow(order.split('')).digest).toBe(list.digest);
  });

  it('keeps the existing order', () => {
    const manifests = ['a', 'b', 'c', 'd'].map(referrer).toSorted((x, y) => (x.digest < y.digest ? 1 : -1));
    const others = asReferrersList(documentOf({ mediaType: OCI_INDEX, manifests }), 'it');
    const list = grow(['e', 'f', 'g'], others);
    const kept = digests(list).filter((digest) => manifests.some((entry) => entry.digest === digest));
    expect(kept).toEqual(manifests.map(({ digest }) => digest));
    expect(digests(list)).toHaveLength(7);
    for (const order of ['gfe', 'feg']) {
      expect(grow(order.split(''), others).digest).toBe(list.digest);
      expect(addReferrers(others, order.split('').map(referrer))?.digest).toBe(list.digest);
    }
  });

  it('gets each of several referrers once', () => {
    const list = addReferrers(addReferrer(undefined, referrer('a')), ['b', 'a', 'b', 'c'].map(referrer));
    expect(list?.digest).toBe(grow(['a', 'b', 'c']).digest);
  });

  it('is not made for no referrers', () => {
    expect(addReferrers(undefined, [])).toBeUndefined();
  });

  it('is unchanged if it has the referrer', () => {
    const list = addReferrer(addReferrer(undefined, referrer('a')), referrer('b'));
    expect(addReferrer(list, { ...referrer('a'), annotations: { other: 'words' } })).toBe(list);
  });

  it('keeps existing entries and unknown members', () => {
    const others = {
      schemaVersion: 2,
      manifests: [
        { ...referrer('b'), 'x.unknown': [1, null] },
        { ...referrer('a'), artifactType: 'a/b' },
      ],
      'x.more': { deep: true },
      annotations: { '10': 'ten', '9': 'nine' },
    };
    const list = asReferrersList(documentOf(others), 'it');
    const { manifests, ...more } = JSON.parse(
      Buffer.from(addReferrer(list, referrer('c')).bytes).toString(),
    ) as typeof others;
    expect(more).toEqual({ schemaVersion: 2, 'x.more': others['x.more'], annotations: others.annotations });
    expect(manifests.filter(({ digest }) => digest !== referrer('c').digest)).toEqual(others.manifests);
    expect(manifests).toContainEqual(referrer('c'));
  });

  it('can be null, as Go writes an empty list', () => {
    const list = asReferrersList(documentOf({ mediaType: OCI_INDEX, manifests: null }), 'it');
    expect(digests(addReferrer(list, referrer('a')))).toEqual([referrer('a').digest]);
  });

  it('loses members that are null', () => {
    const list = asReferrersList(
      documentOf({ mediaType: OCI_INDEX, manifests: [], annotations: null }),
      'it',
    );
    expect(Buffer.from(addReferrer(list, referrer('a')).bytes).toString()).not.toContain('null');
  });

  it.each([
    ['an image', { mediaType: OCI_MANIFEST, config, layers: [] }],
    [
      'a Docker list',
      { mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json', manifests: [] },
    ],
  ])('is not %s', (_what, value) => {
    expect(() => asReferrersList(documentOf(value), 'app:sha256-abc')).toThrow(InvalidError);
    expect(() => asReferrersList(documentOf(value), 'app:sha256-abc')).toThrow(
      /^app:sha256-abc is not a referrers index/,
    );
  });
});
