import { describe, expect, it } from 'vitest';
import { tryParseDigest, type Digest } from '../../src/oci/digest.js';
import type { ImageIndex } from '../../src/oci/image-index.js';
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../src/oci/media-type.js';
import {
  formatProblem,
  invalidDocument,
  validateDocument,
  validateForPublish,
} from '../../src/oci/validate.js';
import { describeVectors, vectorJson } from '../support/vectors.js';
import { REFERENCE_TYPE } from '../../src/oci/attestation.js';

const DIGEST = tryParseDigest(`sha256:${'a'.repeat(64)}`) as Digest;
const platform = { architecture: 'amd64', os: 'linux' };
const entry = { mediaType: OCI_MANIFEST, digest: DIGEST, size: 1, platform };
const draft = {
  version: 1,
  target: 'docker.io/library/app:1.2',
  format: 'auto',
  entries: [
    {
      source: 'docker.io/library/app:1.2-amd64',
      descriptor: entry,
      manifest: '{}',
      override: {
        platform: { variant: 'v2', 'os.features': ['a'] },
        annotations: { a: 'b' },
        unset: { platform: ['os.version'], annotations: ['c'] },
      },
    },
    { source: 'oci:/tmp/out', descriptor: entry },
  ],
  subject: entry,
  annotations: {},
  artifactType: 'a/b',
};

describe('validateDocument', () => {
  it.each([
    ['image-index', { schemaVersion: 2, manifests: [entry], unknown: 1 }],
    ['image-index', { schemaVersion: 2, mediaType: OCI_INDEX, manifests: null, annotations: null }],
    ['docker-manifest-list', { schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [entry] }],
    ['image-manifest', { schemaVersion: 2, config: entry, layers: null }],
    ['image-manifest', { schemaVersion: 2, mediaType: DOCKER_MANIFEST, config: entry, layers: [entry] }],
    [
      'descriptor',
      { ...entry, urls: ['https://a.example/b'], platform: { ...platform, features: ['sse4'] } },
    ],
    ['oci-layout', { imageLayoutVersion: '1.0.0' }],
    ['draft', draft],
    ['draft', { version: 1, target: 'a', format: 'oci', entries: [] }],
    [
      'image-config',
      {
        ...platform,
        created: '2026-01-31T12:00:00.123456789+01:00',
        rootfs: { type: 'layers', diff_ids: null },
        config: { Env: null, Cmd: null, Labels: null, Env2: 1 },
        history: [{ created: '0001-01-01T00:00:00Z', empty_layer: true }],
      },
    ],
  ] as const)('allows %s %#', (kind, value) => {
    expect(validateDocument(kind, value)).toEqual([]);
  });

  it.each([
    ['image-index', [], ['it must be an object']],
    ['image-index', null, ['it must be an object']],
    [
      'image-index',
      { schemaVersion: 1, mediaType: OCI_MANIFEST, manifests: {} },
      ['/schemaVersion must be 2', `/mediaType must be "${OCI_INDEX}"`, '/manifests must be an array'],
    ],
    ['docker-manifest-list', { schemaVersion: 2, manifests: [] }, ['it has no "mediaType"']],
    ['image-manifest', { schemaVersion: 2, config: 7 }, ['it has no "layers"', '/config must be an object']],
    [
      'descriptor',
      { mediaType: 'nothing', digest: 'sha256:AB', size: 2 ** 53, annotations: { a: 1 } },
      [
        '/mediaType must be a media type such as application/vnd.oci.image.manifest.v1+json',
        '/size must be 9007199254740991 or less',
        '/annotations/a must be a string',
        '/digest is not a digest: its hexadecimal digits must be lower case',
      ],
    ],
    ['descriptor', { ...entry, size: 1.5 }, ['/size must be a whole number']],
    ['descriptor', { ...entry, size: -1 }, ['/size must be 0 or more']],
    [
      'descriptor',
      { ...entry, urls: ['/a'] },
      ['/urls/0 must be an absolute URL such as https://example.com/blob'],
    ],
    ['descriptor', { ...entry, data: '!' }, ['/data is not base64 with padding']],
    ['descriptor', { ...entry, platform: { os: 'linux' } }, ['/platform has no "architecture"']],
    ['oci-layout', { imageLayoutVersion: '2.0.0' }, ['/imageLayoutVersion must be "1.0.0"']],
    ['oci-layout', {}, ['it has no "imageLayoutVersion"']],
    [
      'image-config',
      { ...platform, created: 'today', rootfs: { type: 'layers', diff_ids: ['x'] }, config: { Env: ['=1'] } },
      [
        '/created must be a date and time such as 2026-01-31T12:00:00Z',
        '/config/Env/0 must be of the form NAME=VALUE',
        '/rootfs/diff_ids/0 is not a digest: it has no algorithm, such as "sha256:"',
      ],
    ],
    [
      'draft',
      { ...draft, version: 2, format: 'x', target: '', note: 1 },
      [
        '/note is not a known member',
        '/version must be 1',
        '/target must not be empty or start with a space',
        '/format must be "auto", "oci" or "docker"',
      ],
    ],
  ] as const)('says all that is wrong with %s %#', (kind, value, expected) => {
    expect(validateDocument(kind, value).map(formatProblem)).toEqual(expected);
  });

  it('reports every invalid element of a long list', () => {
    const manifests = Array.from({ length: 3 }, () => ({ platform: {}, urls: [7] }));
    const rules = validateDocument('image-index', { schemaVersion: 2, manifests }).map(({ rule }) => rule);
    const each = ['schema/required', 'schema/required', 'schema/required', 'schema/type'];
    const incomplete = Array.from({ length: 6 }, () => 'platform/incomplete');
    expect(rules).toEqual([...each, ...each, ...each, ...incomplete]);
  });

  it('does not keep problems between calls', () => {
    expect(validateDocument('oci-layout', {})).toHaveLength(1);
    expect(validateDocument('oci-layout', { imageLayoutVersion: '1.0.0' })).toEqual([]);
  });
});

