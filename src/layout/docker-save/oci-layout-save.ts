import type { Readable } from 'node:stream';

import pLimit from 'p-limit';

import { checkCancelled } from '../../content/cancellation.js';
import type { OnEvent } from '../../content/events.js';
import type { ReadOptions, Selector } from '../../content/source.js';
import { distinctResults, walkGraph } from '../../content/walk.js';
import { REF_NAME, readDescriptor, type Descriptor } from '../../oci/descriptor.js';
import { isDigest, type Digest } from '../../oci/digest.js';
import { childrenOf, type ManifestOrIndex } from '../../oci/document.js';
import { NotFoundError } from '../../oci/errors.js';
import { isIndexType, isManifestType, isNonDistributableType } from '../../oci/media-type.js';
import { formatPlatform } from '../../oci/platform.js';
import type { Reference } from '../../oci/reference.js';
import type { TarArchive } from '../tar/tar-archive.js';
import { TarLayoutFiles } from '../core/tar-layout-files.js';
import type { DockerSaveImages, ConversionOptions } from './docker-save-images.js';
import { CONTAINERD_NAME } from '../core/layout-index.js';
import { LayoutReader, type LayoutFiles } from '../core/layout-reader.js';
import { PARALLEL_READS } from '../core/layout-blobs.js';
import { chooseImage, imageTagged, type NamedImage } from './image-selection.js';
import { mayBeImage } from '../../oci/attestation.js';

interface ListedImage extends NamedImage {
  readonly id: Digest;
  readonly entry: Descriptor;
}

interface SaveOptions {
  /** The archive's name in messages. */
  readonly label: string;
  readonly onEvent: OnEvent | undefined;
}

/** An image, attestation or other content that an index lists, or an index itself. */
interface Part {
  readonly descriptor: Descriptor;
  readonly isIndex: boolean;
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

  private constructor(
    images: readonly ListedImage[],
    options: SaveOptions & { readonly files: LayoutFiles },
  ) {
    this.images = images;
    this.#label = options.label;
    this.#files = options.files;
    this.#reader = new LayoutReader(options);
    this.#onEvent = options.onEvent;
  }

  /** Opens the layout; `undefined` if there is none, or it lists no image. @throws InvalidError for a damaged one */
  static async open(archive: TarArchive, options: SaveOptions): Promise<OciLayoutSave | undefined> {
    const files = new TarLayoutFiles(archive);
    const entries = (await files.readIndex())?.manifests ?? [];
    const images = entries
      .map(readDescriptor)
      .filter((entry) => isImage(entry) || isIndexType(entry.mediaType))
      .map(listedImage);
    return images.length === 0 ? undefined : new OciLayoutSave(images, { ...options, files });
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

  async find(selector: Selector, options: ReadOptions): Promise<Descriptor | undefined> {
    const digest = await this.#digest(selector, options);
    return digest === undefined ? undefined : this.#reader.find(digest, options);
  }

  async readManifest(selector: Selector, options: ReadOptions): Promise<ManifestOrIndex | undefined> {
    const digest = await this.#digest(selector, options);
    if (digest === undefined || (await this.#reader.find(digest, options)) === undefined) return undefined;
    return this.#reader.readManifest(digest, options);
  }

  async openBlob(descriptor: Descriptor, options: ReadOptions): Promise<Readable | undefined> {
    return this.#files.openBlob(descriptor, options);
  }

  async #digest(selector: Selector, options: ReadOptions): Promise<Digest | undefined> {
    if (isDigest(selector)) return selector;
    const image = imageTagged(this.images, selector, this.#label);
    return image === undefined ? undefined : this.#completeDigest(image.entry, options);
  }

  /** The digest to use for an entry: its own, or that of the only image of it that was saved. */
  async #completeDigest(entry: Descriptor, options: ReadOptions): Promise<Digest> {
    const parts = await this.#parts([entry], options);
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

  /** The distinct images, attestations and other content that these entries list, in order; not the indexes themselves. */
  async #parts(entries: readonly Descriptor[], options: ReadOptions): Promise<Part[]> {
    const roots = entries.map((descriptor) => ({ descriptor, source: this.#reader }));
    const parts = await walkGraph<Part, ManifestOrIndex | undefined>(
      roots,
      {
        read: ({ descriptor }, tasks) => tasks.run(() => this.#readPart(descriptor, tasks)),
        visit: async ({ descriptor, document, below }, tasks) => ({
          descriptor,
          isIndex: document?.kind === 'index',
          isComplete: await this.#hasBlobs(document === undefined ? [descriptor] : blobsOf(document), tasks),
          below,
        }),
      },
      { ...options, limit: pLimit(PARALLEL_READS) },
    );
    return [...distinctResults(parts)].filter(({ isIndex }) => !isIndex);
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
