/**
 * Container images of a few kilobytes, made in memory: equal arguments give equal bytes and digests on every machine.
 * Plain JavaScript, so that a script can use them without a build.
 *
 * @typedef {import('./tiny-elf.mjs').Architecture} Architecture
 *
 * @typedef {object} TinyBlob
 * @property {Uint8Array} bytes
 * @property {string} digest `sha256:` and 64 hexadecimal digits.
 * @property {string} mediaType
 * @property {number} size In bytes.
 *
 * @typedef {{ architecture: string, os: string, 'os.version'?: string, 'os.features'?: readonly string[],
 *   variant?: string }} TinyPlatform As an index entry says it.
 *
 * @typedef {object} TinyImage
 * @property {TinyBlob} manifest
 * @property {TinyBlob} config
 * @property {readonly TinyBlob[]} layers
 * @property {TinyPlatform} [platform] Absent where the config says none.
 * @property {Readonly<Record<string, string>>} [annotations] Of its entry in an index.
 *
 * @typedef {TinyBlob & { readonly images: readonly TinyImage[] }} TinyIndex `images` are all entries in order, attestations included.
 */

import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { tinyElf } from './tiny-elf.mjs';
import { gzipOf, tarOf } from './tiny-tar.mjs';

const CREATED = '2024-01-01T00:00:00Z';

const MEDIA_TYPES = {
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
};

/**
 * An image with one layer, which holds one static executable, `/hello`, that is of the architecture asked for and
 * writes `text`. Images that differ in nothing but their text differ in every digest.
 *
 * @param {object} options
 * @param {Architecture} options.architecture
 * @param {string} [options.os] What the config claims; the executable is for Linux always. Default `linux`.
 * @param {string} [options.osVersion]
 * @param {readonly string[]} [options.osFeatures]
 * @param {string} [options.variant] Such as `v7`.
 * @param {'oci' | 'docker'} [options.mediaTypes] Default `oci`.
 * @param {string} [options.text] At most 2047 bytes. Default: a greeting that names the platform, and a newline.
 * @param {Record<string, string>} [options.labels] Of the config.
 * @param {boolean} [options.omitPlatform] Leave all of the platform out of the config.
 * @returns {TinyImage}
 */
export function tinyImage(options) {
  const { architecture, os = 'linux', variant, mediaTypes = 'oci', labels, omitPlatform = false } = options;
  const { osVersion, osFeatures } = options;
  const platform = {
    architecture,
    os,
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
    ...(osFeatures === undefined ? {} : { 'os.features': osFeatures }),
    ...(variant === undefined ? {} : { variant }),
  };
  const { text = `Hello from ${[os, architecture, variant].filter(Boolean).join('/')}\n` } = options;
  const types = MEDIA_TYPES[mediaTypes];
  const archive = tarOf('hello', tinyElf(architecture, text));
  const layer = blobOf(types.layer, gzipOf(archive));
  const config = jsonOf(types.config, {
    created: CREATED,
    ...(omitPlatform ? {} : platform),
    config: { Cmd: ['/hello'], ...(labels === undefined ? {} : { Labels: labels }) },
    rootfs: { type: 'layers', diff_ids: [digestOf(archive)] },
    history: [{ created: CREATED, created_by: 'COPY hello /hello' }],
  });
  const manifest = jsonOf(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptorOf(config),
    layers: [descriptorOf(layer)],
  });
  return { manifest, config, layers: [layer], ...(omitPlatform ? {} : { platform }) };
}

/**
 * An image index, or a Docker manifest list, of these images in this order. With `attestations` one attestation
 * manifest for each image follows, as BuildKit writes them: platform unknown/unknown, bound to its image by annotations,
 * one in-toto layer.
 *
 * @param {readonly TinyImage[]} images
 * @param {object} [options]
 * @param {'oci' | 'docker'} [options.mediaTypes] Default `oci`.
 * @param {boolean} [options.attestations] Default false.
 * @returns {TinyIndex}
 */
export function tinyIndex(images, { mediaTypes = 'oci', attestations = false } = {}) {
  const entries = attestations ? [...images, ...images.map(attestationOf)] : [...images];
  const mediaType = MEDIA_TYPES[mediaTypes].index;
  return {
    ...jsonOf(mediaType, { schemaVersion: 2, mediaType, manifests: entries.map(entryOf) }),
    images: entries,
  };
}

/**
 * Writes an image or an index, with all that it points to, into an OCI image layout (image-spec, "OCI Image Layout")
 * under a tag. A layout that is there already keeps its other tags.
 *
 * @param {string} directory Made where it is not there.
 * @param {TinyImage | TinyIndex} content
 * @param {string} tag
 * @returns {Promise<void>}
 */
export async function writeLayout(directory, content, tag) {
  const [entry, images, indexes] =
    'images' in content
      ? [descriptorOf(content), content.images, [content]]
      : [entryOf(content), [content], []];
  const blobs = [
    ...indexes,
    ...images.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]),
  ];
  await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  for (const { digest, bytes } of blobs) {
    await writeFile(join(directory, 'blobs', ...digest.split(':')), bytes);
  }
  const name = 'org.opencontainers.image.ref.name';
  const others = (await layoutEntries(directory)).filter(({ annotations }) => annotations?.[name] !== tag);
  const manifests = [...others, { ...entry, annotations: { [name]: tag } }];
  await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  await writeFile(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

/**
 * @param {string} directory
 * @returns {Promise<{ annotations?: Record<string, string> }[]>} None where there is no layout yet.
 */
async function layoutEntries(directory) {
  try {
    return JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')).manifests;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * @param {TinyImage} image
 * @returns {TinyImage}
 */
function attestationOf({ manifest: subject }) {
  const types = MEDIA_TYPES.oci;
  const predicateType = 'https://slsa.dev/provenance/v0.2';
  const statement = jsonOf('application/vnd.in-toto+json', {
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType,
    subject: [{ name: 'hello', digest: { sha256: subject.digest.slice('sha256:'.length) } }],
    predicate: {
      builder: { id: '' },
      buildType: 'https://mobyproject.org/buildkit@v1',
      metadata: { buildFinishedOn: CREATED },
    },
  });
  const platform = { architecture: 'unknown', os: 'unknown' };
  const config = jsonOf(types.config, {
    ...platform,
    config: {},
    rootfs: { type: 'layers', diff_ids: [statement.digest] },
  });
  const manifest = jsonOf(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptorOf(config),
    layers: [{ ...descriptorOf(statement), annotations: { 'in-toto.io/predicate-type': predicateType } }],
  });
  return {
    manifest,
    config,
    layers: [statement],
    platform,
    annotations: {
      'vnd.docker.reference.digest': subject.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    },
  };
}

/**
 * @param {TinyImage} image
 */
function entryOf({ manifest, annotations, platform }) {
  return {
    ...descriptorOf(manifest),
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform }),
  };
}

/**
 * @param {TinyBlob} blob
 */
function descriptorOf({ mediaType, digest, size }) {
  return { mediaType, digest, size };
}

/**
 * @param {string} mediaType
 * @param {object} document
 * @returns {TinyBlob}
 */
function jsonOf(mediaType, document) {
  return blobOf(mediaType, new TextEncoder().encode(JSON.stringify(document)));
}

/**
 * @param {string} mediaType
 * @param {Uint8Array} bytes
 * @returns {TinyBlob}
 */
function blobOf(mediaType, bytes) {
  return { bytes, digest: digestOf(bytes), mediaType, size: bytes.length };
}

/**
 * @param {Uint8Array} bytes
 */
function digestOf(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
