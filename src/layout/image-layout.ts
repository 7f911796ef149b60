import { resolve } from 'node:path';
import { Readable } from 'node:stream';

import { checkCancelled } from '../content/cancellation.js';
import { checkChildren } from '../content/check-children.js';
import type { BlobOutcome } from '../content/events.js';
import type { ReadOptions, Selector, Source } from '../content/source.js';
import type { Target, WriteBlobOptions } from '../content/target.js';
import { readVerified } from '../content/verified-stream.js';
import type { Descriptor } from '../oci/descriptor.js';
import { isDigest, type Digest } from '../oci/digest.js';
import { documentDescriptor, type Document } from '../oci/document.js';
import { InvalidError, NotFoundError } from '../oci/errors.js';
import { MAX_MANIFEST_PULL } from '../oci/limits.js';
import type { MediaType } from '../oci/media-type.js';
import { parseDocument } from '../oci/parse.js';
import type { Tag } from '../oci/reference.js';
import { BlobDirectory } from './blob-directory.js';
import { findDigest, findTag, imageNames, onlyImage, setTag, type LayoutIndex } from './layout-index.js';
import { LayoutMetadata } from './layout-metadata.js';

/** What is known of a manifest before its bytes are read. */
interface Found {
  readonly digest: Digest;
  readonly size: number;
  /** Not known where `index.json` does not list it: the bytes say it. */
  readonly mediaType?: MediaType;
}

/**
 * An OCI image layout directory (image-spec, "OCI Image Layout") as a place to read from and publish to.
 *
 * A tag is an entry of `index.json`; see `findTag` for the names that count. A digest may be that of any blob, so that the
 * children of an index are found, and indexes in indexes too. Only what is written under a tag is listed in `index.json`.
 * Nothing is read until it is asked for, and nothing is made before the first write. Writers may work on one layout
 * at the same time, in several processes too.
 */
export class ImageLayout implements Target {
  readonly label: string;
  readonly #metadata: LayoutMetadata;
  readonly #blobs: BlobDirectory;

  /** @param options.path the directory, which need not be there before something is written */
  constructor(options: { readonly path: string }) {
    this.label = `oci:${options.path}`;
    const root = resolve(options.path);
    this.#metadata = new LayoutMetadata(root);
    this.#blobs = new BlobDirectory(root, () => this.#metadata.create());
  }

  /**
   * What the images of this layout can be asked for by: tags, and digests of those without one.
   * @throws NotFoundError where there is no layout
   */
  async names(): Promise<readonly Selector[]> {
    return imageNames(await this.#index());
  }

  /**
   * Stands in for a selector that was not given: the digest of the only image there is.
   * @throws NotFoundError where there is none, ArgumentError where there are several; its hint lists their names
   */
  async defaultSelector(): Promise<Selector> {
    return onlyImage(await this.#index(), this.label).digest;
  }

  async resolve(selector: Selector, options: ReadOptions = {}): Promise<Descriptor> {
    return (await this.find(selector, options)) ?? this.#notFound(selector);
  }

  /** Of a blob that `index.json` does not list, the bytes are read, to find out whether it is a manifest. */
  async find(selector: Selector, options: ReadOptions = {}): Promise<Descriptor | undefined> {
    const found = await this.#find(selector, options);
    if (found === undefined) return undefined;
    const { digest, size, mediaType } = found;
    if (mediaType !== undefined) {
      // Listed, but missing or cut short: what is to be published here must be written again.
      return (await this.#blobs.size(digest)) === size ? { mediaType, digest, size } : undefined;
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

  async hasBlob(descriptor: Descriptor, options: ReadOptions = {}): Promise<boolean> {
    checkCancelled(options.signal, `look for ${descriptor.digest}`);
    return (await this.#blobs.size(descriptor.digest)) === descriptor.size;
  }

  async readManifest(selector: Selector, options: ReadOptions = {}): Promise<Document> {
    const found = (await this.#find(selector, options)) ?? (await this.#notFound(selector));
    const { digest, mediaType } = found;
    const bytes = await this.#readBytes(found, options);
    return parseDocument(bytes, { mediaType, digest, label: `${selector} of ${this.label}` });
  }

  async openBlob(descriptor: Descriptor, options: ReadOptions = {}): Promise<Readable> {
    const stream = await this.#blobs.open(descriptor, options.signal);
    if (stream === undefined) throw new NotFoundError(`blob ${descriptor.digest} is not in ${this.label}`);
    return stream;
  }

  async copyBlob(descriptor: Descriptor, from: Source, options: WriteBlobOptions = {}): Promise<BlobOutcome> {
    checkCancelled(options.signal, `write ${descriptor.digest}`);
    if (await this.hasBlob(descriptor)) return 'present';
    // Opened before anything is made here, so that a source without the blob leaves no trace.
    const content = await from.openBlob(descriptor, options);
    await this.#blobs.write(descriptor, content, options);
    return 'copied';
  }

  async writeManifest(
    document: Document,
    options: ReadOptions & { readonly tag?: Tag } = {},
  ): Promise<Descriptor> {
    const { signal, tag } = options;
    checkCancelled(signal, `write ${document.digest}`);
    const descriptor = documentDescriptor(document);
    await checkChildren(document, this.label, (digest) => this.#blobs.size(digest));
    // Written even where it is there: it is small, and a damaged one is mended.
    await this.#blobs.write(descriptor, Readable.from([document.bytes]), { signal });
    if (tag !== undefined) await this.#metadata.editIndex((index) => setTag(index, descriptor, tag), signal);
    return descriptor;
  }

  async #find(selector: Selector, { signal }: ReadOptions): Promise<Found | undefined> {
    checkCancelled(signal, `look for ${selector} in ${this.label}`);
    const index = await this.#metadata.readIndex();
    if (index === undefined) return undefined;
    if (!isDigest(selector)) return findTag(index, selector, this.label);
    const listed = findDigest(index, selector);
    if (listed !== undefined) return listed;
    const size = await this.#blobs.size(selector);
    return size === undefined ? undefined : { digest: selector, size };
  }

  async #readBytes({ digest, size, mediaType }: Found, { signal }: ReadOptions): Promise<Uint8Array> {
    const descriptor = { mediaType: mediaType ?? '', digest, size };
    const stream = await this.#blobs.open(descriptor, signal);
    if (stream === undefined) {
      throw new NotFoundError(`${this.label} lists ${digest}, but does not hold it`);
    }
    return readVerified(stream, descriptor, MAX_MANIFEST_PULL);
  }

  async #index(): Promise<LayoutIndex> {
    const index = await this.#metadata.readIndex();
    if (index !== undefined) return index;
    throw new NotFoundError(`${this.label} is not an image layout: it has no oci-layout file`);
  }

  async #notFound(selector: Selector): Promise<never> {
    const names = imageNames(await this.#index());
    throw new NotFoundError(`${selector} is not in ${this.label}`, {
      hint: names.length === 0 ? 'It lists no image.' : `It lists ${names.join(', ')}.`,
    });
  }
}
