/**
 * Image layouts independent of their storage: the index, manifests, referrers and reachable content (image-spec,
 * "OCI Image Layout").
 *
 * Offers layout-blobs, layout-documents, layout-index, layout-names, layout-reader, reachable-content, tar-layout-files,
 * writable-layout.
 * @module layout/core
 */
import type { Readable } from 'node:stream';

import { checkCancelled } from '../../content/cancellation.js';
import type { OnEvent } from '../../content/events.js';
import { parseContent } from '../../content/parse-content.js';
import type { ListTagsOptions, ReadOptions, Selector, Source } from '../../content/source.js';
import { readVerified } from '../../content/verified-stream.js';
import type { Descriptor, DescriptorJson } from '../../oci/descriptor.js';
import { isDigest, isVerifiableDigest, type Digest } from '../../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex, MAX_MANIFEST_PULL } from '../../oci/document.js';
import { InvalidError, NotFoundError } from '../../oci/errors.js';
import type { MediaType } from '../../oci/media-type.js';
import type { RefName } from '../../oci/reference.js';
import type { LayoutBlobs } from './layout-blobs.js';
import {
  choices,
  findDigest,
  findExactTag,
  findPosition,
  findTag,
  imageNames,
  onlyImage,
  tagNames,
  type LayoutIndex,
} from './layout-index.js';
import { LayoutReferrers } from './layout-referrers.js';

/** The files of an image layout in a directory or tar file. */
export interface LayoutFiles extends LayoutBlobs {
  /**
   * Reads `index.json`; `undefined` if there is no layout.
   * @throws InvalidError if `oci-layout` or `index.json` is invalid
   */
  readIndex(options?: ReadOptions): Promise<LayoutIndex | undefined>;
}

export interface LayoutReaderOptions {
  /** The layout's name in messages. */
  readonly label: string;
  readonly files: LayoutFiles;
  /** Receives warnings about referrers tags. */
  readonly onEvent?: OnEvent | undefined;
  /** Creates the error to throw if there is no layout. */
  readonly missingLayoutError?: (() => Promise<InvalidError | NotFoundError>) | undefined;
}

/** A manifest that was located but not read. */
interface FoundManifest {
  readonly digest: Digest;
  readonly size: number;
  /** Unknown if `index.json` does not list the manifest. */
  readonly mediaType?: MediaType;
}

/**
 * A source that reads an OCI image layout (image-spec, "OCI Image Layout").
 *
 * Tags are entries of `index.json`; see `findTag`. A digest may be that of any blob, so that the children of an index are
 * found at any depth.
 */
export class LayoutReader implements Source {
  readonly label: string;
  readonly onEvent: OnEvent | undefined;
  readonly #files: LayoutFiles;
  readonly #missingLayoutError: LayoutReaderOptions['missingLayoutError'];
  readonly #referrers: LayoutReferrers;

  constructor({ label, files, onEvent, missingLayoutError }: LayoutReaderOptions) {
    this.label = label;
    this.onEvent = onEvent;
    this.#files = files;
    this.#missingLayoutError = missingLayoutError;
    this.#referrers = new LayoutReferrers(this, files);
  }

