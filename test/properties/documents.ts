import * as fc from 'fast-check';

import type { Annotations, Descriptor } from '../../src/oci/descriptor.js';
import { digestOf } from '../../src/oci/digest.js';
import type { ImageIndex } from '../../src/oci/image-index.js';
import type { ImageManifest } from '../../src/oci/image-manifest.js';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.js';
import type { Platform } from '../../src/oci/platform.js';
import { anyCharacter } from './property.js';

const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const anyText = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom('<', '>', '&', '"', '\\', '\n', '\b', '\u2028', '\u2029', '\u007F', '{', ']'),
  }),
);
const mediaType = fc.tuple(word, word).map(([type, subtype]) => `${type}/${subtype}`);

/** Names that an object of JavaScript puts first, or that mean something to it, are among them. */
const annotations: fc.Arbitrary<Annotations> = fc
  .array(fc.tuple(fc.oneof(anyText, fc.nat().map(String), fc.constant('__proto__')), anyText), {
    minLength: 1,
    maxLength: 5,
  })
  .map((members) => Object.fromEntries(members));

/** Each platform is another one, so that no two entries compete. */
function platformOf(number: number, others: Omit<Platform, 'architecture' | 'os'>): Platform {
  return { architecture: `cpu${number}`, os: 'linux', ...others };
}

const platformMembers = fc.record(
  {
    'os.version': word,
    'os.features': fc.array(word, { minLength: 1, maxLength: 3 }),
    variant: word,
    features: fc.array(word, { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: [] },
);

/** A valid descriptor with all members. */
export const anyDescriptor: fc.Arbitrary<Descriptor> = fc
  .record(
    {
      content: fc.uint8Array({ maxLength: 20 }),
      mediaType,
      urls: fc.array(
        word.map((name) => `https://${name}.example/?a&b`),
        { minLength: 1, maxLength: 2 },
      ),
      annotations,
      data: fc.boolean(),
      artifactType: mediaType,
      platform: fc.tuple(fc.nat(), platformMembers).map(([number, others]) => platformOf(number, others)),
    },
    { requiredKeys: ['content', 'mediaType'] },
  )
  .map(({ content, data, ...others }) => ({
    ...others,
    digest: digestOf(content),
    size: content.length,
    ...(data === true && content.length > 0 ? { data: Buffer.from(content).toString('base64') } : {}),
  }));

/** A valid index with all members. */
export const anyIndex: fc.Arbitrary<ImageIndex> = fc
  .record(
    {
      manifests: fc.array(anyDescriptor, { maxLength: 4 }),
      artifactType: mediaType,
      subject: anyDescriptor,
      annotations,
    },
    { requiredKeys: ['manifests'] },
  )
  .map(({ manifests, ...others }) => ({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: manifests.map(({ platform, ...entry }, number) =>
      platform === undefined ? entry : { ...entry, platform: { ...platform, architecture: `cpu${number}` } },
    ),
    ...others,
  }));

/** A valid image manifest with all members. */
export const anyManifest: fc.Arbitrary<ImageManifest> = fc
  .record(
    {
      config: anyDescriptor,
      layers: fc.array(anyDescriptor, { maxLength: 4 }),
      artifactType: mediaType,
      subject: anyDescriptor,
      annotations,
    },
    { requiredKeys: ['config', 'layers'] },
  )
  .map(({ config, ...others }) => ({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { ...config, mediaType: OCI_CONFIG },
    ...others,
  }));

/** A valid image config with the members that are read. */
export const anyConfig: fc.Arbitrary<unknown> = fc
  .record(
    {
      created: fc.constantFrom('2024-01-01T00:00:00Z', '2015-10-31T22:22:56.015925234+02:00'),
      author: anyText,
      'os.version': word,
      'os.features': fc.array(word, { maxLength: 2 }),
      variant: word,
      config: fc.record(
        {
          User: word,
          Env: fc.array(word, { maxLength: 2 }),
          Cmd: fc.array(word, { maxLength: 2 }),
          ExposedPorts: fc.dictionary(word, fc.constant({}), { maxKeys: 2 }),
          Labels: fc.dictionary(word, anyText, { maxKeys: 3 }),
        },
        { requiredKeys: [] },
      ),
      history: fc.array(fc.record({ created_by: anyText, empty_layer: fc.boolean() }), { maxLength: 2 }),
      diffIds: fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 3 }),
    },
    { requiredKeys: ['diffIds'] },
  )
  .map(({ diffIds, ...others }) => ({
    architecture: 'amd64',
    os: 'linux',
    ...others,
    rootfs: { type: 'layers', diff_ids: diffIds.map((bytes) => digestOf(bytes)) },
  }));
