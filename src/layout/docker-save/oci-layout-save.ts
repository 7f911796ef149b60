import type { Readable } from 'node:stream';

import pLimit from 'p-limit';

import { checkCancelled } from '../../content/cancellation.js';
import type { OnEvent } from '../../content/events.js';
import type { ReadOptions, Selector } from '../../content/source.js';
import { readVerified } from '../../content/verified-stream.js';
import { distinctResults, walkGraph } from '../../content/walk.js';
import { REF_NAME, readDescriptor, type Descriptor } from '../../oci/descriptor.js';
import { digestOf, isVerifiableDigest, type Digest } from '../../oci/digest.js';
import { childrenOf, type ManifestDocument, type ManifestOrIndex } from '../../oci/document.js';
import { InvalidError, NotFoundError } from '../../oci/errors.js';
import { MAX_CONFIG_BYTES, parseImageConfig } from '../../oci/image-config.js';
import {
  isImageConfigType,
  isIndexType,
  isManifestType,
  isNonDistributableType,
} from '../../oci/media-type.js';
import { formatPlatform } from '../../oci/platform.js';
import type { Reference } from '../../oci/reference.js';
import type { TarArchive } from '../tar/tar-archive.js';
import { TarLayoutFiles } from '../core/tar-layout-files.js';
import type { DockerSaveImages, ConversionOptions } from './docker-save-images.js';
import { CONTAINERD_NAME } from '../core/layout-names.js';
import { LayoutReader, type LayoutFiles } from '../core/layout-reader.js';
import { PARALLEL_READS } from '../core/layout-blobs.js';
import { chooseImage, imageAt, imageTagged, type NamedImage } from './image-selection.js';
import type { ManifestJsonEntry } from './manifest-json.js';
import { mayBeImage } from '../../oci/attestation.js';

interface ListedImage extends NamedImage {
  readonly id: Digest;
  readonly entry: Descriptor;
}

interface SaveOptions {
  /** The archive's name in messages. */
  readonly label: string;
  readonly onEvent: OnEvent | undefined;
  /** The entries of `manifest.json`; none if the archive lacks it. @throws InvalidError */
  readonly manifestJson: () => readonly ManifestJsonEntry[];
}

/** An image, attestation or other content that an index lists, or an index itself. */
interface Part {
  readonly descriptor: Descriptor;
  readonly document: ManifestOrIndex | undefined;
  /** Of a manifest. */
  readonly config: Descriptor | undefined;
  /** Whether the archive has the manifest and its blobs; of an index, the index itself. */
  readonly isComplete: boolean;
  readonly below: readonly Part[];
}

/**
 * The image layout in an archive that docker 25 and later, or BuildKit, wrote. Its manifests are used as they are.
 *
 * With the containerd image store, docker saves an index as it is, but only those of its images that have been pulled or
 * built: usually one.
 */
export class OciLayoutSave implements DockerSaveImages {
  readonly images: readonly ListedImage[];
  readonly #label: string;
  readonly #files: LayoutFiles;
  readonly #reader: LayoutReader;
  readonly #onEvent: OnEvent | undefined;
  readonly #archive: TarArchive;
  readonly #manifestJson: SaveOptions['manifestJson'];

  private constructor(
    images: readonly ListedImage[],
    options: SaveOptions & { readonly archive: TarArchive; readonly files: LayoutFiles },
  ) {
    this.images = images;
    this.#label = options.label;
    this.#files = options.files;
    this.#reader = new LayoutReader(options);
    this.#onEvent = options.onEvent;
    this.#archive = options.archive;
    this.#manifestJson = options.manifestJson;
  }

  /** Opens the layout; `undefined` if there is none, or it lists no image. @throws InvalidError for a damaged one */
  static async open(archive: TarArchive, options: SaveOptions): Promise<OciLayoutSave | undefined> {
    const files = new TarLayoutFiles(archive);
    const entries = (await files.readIndex())?.manifests ?? [];
    const images = entries
      .map(readDescriptor)
      .filter((entry) => isImage(entry) || isIndexType(entry.mediaType))
      .map(listedImage);
    return images.length === 0 ? undefined : new OciLayoutSave(images, { ...options, archive, files });
  }

