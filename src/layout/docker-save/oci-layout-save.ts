import type { Readable } from 'node:stream';

import { checkCancelled } from '../../content/cancellation.js';
import type { OnEvent } from '../../content/events.js';
import { checkNesting } from '../../content/nesting.js';
import type { ReadOptions, Selector } from '../../content/source.js';
import { REF_NAME, readDescriptor, type Descriptor } from '../../oci/descriptor.js';
import { childrenOf, type ManifestOrIndex } from '../../oci/document.js';
import { isDigest, type Digest } from '../../oci/digest.js';
import { NotFoundError } from '../../oci/errors.js';
import { isIndexType, isManifestType, isNonDistributableType } from '../../oci/media-type.js';
import { formatPlatform } from '../../oci/platform.js';
import type { Reference } from '../../oci/reference.js';
import type { TarArchive } from '../tar/tar-archive.js';
import { tarLayoutFiles } from '../core/tar-layout-files.js';
import type { DockerSaveImages, ConversionOptions } from './docker-save-images.js';
import { CONTAINERD_NAME } from '../core/layout-index.js';
import { LayoutReader, type LayoutFiles } from '../core/layout-reader.js';
import { chooseImage, imageTagged, type NamedImage } from './named-images.js';
import { ATTESTATION_MANIFEST, REFERENCE_TYPE } from '../../oci/attestation.js';

interface ListedImage extends NamedImage {
  readonly id: Digest;
  readonly entry: Descriptor;
}

/** What of an image or index the archive holds. */
interface Holding {
  /** Everything. */
  readonly isComplete: boolean;
  /** The images of which everything is there. */
  readonly images: readonly Descriptor[];
  /** How many images there should be. */
  readonly total: number;
}

/** One of the images, statements and other things that an entry stands for. */
interface Part {
  readonly descriptor: Descriptor;
  /** Whether all of it is there. */
  readonly isComplete: boolean;
}

/**
 * The image layout that docker, from version 25 on, and BuildKit write into an archive. Its manifests are used as they are.
 *
 * Where docker keeps its images in containerd's store, an index is saved whole, but only with the images of it that
 * docker has pulled or built, which mostly is one.
 */
export class OciLayoutSave implements DockerSaveImages {
  readonly images: readonly ListedImage[];
  readonly #label: string;
  readonly #files: LayoutFiles;
  readonly #reader: LayoutReader;
  readonly #onEvent: OnEvent | undefined;

  private constructor(
    images: readonly ListedImage[],
    options: { readonly label: string; readonly files: LayoutFiles; readonly onEvent: OnEvent | undefined },
  ) {
    this.images = images;
    this.#label = options.label;
    this.#files = options.files;
    this.#reader = new LayoutReader(options);
    this.#onEvent = options.onEvent;
  }

  /** `undefined` where the archive has no image layout, or it lists no image. @throws InvalidError for a damaged one */
  static async open(
    archive: TarArchive,
    options: { readonly label: string; readonly onEvent: OnEvent | undefined },
  ): Promise<OciLayoutSave | undefined> {
    const files = tarLayoutFiles(archive);
    const entries = (await files.readIndex())?.manifests ?? [];
    const images = entries
      .map(readDescriptor)
      .filter((entry) => isImage(entry) || isIndexType(entry.mediaType))
      .map(listedImage);
    return images.length === 0 ? undefined : new OciLayoutSave(images, { ...options, files });
  }

  /** Whether at least one of the images is there as a whole. */
  async holdsAny(options: ReadOptions): Promise<boolean> {
    const entries = this.images.map(({ entry }) => entry);
    for await (const { descriptor, isComplete } of this.#parts(entries, options)) {
      if (isComplete && isImage(descriptor)) return true;
    }
    return false;
  }

  async select(reference: Reference | undefined, options: ConversionOptions): Promise<Digest> {
    const { entry } = chooseImage(this.images, reference, this.#label);
    return this.#atHand(entry, options);
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
    return image === undefined ? undefined : this.#atHand(image.entry, options);
  }

  /** What stands for an entry: itself, or the only image of it that was saved. */
  async #atHand(entry: Descriptor, options: ReadOptions): Promise<Digest> {
    const { isComplete, images, total } = await this.#holding(entry, options);
    if (isComplete) return entry.digest;
    const [first, ...others] = images;
    if (first === undefined) {
      throw new NotFoundError(`${this.#label} lists ${entry.digest}, but does not hold all of it`, {
        hint: 'Save or download the image again.',
      });
    }
    if (others.length === 0) return first.digest;
    const platforms = images.flatMap(({ platform }) =>
      platform === undefined ? [] : [formatPlatform(platform)],
    );
    const message = `${this.#label} holds ${images.length} of the ${total} images of ${entry.digest}`;
    this.#onEvent?.({
      kind: 'warning',
      message: platforms.length === 0 ? message : `${message}: ${platforms.join(', ')}`,
    });
    return entry.digest;
  }

  async #holding(entry: Descriptor, options: ReadOptions): Promise<Holding> {
    const images: Descriptor[] = [];
    let isComplete = true;
    let total = 0;
    for await (const part of this.#parts([entry], options)) {
      isComplete &&= part.isComplete;
      if (!isImage(part.descriptor)) continue;
      total += 1;
      if (part.isComplete) images.push(part.descriptor);
    }
    return { isComplete, images, total };
  }

  /**
   * Goes through what these entries stand for, in their order. What several indexes point to comes once: a few kilobytes
   * of indexes could otherwise stand for millions of images.
   */
  async *#parts(entries: readonly Descriptor[], options: ReadOptions): AsyncGenerator<Part> {
    const known = new Set<string>();
    const ahead = entries.toReversed().map((descriptor) => ({ descriptor, above: 0 }));
    for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
      const { descriptor, above } = next;
      const { digest, size, mediaType } = descriptor;
      checkCancelled(options.signal, `look for ${digest} in ${this.#label}`);
      const key = `${digest} ${size}`;
      if (known.has(key)) continue;
      known.add(key);
      const isHere = (await this.#files.blobSize(digest, options)) === size;
      if (!isHere || !(isManifestType(mediaType) || isIndexType(mediaType))) {
        yield { descriptor, isComplete: isHere };
        continue;
      }
      const document = await this.#reader.readManifest(digest, options);
      checkNesting(document, above, this.#label);
      if (document.kind === 'manifest') {
        yield { descriptor, isComplete: await this.#holdsBlobs(document, options) };
        continue;
      }
      for (const child of document.value.manifests.toReversed()) {
        ahead.push({ descriptor: child, above: above + 1 });
      }
    }
  }

  async #holdsBlobs(document: ManifestOrIndex, options: ReadOptions): Promise<boolean> {
    const blobs = childrenOf(document).filter(({ mediaType }) => !isNonDistributableType(mediaType));
    const sizes = await Promise.all(blobs.map(({ digest }) => this.#files.blobSize(digest, options)));
    return blobs.every(({ size }, position) => sizes[position] === size);
  }
}

/** By its name in full where it has one: beside it, `ref.name` is the tag of it. */
function listedImage(entry: Descriptor): ListedImage {
  const name = entry.annotations?.[CONTAINERD_NAME] ?? entry.annotations?.[REF_NAME];
  return { names: name === undefined ? [] : [name], id: entry.digest, entry };
}

/** And no statement about one. */
function isImage({ mediaType, annotations, artifactType }: Descriptor): boolean {
  return (
    isManifestType(mediaType) &&
    annotations?.[REFERENCE_TYPE] !== ATTESTATION_MANIFEST &&
    artifactType === undefined
  );
}
