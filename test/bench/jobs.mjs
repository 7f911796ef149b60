import { tinyImage, tinyIndex } from '../support/tiny-image.mjs';
import { blobOf, largeImage } from './copy.mjs';

/**
 * @typedef {import('../support/tiny-image.mjs').TinyImage} TinyImage
 * @typedef {import('./servers.mjs').Place} Place
 *
 * @typedef {object} Job
 * @property {string} name
 * @property {string} title
 * @property {'create' | 'inspect' | 'copy' | 'start'} does
 * @property {readonly number[]} roundTrips in milliseconds; 0 without proxies
 * @property {number} [rounds] instead of those of the whole run
 * @property {boolean} [token] whether the registry requires a token
 * @property {boolean} [elsewhere] whether the target is a second registry
 * @property {boolean} [again] whether the same was published before
 * @property {boolean} [attested] whether the sources are indexes with attestations
 * @property {string} target the repository of the index or copy
 * @property {(place: Place) => Promise<Seeded>} seed
 *
 * @typedef {object} Seeded
 * @property {readonly string[]} sources references
 * @property {readonly TinyImage[]} images for the specification of manifest-tool
 */

/** The round trip of most jobs, in milliseconds. */
const USUAL = 50;

/** @type {readonly Job[]} */
export const JOBS = [
  plain(2, [USUAL]),
  plain(7, [0, 10, USUAL, 150]),
  {
    ...plain(7, [USUAL]),
    name: 'images-7-token',
    title: '7 images of one repository, with a token',
    token: true,
  },
  plain(32, [USUAL]),
  {
    name: 'attested-7',
    title: '7 attested images of one repository',
    does: 'create',
    roundTrips: [USUAL],
    attested: true,
    target: 'app',
    seed: (place) => seed(place, 'app', 7, (image) => tinyIndex([image], { attestations: true })),
  },
  { ...plain(7, [USUAL]), name: 'again-7', title: '7 images, published already', again: true },
  {
    name: 'shared-20',
    title: '2 images that share 20 layers, to another repository',
    does: 'create',
    roundTrips: [USUAL],
    target: 'target',
    seed: (place) => seed(place, 'source', 2, withSharedLayers),
  },
  {
    name: 'inspect-32',
    title: 'the index of 32 images',
    does: 'inspect',
    roundTrips: [USUAL],
    target: 'app',
    seed: async (place) => {
      const images = imagesOf(32);
      await place.repository('app').add(tinyIndex(images), 'list');
      return { sources: [], images };
    },
  },
  {
    name: 'copy',
    title: 'a copy of 2 layers of 100 MB to another registry',
    does: 'copy',
    roundTrips: [0],
    elsewhere: true,
    target: 'target',
    seed: async (place) => {
      // New content each time: skopeo remembers which repository of a registry has a blob, and mounts it.
      const image = largeImage((copies += 1));
      return { sources: [await place.repository('source').add(image, '1')], images: [image] };
    },
  },
  {
    name: 'start-up',
    title: 'the start of a program',
    does: 'start',
    roundTrips: [0],
    rounds: 15,
    target: '',
    seed: async () => ({ sources: [], images: [] }),
  },
];

let copies = 0;

/** @type {(count: number, roundTrips: readonly number[]) => Job} */
function plain(count, roundTrips) {
  return {
    name: `images-${count}`,
    title: `${count} images of one repository`,
    does: 'create',
    roundTrips,
    target: 'app',
    seed: (place) => seed(place, 'app', count, (image) => image),
  };
}

/**
 * Puts images, or what is made of them, under the tags `0`, `1` and so on.
 * @type {(place: Place, path: string, count: number, made: (image: TinyImage) => TinyImage | import('../support/tiny-image.mjs').TinyIndex) => Promise<Seeded>}
 */
async function seed(place, path, count, made) {
  const images = imagesOf(count);
  const repository = place.repository(path);
  const sources = [];
  // One after the other: docker-registry 2.8 rejects a blob that two requests upload at the same time.
  for (const [position, image] of images.entries()) {
    sources.push(await repository.add(made(image), String(position)));
  }
  return { sources, images };
}

const ARCHITECTURES = /** @type {const} */ ([
  ['amd64'],
  ['arm64'],
  ['arm', 'v7'],
  ['386'],
  ['ppc64le'],
  ['s390x'],
  ['riscv64'],
]);

/** Images of different platforms: of Linux, then of versions of Windows. @param {number} count */
function imagesOf(count) {
  return Array.from({ length: count }, (_, number) => {
    const [architecture, variant] = ARCHITECTURES[number] ?? ['amd64'];
    if (number < ARCHITECTURES.length) {
      return tinyImage({ architecture, ...(variant !== undefined && { variant }) });
    }
    return tinyImage({ architecture, os: 'windows', osVersion: `10.0.${number}`, text: `${number}\n` });
  });
}

/** @param {TinyImage} image */
function withSharedLayers({ manifest, config, layers, ...image }) {
  const shared = Array.from({ length: 20 }, (_, number) =>
    tinyImage({ architecture: 'amd64', text: `${number}\n` }),
  );
  const all = [...layers, ...shared.flatMap((each) => each.layers)];
  const value = JSON.parse(Buffer.from(manifest.bytes).toString());
  const descriptors = all.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  const bytes = Buffer.from(JSON.stringify({ ...value, layers: descriptors }));
  return { ...image, manifest: blobOf(manifest.mediaType, bytes), config, layers: all };
}