  /** Reports whether the archive has at least one image with all its blobs. */
  async hasCompleteImage(options: ReadOptions): Promise<boolean> {
    const entries = this.images.map(({ entry }) => entry);
    const parts = await this.#parts(entries, options);
    return parts.some(({ descriptor, isComplete }) => isComplete && isImage(descriptor));
  }

  async select(reference: Reference | undefined, options: ConversionOptions): Promise<Digest> {
    const { entry } = chooseImage(this.images, reference, this.#label);
    return this.#completeDigest(entry, options);
  }

  /** Without `manifest.json`, the position is that in `index.json`. */
  async selectAt(position: number, options: ConversionOptions): Promise<Digest> {
    const saved = this.#manifestJson();
    if (saved.length === 0)
      return this.#completeDigest(imageAt(this.images, position, this.#label).entry, options);
    const images = saved.map(({ config, names }) => ({ id: config, names, config }));
    const { config } = imageAt(images, position, this.#label);
    const bytes = await this.#archive.readSmallFile(config, MAX_CONFIG_BYTES);
    const digest = bytes === undefined ? undefined : await this.selectId(digestOf(bytes), options);
    if (digest !== undefined) return digest;
    throw new NotFoundError(
      `${this.#label} lists ${JSON.stringify(config)}, but does not hold all of the image`,
      {
        hint: 'Save or download the image again.',
      },
    );
  }

  async selectId(id: Digest, options: ConversionOptions): Promise<Digest | undefined> {
    if ((await this.#reader.find(id, options)) !== undefined) return id;
    for (const { entry } of this.images) {
      const images = (await this.#parts([entry], options)).filter(({ descriptor }) => isImage(descriptor));
      const image = images.find(({ config }) => config?.digest === id);
      if (image === undefined) continue;
      // Of an index with one image, the index: it may have the image's attestations.
      return images.length === 1 ? this.#completeDigest(entry, options) : image.descriptor.digest;
    }
    return undefined;
  }

  async find(selector: Selector, options: ReadOptions): Promise<Descriptor | undefined> {
    const digest = await this.#digest(selector, options);
    return digest === undefined ? undefined : this.#reader.find(digest, options);
  }

  async readManifest(selector: Selector, options: ReadOptions): Promise<ManifestOrIndex | undefined> {
    const digest = await this.#digest(selector, options);
    if (digest === undefined || (await this.#reader.find(digest, options)) === undefined) return undefined;
    const document = await this.#reader.readManifest(digest, options);
    if (document.kind === 'manifest') await this.#checkLayers(document, options);
    return document;
  }

  async openBlob(descriptor: Descriptor, options: ReadOptions): Promise<Readable | undefined> {
    return this.#files.openBlob(descriptor, options);
  }

  async #digest(selector: Selector, options: ReadOptions): Promise<Digest | undefined> {
    if (isVerifiableDigest(selector)) return selector;
    const image = imageTagged(this.images, selector, this.#label);
    return image === undefined ? undefined : this.#completeDigest(image.entry, options);
  }

  /** The digest to use for an entry: its own, or that of the only image of it that was saved. */
  async #completeDigest(entry: Descriptor, options: ReadOptions): Promise<Digest> {
    const parts = await this.#parts([entry], options);
    for (const { document, descriptor, isComplete } of parts) {
      if (isComplete && isImage(descriptor) && document?.kind === 'manifest')
        await this.#checkLayers(document, options);
    }
    if (parts.every(({ isComplete }) => isComplete)) return entry.digest;
    const images = parts.filter(({ descriptor }) => isImage(descriptor));
    const complete = images.flatMap(({ descriptor, isComplete }) => (isComplete ? [descriptor] : []));
    const [first, ...others] = complete;
    if (first === undefined) {
      throw new NotFoundError(`${this.#label} lists ${entry.digest}, but does not hold all of it`, {
        hint: 'Save or download the image again.',
      });
    }
    if (others.length === 0) return first.digest;
    const platforms = complete.flatMap(({ platform }) =>
      platform === undefined ? [] : [formatPlatform(platform)],
    );
    const message = `${this.#label} holds ${complete.length} of the ${images.length} images of ${entry.digest}`;
    this.#onEvent?.({
      kind: 'warning',
      message: platforms.length === 0 ? message : `${message}: ${platforms.join(', ')}`,
    });
    return entry.digest;
  }

  /**
   * Release candidates of docker 25 wrote manifests without layers.
   * @throws InvalidError for an image that has another number of layers than its config
   */
  async #checkLayers({ digest, value }: ManifestDocument, options: ReadOptions): Promise<void> {
    const { config, layers } = value;
    if (!isImageConfigType(config.mediaType)) return;
    const content = await this.#files.openBlob(config, options);
    if (content === undefined) return;
    const bytes = await readVerified(content, config, MAX_CONFIG_BYTES);
    const diffIds = parseImageConfig(bytes, `config ${config.digest} of ${this.#label}`).rootfs?.diff_ids;
    if (diffIds === undefined || diffIds.length === layers.length) return;
    throw new InvalidError(
      `image ${digest} of ${this.#label} has ${layers.length} layers, but its config has ${diffIds.length}`,
      { hint: 'Save the image again, with a release of docker.' },
    );
  }

  /** The distinct images, attestations and other content that these entries list, in order; not the indexes themselves. */
  async #parts(entries: readonly Descriptor[], options: ReadOptions): Promise<Part[]> {
    const roots = entries.map((descriptor) => ({ descriptor, source: this.#reader }));
    const parts = await walkGraph<Part, ManifestOrIndex | undefined>(
      roots,
      {
        read: ({ descriptor }, tasks) => tasks.run(() => this.#readPart(descriptor, tasks)),
        visit: async ({ descriptor, document, below }, tasks) => ({
          descriptor,
          document,
          config: document?.kind === 'manifest' ? document.value.config : undefined,
          isComplete: await this.#hasBlobs(document === undefined ? [descriptor] : blobsOf(document), tasks),
          below,
        }),
      },
      { ...options, limit: pLimit(PARALLEL_READS) },
    );
    return [...distinctResults(parts)].filter(({ document }) => document?.kind !== 'index');
  }

  async #readPart(descriptor: Descriptor, options: ReadOptions): Promise<ManifestOrIndex | undefined> {
    const { digest, mediaType } = descriptor;
    checkCancelled(options.signal, `look for ${digest} in ${this.#label}`);
    if (!isManifestType(mediaType) && !isIndexType(mediaType)) return undefined;
    return (await this.#hasBlobs([descriptor], options))
      ? this.#reader.readManifest(digest, options)
      : undefined;
  }

  async #hasBlobs(blobs: readonly Descriptor[], options: ReadOptions): Promise<boolean> {
    const sizes = await Promise.all(blobs.map(({ digest }) => this.#files.blobSize(digest, options)));
    return blobs.every(({ size }, position) => sizes[position] === size);
  }
}

function blobsOf(document: ManifestOrIndex): readonly Descriptor[] {
  if (document.kind === 'index') return [];
  return childrenOf(document).filter(({ mediaType }) => !isNonDistributableType(mediaType));
}

/** The full name takes precedence: `ref.name` is only its tag. */
function listedImage(entry: Descriptor): ListedImage {
  const name = entry.annotations?.[CONTAINERD_NAME] ?? entry.annotations?.[REF_NAME];
  return { names: name === undefined ? [] : [name], id: entry.digest, entry };
}

function isImage(entry: Descriptor): boolean {
  return isManifestType(entry.mediaType) && mayBeImage(entry);
}