  /**
   * The selectors of the images of this layout: tags, and digests of images without a tag.
   * @throws NotFoundError if there is no layout
   */
  async names(options: ReadOptions = {}): Promise<readonly Selector[]> {
    return imageNames(await this.#index(options));
  }

  /** The tags and full references that select the images of this layout. @throws NotFoundError if there is no layout */
  async listTags({ most = Infinity, ...options }: ListTagsOptions = {}): Promise<readonly string[]> {
    return tagNames(await this.#index(options)).slice(0, most);
  }

  /**
   * The selector to use if the user gave none: the digest of the only image.
   * @throws NotFoundError if there are none; ArgumentError if there are several, with a hint that lists them
   */
  async defaultSelector(options: ReadOptions = {}): Promise<Selector> {
    return onlyImage(await this.#index(options), this.label).digest;
  }

  /**
   * The digest of the image at this position in `index.json`, counted from 0.
   * @throws NotFoundError if there is none; InvalidError if it is neither a manifest nor an index
   */
  async selectorAt(position: number, options: ReadOptions = {}): Promise<Digest> {
    return findPosition(await this.#index(options), position, this.label).digest;
  }

  async resolve(selector: Selector, options: ReadOptions = {}): Promise<Descriptor> {
    return (await this.find(selector, options)) ?? this.#notFound(selector, options);
  }

  /** Reads a blob that `index.json` does not list, to find out whether it is a manifest. */
  async find(selector: Selector, options: ReadOptions = {}): Promise<Descriptor | undefined> {
    const found = await this.#find(selector, options);
    if (found === undefined) return undefined;
    const { digest, size, mediaType } = found;
    if (mediaType !== undefined) return this.#ifStored({ mediaType, digest, size }, options);
    if (size > MAX_MANIFEST_PULL) return undefined;
    const bytes = await this.#readBytes(found, options);
    try {
      return documentDescriptor(parseContent(bytes, { digest, label: `${digest} of ${this.label}` }));
    } catch (error) {
      if (error instanceof InvalidError) return undefined;
      throw error;
    }
  }

  async readManifest(selector: Selector, options: ReadOptions = {}): Promise<ManifestOrIndex> {
    const found = (await this.#find(selector, options)) ?? (await this.#notFound(selector, options));
    const { digest, mediaType } = found;
    const bytes = await this.#readBytes(found, options);
    return parseContent(bytes, { mediaType, digest, label: `${selector} of ${this.label}` });
  }

  async openBlob(descriptor: Descriptor, options: ReadOptions = {}): Promise<Readable> {
    const { digest } = descriptor;
    checkCancelled(options.signal, `read ${digest}`);
    return (await this.#files.openBlob(descriptor, options)) ?? this.#blobNotFound(digest, options);
  }

  async listReferrers(digest: Digest, options: ReadOptions = {}): Promise<readonly Descriptor[]> {
    checkCancelled(options.signal, `list referrers of ${digest}`);
    const index = await this.#files.readIndex(options);
    return index === undefined ? [] : this.#referrers.list(index, digest, options);
  }

  /**
   * Reads the manifest or index of exactly this tag; `undefined` if the tag does not exist.
   * @throws NotFoundError if the tag is listed, but its content is missing
   */
  async readTag(tag: RefName, options: ReadOptions = {}): Promise<ManifestOrIndex | undefined> {
    const index = await this.#files.readIndex(options);
    const isListed = index !== undefined && findExactTag(index, tag, this.label) !== undefined;
    return isListed ? this.readManifest(tag, options) : undefined;
  }

  /** As `Target.findTag`: without the entries that {@link LayoutReader.find} finds by a part of their name. */
  async findTag(tag: RefName, options: ReadOptions = {}): Promise<Descriptor | undefined> {
    checkCancelled(options.signal, `look for ${tag} in ${this.label}`);
    const index = await this.#files.readIndex(options);
    const entry = index === undefined ? undefined : findExactTag(index, tag, this.label);
    if (entry === undefined) return undefined;
    const { mediaType, digest, size } = entry;
    return this.#ifStored({ mediaType, digest, size }, options);
  }

  /** A listed blob that is missing or truncated is not found, so that a push writes it again. */
  async #ifStored(descriptor: Descriptor, options: ReadOptions): Promise<Descriptor | undefined> {
    const { digest, size } = descriptor;
    return (await this.#files.blobSize(digest, options)) === size ? descriptor : undefined;
  }

  async #find(selector: Selector, options: ReadOptions): Promise<FoundManifest | undefined> {
    checkCancelled(options.signal, `look for ${selector} in ${this.label}`);
    const index = await this.#files.readIndex(options);
    if (index === undefined) return undefined;
    const listed = findSelected(index, selector, this.label);
    if (listed !== undefined || !isDigest(selector)) return listed;
    const size = await this.#files.blobSize(selector, options);
    return size === undefined ? undefined : { digest: selector, size };
  }

  async #readBytes({ digest, size, mediaType }: FoundManifest, options: ReadOptions): Promise<Uint8Array> {
    const descriptor = { mediaType: mediaType ?? '', digest, size };
    const stream = await this.#files.openBlob(descriptor, options);
    if (stream === undefined) throw this.#missingContentError(digest);
    return readVerified(stream, descriptor, MAX_MANIFEST_PULL);
  }

  async #index(options: ReadOptions): Promise<LayoutIndex> {
    const index = await this.#files.readIndex(options);
    if (index !== undefined) return index;
    if (this.#missingLayoutError !== undefined) throw await this.#missingLayoutError();
    throw new NotFoundError(`${this.label} is not an image layout: it has no oci-layout file`);
  }

  async #notFound(selector: Selector, options: ReadOptions): Promise<never> {
    const index = await this.#index(options);
    const listed = findSelected(index, selector, this.label);
    if (listed !== undefined) throw await this.#unusableContentError(listed, options);
    const names = choices(index);
    throw new NotFoundError(`${selector} is not in ${this.label}`, {
      hint: names.length === 0 ? 'It lists no image.' : `It lists ${names.join(', ')}.`,
    });
  }

  async #blobNotFound(digest: Digest, options: ReadOptions): Promise<never> {
    // Reports a missing layout first.
    await this.#index(options);
    throw new NotFoundError(`blob ${digest} is not in ${this.label}`, {
      hint: 'The layout is incomplete or has changed since the draft was created. Rebuild it, then re-create the draft.',
    });
  }

  async #unusableContentError({ digest, size }: FoundManifest, options: ReadOptions): Promise<Error> {
    const actual = await this.#files.blobSize(digest, options);
    if (actual === undefined) return this.#missingContentError(digest);
    return new InvalidError(`${this.label} lists ${digest} with ${size} bytes, but the blob has ${actual}`);
  }

  #missingContentError(digest: Digest): NotFoundError {
    return new NotFoundError(`${this.label} lists ${digest}, but the blob is missing`, {
      hint: 'The layout is incomplete: create it again.',
    });
  }
}

/** By the grammar alone, the tag `app:1` is also a digest. */
function findSelected(index: LayoutIndex, selector: Selector, label: string): DescriptorJson | undefined {
  if (isVerifiableDigest(selector)) return findDigest(index, selector);
  return findTag(index, selector, label) ?? (isDigest(selector) ? findDigest(index, selector) : undefined);
}
