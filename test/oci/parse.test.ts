import { describe, expect, it } from 'vitest';

import { digestOf, type Digest } from '../../src/oci/digest.js';
import { type ManifestOrIndex, MAX_MANIFEST_PULL } from '../../src/oci/document.js';
import { InvalidError } from '../../src/oci/errors.js';
import {
  DOCKER_CONFIG,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../src/oci/media-type.js';
import { parseDocument, type DocumentClaim } from '../../src/oci/parse.js';
import { thrownBy } from '../support/failure.js';
const digest = digestOf(Buffer.from('a'));
const config = { mediaType: OCI_CONFIG, digest, size: 1 };
const entry = { mediaType: OCI_MANIFEST, digest, size: 1 };
const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] };
const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [] };

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const parse = (value: unknown, claim?: DocumentClaim): ManifestOrIndex =>
  parseDocument(bytesOf(value), claim);

function rejection(bytes: Uint8Array, claim?: DocumentClaim): InvalidError {
  return thrownBy(() => parseDocument(bytes, claim), InvalidError);
}
const rules = (value: unknown, claim?: DocumentClaim): string[] =>
  rejection(bytesOf(value), claim).problems.map(({ pointer, rule }) => `${pointer} ${rule}`);

describe('parseDocument', () => {
  it('keeps the bytes as they are, with their digest', () => {
    const bytes = Buffer.from(
      `\n{ "manifests":[],\t"schemaVersion" : 2 , "mediaType":"${OCI_INDEX.replaceAll('/', '\\/')}"} `,
    );
    const document = parseDocument(bytes);
    expect(document.bytes).toBe(bytes);
    expect(document.digest).toBe(digestOf(bytes));
    expect(document).toMatchObject({ kind: 'index', mediaType: OCI_INDEX });
  });

  it('drops empty and unknown members', () => {
    const platform = {
      architecture: 'arm64',
      os: 'linux',
      variant: '',
      'os.features': null,
      features: [],
      note: 'x',
    };
    const found = { ...entry, platform, urls: null, annotations: null, artifactType: '', unknown: 1 };
    expect(parse({ ...index, manifests: [found], annotations: null, artifactType: '' }).value).toEqual({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ ...entry, platform: { architecture: 'arm64', os: 'linux' } }],
    });
  });

  it('keeps known members', () => {
    const full = {
      ...entry,
      urls: ['https://a.example/b'],
      annotations: { a: 'b', __proto__x: 'c' },
      data: 'YQ==',
      artifactType: 'application/x',
      platform: {
        architecture: 'amd64',
        os: 'windows',
        'os.version': '10.0.1',
        'os.features': ['win32k'],
        variant: 'v2',
        features: ['sse4'],
      },
    };
    const whole = {
      ...index,
      manifests: [full],
      subject: full,
      annotations: { c: 'd' },
      artifactType: 'application/y',
    };
    expect(parse(whole).value).toEqual(whole);
    const image = {
      ...manifest,
      layers: [full],
      subject: full,
      annotations: { c: 'd' },
      artifactType: 'application/y',
    };
    expect(parse(image).value).toEqual(image);
  });

  it('reads null as an empty list', () => {
    expect(parse({ ...index, manifests: null })).toMatchObject({ kind: 'index', value: { manifests: [] } });
    expect(parse({ ...manifest, layers: null })).toMatchObject({ kind: 'manifest', value: { layers: [] } });
  });

  it.each([{ os: 'linux' }, { os: '', architecture: 'amd64' }, {}])(
    'drops an incomplete platform: %j',
    (platform) => {
      expect(parse({ ...index, manifests: [{ ...entry, platform }] }).value).toEqual(index);
    },
  );

  it.each([
    ['an entry of no known type', { ...entry, mediaType: 'x-completely-unknown' }],
    ['data that is something else', { ...entry, data: 'Yg==' }],
    ['data that is not base64', { ...entry, data: '!' }],
    ['a URL that is none', { ...entry, urls: ['here'] }],
  ])('tolerates %s', (_name, found) => {
    expect(parse({ ...index, manifests: [found] }).value).toMatchObject({ manifests: [found] });
  });

  it('tolerates two entries of one platform', () => {
    const found = { ...entry, platform: { os: 'linux', architecture: 'amd64' } };
    expect(parse({ ...index, manifests: [found, found] }).value).toMatchObject({ manifests: [found, found] });
  });
});