const publishing = (manifests: ImageIndex['manifests'], mediaType = OCI_INDEX): string[] =>
  validateForPublish({ schemaVersion: 2, mediaType, manifests }).map(
    ({ pointer, rule }) => `${pointer} ${rule}`,
  );

describe('validateForPublish', () => {
  const { platform: _, ...bare } = entry;

  it.each([OCI_INDEX, DOCKER_LIST])('allows images with a platform: %s', (mediaType) => {
    expect(
      publishing([entry, { ...entry, platform: { os: 'linux', architecture: 'arm64' } }], mediaType),
    ).toEqual([]);
  });

  it('requires a platform for images', () => {
    expect(publishing([entry, bare, { ...bare, mediaType: DOCKER_MANIFEST }])).toEqual([
      '/manifests/1 platform/missing',
      '/manifests/2 platform/missing',
    ]);
  });

  it.each([
    ['an attestation', { ...bare, annotations: { [REFERENCE_TYPE]: 'attestation-manifest' } }],
    ['an artifact', { ...bare, artifactType: 'application/vnd.example+json' }],
    ['a nested index', { ...bare, mediaType: OCI_INDEX }],
    ['something of its own', { ...bare, mediaType: OCI_CONFIG }],
  ])('requires no platform for %s', (_name, other) => {
    expect(publishing([entry, other])).toEqual([]);
  });

  it('reports two entries of one platform by a rule of its own', () => {
    expect(publishing([entry, entry])).toEqual(['/manifests/1/platform platform/duplicate']);
  });

  it('rejects an empty index', () => {
    expect(publishing([])).toEqual(['/manifests index/empty']);
  });

  it('reports an incomplete platform once', () => {
    expect(publishing([{ ...entry, platform: { os: '', architecture: 'amd64' } }])).toEqual([
      '/manifests/0/platform platform/incomplete',
    ]);
  });
});

describe('invalidDocument', () => {
  const problem = { pointer: '/size', message: 'must be 0 or more', rule: 'schema/minimum' };

  it('has the first problem in the message, and all as data', () => {
    const error = invalidDocument('app:1.2', [problem, problem, problem], 'Build it again.');
    expect(error.message).toBe('app:1.2 is not valid: /size must be 0 or more (and 2 more)');
    expect(error.problems).toHaveLength(3);
    expect(error.hint).toBe('Build it again.');
    expect(invalidDocument('app:1.2', [problem]).message).toBe(
      'app:1.2 is not valid: /size must be 0 or more',
    );
  });
});

describeVectors('a descriptor as buildx reads it from a file', () => {
  const rows = vectorJson<{ source_descriptor_file: { input: string; accepted: boolean }[] }>(
    'index-ops.json',
  );

  it.each(rows.source_descriptor_file)('$input', ({ input, accepted }) => {
    expect(validateDocument('descriptor', JSON.parse(input)).length === 0).toBe(accepted);
  });
});
