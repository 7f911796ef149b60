import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { digestOf, MemoryStore, Multiarch, parseDocument, type Annotations } from '../../src/index.js';
import type { BuildOptions } from '../build-options.js';
import { executableFile, licencesOf, ROOT } from '../checkout.js';
import { fetchPackages, snapshotTime, type DebianPackage } from '../packages/debian-packages.js';
import { architectureOf, type Architecture } from '../formats/elf.js';
import { Repository } from '../repository.js';
import { NON_ROOT, rootFilesystem } from './root-filesystem.js';
import { gzipped, tarFile, type TarEntry } from '../formats/tar-file.js';

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

const SOURCE = 'https://github.com/multiarch-cli/multiarch';

/** What the image is made of. */
export interface ImageParts {
  /** The paths of the executables for Linux. */
  readonly executables: Readonly<Record<Architecture, string>>;
  /** The texts of licences, by their names in the image. */
  readonly licences: Readonly<Record<string, string>>;
  /** The commit. */
  readonly revision: string;
  /** @default the pinned packages */
  readonly packages?: (architecture: Architecture) => Promise<readonly DebianPackage[]>;
}

/**
 * Builds the container image of the tool for all platforms, as an archive of an image layout with the version as its tag. The
 * images are assembled, annotated, checked and written by the tool itself.
 * @param given by default, the executables in the directory of the release files, and what belongs to the checkout
 */
export async function buildImage(options: BuildOptions, given?: ImageParts): Promise<string[]> {
  const parts = given ?? (await partsOfCheckout(options));
  const store = new MemoryStore('the built images');
  const architectures = Object.keys(parts.executables) as Architecture[];
  const digests = await Promise.all(
    architectures.map((architecture) => addImage(store, architecture, options, parts)),
  );
  const file = join(options.directory, `multiarch-${options.version}-image.oci.tar`);
  // Written anew: an existing archive would keep its images.
  await rm(file, { force: true });
  await using client = new Multiarch();
  await client.createAndPush(
    `oci-archive:${file}:${options.version}`,
    digests.map((selector) => ({ source: store, selector })),
    {
      annotations: annotationsOf(options, parts),
      require: architectures.map((architecture) => `linux/${architecture}`),
    },
  );
  return [file];
}

async function partsOfCheckout(options: BuildOptions): Promise<ImageParts> {
  return {
    executables: { amd64: executableFile(options, 'amd64'), arm64: executableFile(options, 'arm64') },
    licences: await licencesOf(options, 'amd64'),
    revision: await new Repository(ROOT).git(['rev-parse', 'HEAD']),
  };
}

/** Adds the image for one platform to a store. @returns its digest */
async function addImage(
  store: MemoryStore,
  architecture: Architecture,
  options: BuildOptions,
  parts: ImageParts,
): Promise<string> {
  const executable = await readFile(parts.executables[architecture]);
  const actual = architectureOf(executable);
  if (actual !== architecture) throw new Error(`${parts.executables[architecture]} is for ${actual}`);
  const packages = await (parts.packages ?? fetchPackages)(architecture);
  const own: TarEntry[] = [
    { path: 'usr/bin/multiarch', content: executable, mode: 0o755 },
    ...Object.entries(parts.licences).map(([name, content]) => ({
      path: `usr/share/doc/multiarch/${name}`,
      content,
      mode: 0o644,
    })),
  ];
  const layers = [
    // The time of the packages, so that releases with the same packages share this layer.
    await layerOf('Debian packages', rootFilesystem(executable, architecture, packages), snapshotTime()),
    await layerOf('multiarch', own, options.sourceDate),
  ];
  const created = new Date(options.sourceDate * 1000).toISOString();
  const annotations = annotationsOf(options, parts);
  const config = store.addBlob(
    jsonBytes({
      created,
      architecture,
      os: 'linux',
      config: {
        User: `${NON_ROOT}:${NON_ROOT}`,
        Env: [
          'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          'HOME=/home/nonroot',
          'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
        ],
        Entrypoint: ['/usr/bin/multiarch'],
        WorkingDir: '/work',
        Labels: annotations,
      },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(({ comment }) => ({ created, comment })),
    }),
    CONFIG,
  );
  const manifest = jsonBytes({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config,
    layers: layers.map(({ compressed }) => store.addBlob(compressed, LAYER)),
    annotations,
  });
  return (await store.writeManifest(parseDocument(manifest))).digest;
}

interface Layer {
  readonly comment: string;
  /** The digest of the tar file before compression. */
  readonly diffId: string;
  readonly compressed: Buffer;
}

async function layerOf(comment: string, entries: readonly TarEntry[], time: number): Promise<Layer> {
  const tar = tarFile(entries, time);
  return { comment, diffId: digestOf(tar), compressed: await gzipped(tar) };
}

/** The predefined annotations of the image specification, also the labels of the images. */
function annotationsOf({ version, sourceDate }: BuildOptions, { revision }: ImageParts): Annotations {
  const annotations = {
    created: new Date(sourceDate * 1000).toISOString(),
    description:
      'Assembles per-architecture container images into one multi-arch image index, and publishes it to any registry',
    documentation: `${SOURCE}/blob/v${version}/docs/README.md`,
    licenses: 'Apache-2.0',
    revision,
    source: SOURCE,
    title: 'multiarch',
    url: SOURCE,
    vendor: 'multiarch-cli',
    version,
  };
  return Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [`org.opencontainers.image.${name}`, value]),
  );
}

function jsonBytes(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
