import { describe, expect, it } from 'vitest';

import { REF_NAME } from '../../src/oci/descriptor.js';
import { digestOf } from '../../src/oci/digest.js';
import { checkDuplicatePlatforms } from '../../src/oci/index-rules.js';
import { DOCKER_LIST, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.js';
import { checkRules } from '../../src/oci/rules.js';
import { REFERENCE_TYPE } from '../../src/oci/attestation.js';

/** Podman's annotation of an image with zstd layers. */
const ZSTD = 'io.github.containers.compression.zstd';
const HEX = 'a'.repeat(64);
const DIGEST = `sha256:${HEX}`;
const entry = { mediaType: OCI_MANIFEST, digest: DIGEST, size: 1 };

/** `pointer rule` of every problem. */
function broken(kind: Parameters<typeof checkRules>[0], value: unknown): string[] {
  return checkRules(kind, value).map(({ pointer, rule }) => `${pointer} ${rule}`);
}

describe('digests', () => {
  it.each([
    [`sha256:${HEX.toUpperCase()}`, 'digest/case'],
    [`sha512:${HEX}A`, 'digest/case'],
    [`sha256:${HEX.slice(1)}`, 'digest/length'],
    [`sha256:${HEX}0`, 'digest/length'],
    [`sha512:${HEX}`, 'digest/length'],
    ['sha256', 'digest/grammar'],
    ['', 'digest/grammar'],
    [`:${HEX}`, 'digest/grammar'],
    [`sha256+x+-y:${HEX}`, 'digest/grammar'],
    [`sha256:${'z'.repeat(64)}`, 'digest/grammar'],
    ['sha256:../../../../etc/passwd', 'digest/grammar'],
  ])('%j violates %s', (digest, rule) => {
    expect(broken('descriptor', { ...entry, digest })).toEqual([`/digest ${rule}`]);
  });

  it.each([DIGEST, `sha512:${HEX}${HEX}`, 'multihash+base58:QmRZxt2b1FVZPNqd8hsiyk'])(
    '%s is one',
    (digest) => {
      expect(broken('descriptor', { ...entry, digest })).toEqual([]);
    },
  );

  it.each([
    [
      'image-index',
      { manifests: [entry, { digest: 'x' }], subject: { digest: 'y' } },
      ['/manifests/1', '/subject'],
    ],
    ['docker-manifest-list', { manifests: [{ digest: 'x' }] }, ['/manifests/0']],
    [
      'image-manifest',
      { config: { digest: 'x' }, layers: [entry, { digest: 'y' }], subject: { digest: 'z' } },
      ['/config', '/layers/1', '/subject'],
    ],
    [
      'draft',
      { entries: [{ descriptor: { digest: 'x' } }], subject: { digest: 'y' } },
      ['/entries/0/descriptor', '/subject'],
    ],
  ] as const)('are looked at wherever %s holds one', (kind, value, pointers) => {
    expect(broken(kind, value)).toEqual(pointers.map((pointer) => `${pointer}/digest digest/grammar`));
  });

  it('are checked in a config', () => {
    expect(broken('image-config', { rootfs: { diff_ids: [DIGEST, DIGEST.toUpperCase()] } })).toEqual([
      '/rootfs/diff_ids/1 digest/grammar',
    ]);
  });
});

describe('data', () => {
  const content = Buffer.from('{}');
  const good = { mediaType: 'a/b', digest: digestOf(content), size: 2, data: 'e30=' };

  it.each([
    ['is the content', good, []],
    ['is the content, by sha512', { ...good, digest: digestOf(content, 'sha512') }, []],
    ['cannot be verified', { ...good, digest: 'blake3:abc' }, []],
    ['lacks its padding', { ...good, data: 'e30' }, ['/data data/base64']],
    ['has invalid characters', { ...good, data: 'e3-_' }, ['/data data/base64']],
    ['is padded in the middle', { ...good, data: 'e3==e30=' }, ['/data data/base64']],
    ['has another length', { ...good, size: 3 }, ['/data data/size']],
    ['is other content', { ...good, data: 'W10=' }, ['/data data/digest']],
    ['is nothing', { ...good, data: '', size: 2 }, ['/data data/size']],
  ])('%s', (_name, descriptor, expected) => {
    expect(broken('descriptor', descriptor)).toEqual(expected);
  });

  it('accepts many megabytes', () => {
    const large = Buffer.alloc(6_000_000, 7);
    const descriptor = {
      ...good,
      digest: digestOf(large),
      size: large.length,
      data: large.toString('base64'),
    };
    expect(broken('descriptor', descriptor)).toEqual([]);
  });
});

describe('platforms', () => {
  const of = (platform: unknown, others = {}): unknown => ({ ...entry, platform, ...others });
  const linux = { os: 'linux', architecture: 'amd64' };

  it.each([
    ['no architecture', { os: 'linux' }, 1],
    ['an empty os', { os: '', architecture: 'amd64' }, 1],
    ['neither', {}, 2],
  ])('with %s are incomplete', (_name, platform, count) => {
    expect(broken('image-index', { manifests: [of(platform)] })).toEqual(
      Array.from({ length: count }, () => '/manifests/0/platform platform/incomplete'),
    );
  });

  it.each([
    ['alike', linux, linux],
    [
      'arm64 and its default variant',
      { os: 'linux', architecture: 'arm64' },
      { os: 'linux', architecture: 'arm64', variant: 'v8' },
    ],
    [
      'arm and its default variant',
      { os: 'linux', architecture: 'arm', variant: 'v7' },
      { os: 'linux', architecture: 'arm' },
    ],
    ['in another spelling', linux, { os: 'linux', architecture: 'x86_64' }],
    ['with an empty list', linux, { ...linux, 'os.features': null }],
  ])('are duplicates: %s', (_name, first, second) => {
    const value = { manifests: [of({ os: 'windows', architecture: 'amd64' }), of(first), of(second)] };
    const problems = checkDuplicatePlatforms(value.manifests);
    expect(problems).toMatchObject([{ pointer: '/manifests/2/platform', rule: 'platform/duplicate' }]);
    expect(problems[0]?.message).toContain('as is that of entry 1');
  });

  it.each([
    ['another os.version', of({ ...linux, 'os.version': '1' }), of({ ...linux, 'os.version': '2' })],
    ['other os.features', of(linux), of({ ...linux, 'os.features': ['sse4'] })],
    ['another variant', of({ ...linux, variant: 'v2' }), of(linux)],
    ['an attestation', of(linux), of(linux, { annotations: { [REFERENCE_TYPE]: 'attestation-manifest' } })],
    [
      'unknown',
      of({ os: 'unknown', architecture: 'unknown' }),
      of({ os: 'unknown', architecture: 'unknown' }),
    ],
    ['an artifact', of(linux), of(linux, { artifactType: 'application/sbom' })],
    ['a nested index', of(linux), of(linux, { mediaType: OCI_INDEX })],
    ['a nested list', of(linux), of(linux, { mediaType: DOCKER_LIST })],
    [
      'the tags of a layout',
      of(linux, { annotations: { [REF_NAME]: 'a' } }),
      of(linux, { annotations: { [REF_NAME]: 'b' } }),
    ],
    ['compressed with zstd', of(linux), of(linux, { annotations: { [ZSTD]: 'true' } })],
    [
      'two values of an annotation',
      of(linux, { annotations: { 'com.example.flavour': 'a' } }),
      of(linux, { annotations: { 'com.example.flavour': 'b' } }),
    ],
    ['none', entry, entry],
    ['of the wrong type', of({ ...linux, variant: 7 }), of({ ...linux, variant: 7 })],
  ])('are not duplicates: %s', (_name, first, second) => {
    expect(checkDuplicatePlatforms([first, second])).toEqual([]);
  });

  it.each([
    ['no annotations', {}, {}],
    ['the same annotations', { 'a.b': '1', 'c.d': '2' }, { 'c.d': '2', 'a.b': '1' }],
    ['notes without a domain', { built: 'here' }, { built: 'there' }],
    [
      'descriptive annotations of the image-spec',
      { 'org.opencontainers.image.version': '1' },
      { 'org.opencontainers.image.version': '2' },
    ],
  ])('are not told apart by %s', (_name, first, second) => {
    const problems = checkDuplicatePlatforms([
      of(linux, { annotations: first }),
      of(linux, { annotations: { [ZSTD]: 'true' } }),
      of(linux, { annotations: second }),
    ]);
    expect(problems.map(({ pointer }) => pointer)).toEqual(['/manifests/2/platform']);
  });

  it.each([
    ['an index', 'image-index', { manifests: [of({ ...linux, variant: 'v8' })] }, '/manifests/0'],
    [
      'a list',
      'docker-manifest-list',
      { manifests: [entry, of({ ...linux, variant: 'v8' })] },
      '/manifests/1',
    ],
    ['a descriptor', 'descriptor', of({ os: 'linux', architecture: 'arm64', variant: 'v7' }), ''],
  ] as const)('must not have the variant of another architecture: %s', (_name, kind, value, at) => {
    expect(broken(kind, value)).toEqual([`${at}/platform/variant platform/variant`]);
  });
});

describe('ambiguous documents', () => {
  const index = { schemaVersion: 2, manifests: [] };
  const manifest = { schemaVersion: 2, config: entry, layers: [] };

  it.each(['config', 'layers', 'fsLayers', 'history'])('an index with %s', (name) => {
    expect(broken('image-index', { ...index, [name]: [] })).toEqual([`/${name} document/ambiguous`]);
    expect(broken('docker-manifest-list', { ...index, [name]: [] })).toEqual([`/${name} document/ambiguous`]);
  });

  it.each(['manifests', 'fsLayers', 'history'])('a manifest with %s', (name) => {
    expect(broken('image-manifest', { ...manifest, [name]: [] })).toEqual([`/${name} document/ambiguous`]);
  });

  it.each(['Manifests', 'MEDIATYPE', 'Layers', 'layer\u017F', 'SchemaVersion', 'hi\u017Ftory'])(
    '%s, which Go reads as a known member',
    (name) => {
      expect(broken('image-index', { ...index, [name]: [] })).toEqual([`/${name} document/ambiguous`]);
    },
  );

  it('but not one whose foreign member is null or unknown', () => {
    expect(
      broken('image-index', { ...index, layers: null, blobs: [], configs: {}, annotations: {} }),
    ).toEqual([]);
  });
});

it.each([
  null,
  [],
  7,
  'text',
  { manifests: 7, layers: {}, config: [], subject: 'x', entries: [1], rootfs: 3 },
])('leave %j to the schema', (value) => {
  expect(broken('draft', value)).toEqual([]);
  expect(broken('descriptor', value)).toEqual([]);
  expect(broken('image-config', value)).toEqual([]);
});