describe('the media type of a document', () => {
  const { mediaType: _1, ...bareIndex } = index;
  const { mediaType: _2, ...bareManifest } = manifest;
  const dockerImage = { ...bareManifest, config: { ...config, mediaType: DOCKER_CONFIG } };

  it.each([
    ['its mediaType', manifest, undefined, OCI_MANIFEST],
    ['its mediaType, not the equivalent claim', manifest, DOCKER_MANIFEST, OCI_MANIFEST],
    ['an index by its content', bareIndex, undefined, OCI_INDEX],
    ['a list by its content and the claim', bareIndex, DOCKER_LIST, DOCKER_LIST],
    ['an image by its content', bareManifest, undefined, OCI_MANIFEST],
    ['an image by its content and the claim', bareManifest, DOCKER_MANIFEST, DOCKER_MANIFEST],
    ['a Docker image by its config', dockerImage, 'application/octet-stream', DOCKER_MANIFEST],
    ['an OCI image by the claim, whatever its config', dockerImage, OCI_MANIFEST, OCI_MANIFEST],
  ])('is %s', (_name, value, claimed, mediaType) => {
    expect(parse(value, { mediaType: claimed }).mediaType).toBe(mediaType);
  });

  it.each([
    OCI_INDEX,
    `${OCI_INDEX}; charset=utf-8`,
    OCI_INDEX.toUpperCase(),
    ' application/json ',
    'text/plain; charset=utf-8',
    'application/octet-stream',
    '',
    undefined,
  ])('may be claimed as %j', (mediaType) => {
    expect(parse(index, { mediaType }).mediaType).toBe(OCI_INDEX);
  });

  it.each([OCI_MANIFEST, DOCKER_MANIFEST, OCI_CONFIG, 'text/html', `${OCI_INDEX}x`])(
    'is not %s',
    (mediaType) => {
      expect(rules(index, { mediaType })).toEqual(['/mediaType media-type/mismatch']);
      expect(rejection(bytesOf(index), { mediaType, label: 'app:1' }).message).toBe(
        `app:1 is not valid: /mediaType is ${OCI_INDEX}, but its Content-Type or descriptor is ${mediaType}`,
      );
    },
  );

  it('does not become an index by a claim', () => {
    expect(rules(bareManifest, { mediaType: OCI_INDEX })).toEqual(['/mediaType media-type/mismatch']);
    expect(rules(bareIndex, { mediaType: OCI_MANIFEST })).toEqual(['/mediaType media-type/mismatch']);
  });
});

describe('parseDocument rejects', () => {
  it.each([
    [
      'both index and manifest',
      { ...index, config, layers: [] },
      ['/config document/ambiguous', '/layers document/ambiguous'],
    ],
    [
      'an index under the name of a manifest',
      { ...index, mediaType: OCI_MANIFEST },
      [' schema/required', ' schema/required', '/manifests document/ambiguous'],
    ],
    [
      'a digest in upper case',
      { ...index, manifests: [{ ...entry, digest: digest.toUpperCase().replace('SHA', 'sha') }] },
      ['/manifests/0/digest digest/case'],
    ],
    [
      'a digest that is a path',
      { ...manifest, config: { ...config, digest: 'sha256:../x' } },
      ['/config/digest digest/grammar'],
    ],
    [
      'a negative size',
      { ...manifest, layers: [{ ...config, size: -1 }] },
      ['/layers/0/size schema/minimum'],
    ],
    ['no size', { ...index, manifests: [{ ...entry, size: undefined }] }, ['/manifests/0 schema/required']],
    ['another version', { ...index, schemaVersion: 3 }, ['/schemaVersion schema/const']],
    ['a config', { architecture: 'amd64', os: 'linux', config: {}, rootfs: {} }, [' media-type/unknown']],
    ['a type of its own', { ...index, mediaType: `${OCI_INDEX}x` }, [' media-type/unknown']],
    ['a descriptor', entry, [' media-type/unknown']],
    ['a list', [index], [' schema/type']],
    ['null', null, [' schema/type']],
  ])('%s', (_name, value, expected) => {
    expect(rules(value)).toEqual(expected);
  });

  it.each([
    ['by its content', { schemaVersion: 1, fsLayers: [], history: [] }, undefined],
    ['by its mediaType', { mediaType: DOCKER_SCHEMA1_SIGNED }, undefined],
    ['by the claim', { anything: true }, `${DOCKER_SCHEMA1}; charset=utf-8`],
  ])('Docker schema 1, known %s', (_name, value, mediaType) => {
    const error = rejection(bytesOf(value), { mediaType, label: 'app:old' });
    expect(error.message).toContain('app:old is a Docker schema 1 manifest');
    expect(error.hint).toContain('push it with a current one');
    expect(error.problems).toMatchObject([{ rule: 'document/schema1' }]);
  });

  it('bytes that do not match digest or size', () => {
    const other = digestOf(Buffer.from('other'));
    expect(rejection(bytesOf(index), { digest: other, label: 'app@x' }).message).toBe(
      `app@x has the digest ${digestOf(bytesOf(index))}, expected ${other}`,
    );
    expect(rejection(bytesOf(index), { size: 1 }).message).toContain('expected 1');
    const large = digestOf(Buffer.from('other'), 'sha512');
    expect(rejection(bytesOf(index), { digest: large }).message).toContain(
      digestOf(bytesOf(index), 'sha512'),
    );
  });

  it('more bytes than the limit, before parsing', () => {
    const padded = Buffer.concat([bytesOf(index), Buffer.alloc(MAX_MANIFEST_PULL, ' ')]);
    expect(rejection(padded).message).toContain(`the limit is ${MAX_MANIFEST_PULL}`);
    expect(parseDocument(padded.subarray(0, MAX_MANIFEST_PULL)).kind).toBe('index');
  });
});

describe('the digest of a document', () => {
  it('is the requested one', () => {
    const sha512 = digestOf(bytesOf(index), 'sha512');
    expect(parse(index, { digest: sha512 }).digest).toBe(sha512);
    expect(parse(index, { digest: digestOf(bytesOf(index)), size: bytesOf(index).length }).kind).toBe(
      'index',
    );
  });

  it('is not checked if its algorithm is not supported', () => {
    expect(parse(index, { digest: 'blake3:abc' as Digest }).digest).toBe('blake3:abc');
  });
});
