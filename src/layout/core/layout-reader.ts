/**
 * Image layouts whatever holds their files: the index, its documents, referrers and reachability (image-spec,
 * "Image Layout").
 *
 * Offers layout-documents, layout-index, layout-reader, layout-referrers, overlay, reachable-content,
 * tar-layout-files, writable-layout.
 * @module layout/core
 */
import type { Readable } from 'node:stream';

import { checkCancelled } from '../../content/cancellation.js';
import type { ReadOptions, Selector, Source } from '../../content/source.js';
import { readVerified } from '../../content/verified-stream.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { isDigest, type Digest } from '../../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex, MAX_MANIFEST_PULL } from '../../oci/document.js';
import { InvalidError, NotFoundError } from '../../oci/errors.js';
import type { MediaType } from '../../oci/media-type.js';
import { parseDocument } from '../../oci/parse.js';
import type { Tag } from '../../oci/reference.js';
import { findDigest, findTag, imageNames, onlyImage, type LayoutIndex } from './layout-index.js';
import { LayoutReferrers } from './layout-referrers.js';

/** The content of an image layout, be it a directory or a tar file. */
export interface LayoutFiles {
  /**
   * What `index.json` lists; `undefined` where there is no layout at all.
   * @throws InvalidError where `oci-layout` or `index.json` is not what it should be
   */
  readIndex(options?: ReadOptions): Promise<LayoutIndex | undefined>;

  /** The size of a blob in bytes, `undefined` where it is not there. The content is not looked at. */
  blobSize(digest: Digest, options?: ReadOptions): Promise<number | undefined>;

  /**
   * Opens a blob; the stream checks it against the descriptor. `undefined` where it is not there.
   * @throws InvalidError for a digest that nothing can be verified with
   */
  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable | undefined>;
}

export interface LayoutReaderOptions {
  /** The layout's name in messages. */
  readonly label: string;
  readonly files: LayoutFiles;
  /** What is thrown where there is no layout. */
  readonly absence?: (() => Promise<InvalidError | NotFoundError>) | undefined;
}

/** What is known of a manifest before its bytes are read. */
interface Found {
  readonly digest: Digest;
  readonly size: number;
  /** Not known where `index.json` does not list it: the bytes say it. */
  readonly mediaType?: MediaType;
}

/**
 * An OCI image layout (image-spec, "OCI Image Layout") as a place to read from.
 *
 * A tag is an entry of `index.json`; see `findTag` for the names that count. A digest may be that of any blob, so that the
 * children of an index are found, and indexes in indexes too. Nothing is read until it is asked for.
 */
export class LayoutReader implements Source {
  readonly label: string;
  readonly #files: LayoutFiles;
  readonly #absence: LayoutReaderOptions['absence'];
  readonly #referrers = new LayoutReferrers(this);

  constructor({ label, files, absence }: LayoutReaderOptions) {
    this.label = label;
    this.#files = files;
    this.#absence = absence;
  }

