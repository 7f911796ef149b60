import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {object} Preparation
 * @property {string} directory
 * @property {number} size
 * @property {import('../support/memory-registry.js').MemoryRegistry} registry
 *
 * @typedef {object} Run
 * @property {import('../../src/index.js').Multiarch} client
 * @property {string} directory
 * @property {number} size
 * @property {string} host of the registry
 *
 * @typedef {object} GrowthJob
 * @property {number} size the number of images, manifests, annotations or blobs
 * @property {(preparation: Preparation) => void | Promise<void>} prepare
 * @property {(run: Run) => Promise<unknown>} run
 *
 * @typedef {{ readonly mediaType: string, readonly digest: string, readonly size: number }} Descriptor
 * @typedef {{ readonly descriptor: Descriptor, readonly bytes: Buffer }} Blob
 */

const OCI = 'application/vnd.oci.image';
const REF_NAME = 'org.opencontainers.image.ref.name';
/** The entries of the draft that is annotated many times. */
const ENTRIES = 1000;
const BLOBS_PER_IMAGE = 10;

/** @type {Readonly<Record<string, GrowthJob>>} */
export const JOBS = {
  'images of one index': {
    size: 1000,
    prepare: ({ size, registry }) => {
      for (let number = 0; number < size; number += 1) {
        const [manifest, ...blobs] = imageOf(number, 2);
        for (const { bytes } of blobs) registry.putBlob('app', bytes);
        registry.putManifest('app', manifest.bytes, manifest.descriptor.mediaType, `v${number}`);
      }
    },
    run: ({ client, size, host }) =>
      client.createAndPush(
        `${host}/app:all`,
        Array.from({ length: size }, (_, number) => `${host}/app:v${number}`),
      ),
  },
  'annotations of a draft of 1,000 entries': {
    size: 1000,
    prepare: ({ directory }) => writeLayout(join(directory, 'layout'), imagesOf(ENTRIES), 'all'),
    run: async ({ client, directory, size }) => {
      const { draft } = await client.create('example.com/app:1', [`oci:${join(directory, 'layout')}:all`]);
      for (let number = 0; number < size; number += 1) {
        const digest = draft.entries[number % ENTRIES]?.descriptor.digest ?? '';
        await client.annotate('example.com/app:1', digest, { annotations: { [`a${number}`]: 'b' } });
      }
    },
  },
  'manifests of a layout, joined': {
    size: 5000,
    prepare: ({ directory, size }) => writeLayout(join(directory, 'layout'), imagesOf(size)),
    run: ({ client, directory, size }) =>
      client.create(
        'example.com/app:1',
        Array.from({ length: size }, (_, number) => `oci:${join(directory, 'layout')}:v${number}`),
      ),
  },
  'manifests of a layout, copied with a tenth signed': {
    size: 5000,
    prepare: ({ directory, size }) => {
      const images = imagesOf(size);
      const signed = images.slice(0, size / 10).map(([manifest]) => signatureOf(manifest.descriptor));
      writeLayout(join(directory, 'layout'), images, 'all', signed);
    },
    run: ({ client, directory }) =>
      client.copy(`oci:${join(directory, 'layout')}:all`, `oci:${join(directory, 'target')}:all`, {
        referrers: true,
      }),
  },
  'blobs of an archive, copied': {
    size: 10_000,
    prepare: prepareArchive,
    run: ({ client, directory }) =>
      client.copy(`oci-archive:${join(directory, 'image.tar')}:all`, `oci:${join(directory, 'target')}:all`),
  },
  'blobs of an archive, to which an image is added': {
    size: 10_000,
    prepare: prepareArchive,
    run: ({ client, directory }) =>
      client.copy(
        `oci-archive:${join(directory, 'image.tar')}:v0`,
        `oci-archive:${join(directory, 'image.tar')}:new`,
      ),
  },
};

/** @type {(preparation: Preparation) => void} */
function prepareArchive({ directory, size }) {
  const layout = join(directory, 'layout');
  writeLayout(layout, imagesOf(size / BLOBS_PER_IMAGE, BLOBS_PER_IMAGE), 'all');
  execFileSync('tar', [
    '-cf',
    join(directory, 'image.tar'),
    '-C',
    layout,
    'oci-layout',
    'index.json',
    'blobs',
  ]);
}

/** @type {(count: number, blobs?: number) => [Blob, ...Blob[]][]} */
function imagesOf(count, blobs = 3) {
  return Array.from({ length: count }, (_, number) => imageOf(number, blobs));
}

/**
 * An image of small blobs, the manifest first. No two have the same platform.
 * @type {(number: number, blobs: number) => [Blob, ...Blob[]]}
 */
function imageOf(number, blobs) {
  const layers = Array.from({ length: blobs - 2 }, (_, layer) =>
    blobOf(`${OCI}.layer.v1.tar`, Buffer.from(`layer ${layer} of ${number}`)),
  );
  const config = jsonOf(`${OCI}.config.v1+json`, {
    architecture: 'amd64',
    os: 'windows',
    'os.version': `10.0.${number}`,
    rootfs: { type: 'layers', diff_ids: layers.map(({ descriptor }) => descriptor.digest) },
  });
  const manifest = jsonOf(`${OCI}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  return [manifest, config, ...layers];
}

/** @type {(subject: Descriptor) => [Blob, ...Blob[]]} */
function signatureOf(subject) {
  const empty = jsonOf('application/vnd.oci.empty.v1+json', {});
  const manifest = jsonOf(`${OCI}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    artifactType: 'application/vnd.example.signature',
    config: empty.descriptor,
    layers: [empty.descriptor],
    subject,
  });
  return [manifest, empty];
}

/**
 * Writes a layout with a tag for each image, with another one for an index of all, and with artifacts without a tag.
 * @type {(directory: string, images: [Blob, ...Blob[]][], all?: string, artifacts?: [Blob, ...Blob[]][]) => void}
 */
function writeLayout(directory, images, all, artifacts = []) {
  const mediaType = `${OCI}.index.v1+json`;
  const index = jsonOf(mediaType, {
    schemaVersion: 2,
    mediaType,
    manifests: images.map(([{ descriptor }], number) => ({
      ...descriptor,
      platform: { architecture: 'amd64', os: 'windows', 'os.version': `10.0.${number}` },
    })),
  });
  mkdirSync(join(directory, 'blobs', 'sha256'), { recursive: true });
  for (const { descriptor, bytes } of [index, ...images.flat(), ...artifacts.flat()]) {
    writeFileSync(join(directory, 'blobs', ...descriptor.digest.split(':')), bytes);
  }
  const manifests = [
    ...images.map(([{ descriptor }], number) => ({
      ...descriptor,
      annotations: { [REF_NAME]: `v${number}` },
    })),
    ...(all === undefined ? [] : [{ ...index.descriptor, annotations: { [REF_NAME]: all } }]),
    ...artifacts.map(([{ descriptor }]) => ({
      ...descriptor,
      artifactType: 'application/vnd.example.signature',
    })),
  ];
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  writeFileSync(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

/** @type {(mediaType: string, document: object) => Blob} */
function jsonOf(mediaType, document) {
  return blobOf(mediaType, Buffer.from(JSON.stringify(document)));
}

/** @type {(mediaType: string, bytes: Buffer) => Blob} */
function blobOf(mediaType, bytes) {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}