  /**
   * What the images of this layout can be asked for by: tags, and digests of those without one.
   * @throws NotFoundError where there is no layout
   */
  async names(options: ReadOptions = {}): Promise<readonly Selector[]> {
    return imageNames(await this.#index(options));
  }

  /**
   * Stands in for a selector that was not given: the digest of the only image there is.
   * @throws NotFoundError where there is none, ArgumentError where there are several; its hint lists their names
   */
  async defaultSelector(options: ReadOptions = {}): Promise<Selector> {
    return onlyImage(await this.#index(options), this.label).digest;
  }

  async resolve(selector: Selector, options: ReadOptions = {}): Promise<Descriptor> {
    return (await this.find(selector, options)) ?? this.#notFound(selector, options);
  }

  /** Of a blob that `index.json` does not list, the bytes are read, to find out whether it is a manifest. */
  async find(selector: Selector, options: ReadOptions = {}): Promise<Descriptor | undefined> {
    const found = await this.#find(selector, options);
    if (found === undefined) return undefined;
    const { digest, size, mediaType } = found;
    if (mediaType !== undefined) {
      // Listed, but missing or cut short: what is to be published here must be written again.
      return (await this.#files.blobSize(digest, options)) === size ? { mediaType, digest, size } : undefined;
    }
    if (size > MAX_MANIFEST_PULL) return undefined;
    const bytes = await this.#readBytes(found, options);
    try {
      return documentDescriptor(parseDocument(bytes, { digest, label: `${digest} of ${this.label}` }));
    } catch (error) {
      if (error instanceof InvalidError) return undefined;
      throw error;
    }
  }

  async readManifest(selector: Selector, options: ReadOptions = {}): Promise<ManifestOrIndex> {
    const found = (await this.#find(selector, options)) ?? (await this.#notFound(selector, options));
    const { digest, mediaType } = found;
    const bytes = await this.#readBytes(found, options);
    return parseDocument(bytes, { mediaType, digest, label: `${selector} of ${this.label}` });
  }

  async openBlob(descriptor: Descriptor, options: ReadOptions = {}): Promise<Readable> {
    const { digest } = descriptor;
    checkCancelled(options.signal, `read ${digest}`);
    return (await this.#files.openBlob(descriptor, options)) ?? this.#noBlob(digest, options);
  }

  async listReferrers(digest: Digest, options: ReadOptions = {}): Promise<readonly Descriptor[]> {
    checkCancelled(options.signal, `look for what refers to ${digest}`);
    const index = await this.#files.readIndex(options);
    return index === undefined ? [] : this.#referrers.list(index, digest, options);
  }

  /**
   * What a tag stands for; `undefined` where there is no such tag.
   * @throws NotFoundError where it is listed, but what it stands for is missing
   */
  async readTag(tag: Tag, options: ReadOptions = {}): Promise<ManifestOrIndex | undefined> {
    const index = await this.#files.readIndex(options);
    const isListed = index !== undefined && findTag(index, tag, this.label) !== undefined;
    return isListed ? this.readManifest(tag, options) : undefined;
  }

  async #find(selector: Selector, options: ReadOptions): Promise<Found | undefined> {
    checkCancelled(options.signal, `look for ${selector} in ${this.label}`);
    const index = await this.#files.readIndex(options);
    if (index === undefined) return undefined;
    if (!isDigest(selector)) return findTag(index, selector, this.label);
    const listed = findDigest(index, selector);
    if (listed !== undefined) return listed;
    const size = await this.#files.blobSize(selector, options);
    return size === undefined ? undefined : { digest: selector, size };
  }

  async #readBytes({ digest, size, mediaType }: Found, options: ReadOptions): Promise<Uint8Array> {
    const descriptor = { mediaType: mediaType ?? '', digest, size };
    const stream = await this.#files.openBlob(descriptor, options);
    if (stream === undefined) throw this.#listsInVain(digest);
    return readVerified(stream, descriptor, MAX_MANIFEST_PULL);
  }

  async #index(options: ReadOptions): Promise<LayoutIndex> {
    const index = await this.#files.readIndex(options);
    if (index !== undefined) return index;
    if (this.#absence !== undefined) throw await this.#absence();
    throw new NotFoundError(`${this.label} is not an image layout: it has no oci-layout file`);
  }

  async #notFound(selector: Selector, options: ReadOptions): Promise<never> {
    const index = await this.#index(options);
    const listed = isDigest(selector) ? findDigest(index, selector) : findTag(index, selector, this.label);
    if (listed !== undefined) throw await this.#unusable(listed, options);
    const names = imageNames(index);
    throw new NotFoundError(`${selector} is not in ${this.label}`, {
      hint: names.length === 0 ? 'It lists no image.' : `It lists ${names.join(', ')}.`,
    });
  }

  async #noBlob(digest: Digest, options: ReadOptions): Promise<never> {
    // Where there is no layout any more, that is what to say.
    await this.#index(options);
    throw new NotFoundError(`blob ${digest} is not in ${this.label}`, {
      hint: 'It is not complete, or another one than when the draft was made: make it again, and a draft of it, too.',
    });
  }

  async #unusable({ digest, size }: Found, options: ReadOptions): Promise<Error> {
    const actual = await this.#files.blobSize(digest, options);
    if (actual === undefined) return this.#listsInVain(digest);
    return new InvalidError(`${this.label} lists ${digest} with ${size} bytes, but holds ${actual}`);
  }

  #listsInVain(digest: Digest): NotFoundError {
    return new NotFoundError(`${this.label} lists ${digest}, but does not hold it`, {
      hint: 'The layout is not complete: make it again.',
    });
  }
}
