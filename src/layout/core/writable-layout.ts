import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

import pLimit from 'p-limit';

import { checkCancelled } from '../../content/cancellation.js';
import type { BlobOutcome } from '../../content/events.js';
import type { BlobSource, ReadOptions } from '../../content/source.js';
import type { WriteBlobOptions } from '../../content/target.js';
import { readableOf } from '../../content/verified-stream.js';
import { walkGraph } from '../../content/walk.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { childrenOf, type ManifestOrIndex } from '../../oci/document.js';
import { InvalidError, NotFoundError } from '../../oci/errors.js';
import { isIndexType, isManifestType, isNonDistributableType } from '../../oci/media-type.js';
import { readDocument, type LayoutBlobs } from './layout-blobs.js';
import { LayoutReader, type LayoutReaderOptions } from './layout-reader.js';

export interface WritableLayoutOptions extends LayoutReaderOptions {
  /** Stores a blob after verifying it against its descriptor. */
  readonly writeBlob: (
    descriptor: Descriptor,
    content: Readable,
    options?: WriteBlobOptions,
  ) => Promise<void>;
}

/**
 * An image layout that blobs can be written to. Damaged blobs count as missing and are written again: disks and other
 * tools damage files without changing their sizes. The bytes of a blob are verified once, its size is checked each time.
 */
export class WritableLayout extends LayoutReader {
  readonly isLayout = true;
  readonly #files: LayoutBlobs;
  readonly #writeBlob: WritableLayoutOptions['writeBlob'];
  readonly #verified = new Set<Digest>();

  constructor(options: WritableLayoutOptions) {
    super(options);
    this.#files = options.files;
    this.#writeBlob = options.writeBlob;
  }

  async hasBlob(descriptor: Descriptor, options: ReadOptions = {}): Promise<boolean> {
    const { digest, size } = descriptor;
    checkCancelled(options.signal, `look for ${digest}`);
    if ((await this.#files.blobSize(digest, options)) !== size) return false;
    if (this.#verified.has(digest)) return true;
    const stream = await this.#files.openBlob(descriptor, options);
    if (stream === undefined) return false;
    try {
      await finished(stream.resume());
    } catch (error) {
      if (error instanceof InvalidError) return false;
      throw error;
    }
    this.#verified.add(digest);
    return true;
  }

  /** Indexes that nest too deep count as missing: copying them from their source fails with the reason. */
  async hasImage(image: Descriptor, options: ReadOptions = {}): Promise<boolean> {
    const found = new Set<Digest>();
    try {
      await walkGraph<void, ManifestOrIndex | undefined>(
        [{ descriptor: image, source: this }],
        {
          read: ({ descriptor }, tasks) => tasks.run(() => this.#readDocument(descriptor, tasks)),
          visit: async ({ descriptor, document }, tasks) => {
            if (document?.kind === 'index') return;
            for (const blob of document === undefined ? [descriptor] : childrenOf(document)) {
              if (found.has(blob.digest) || isNonDistributableType(blob.mediaType)) continue;
              if (!(await tasks.run(() => this.hasBlob(blob, tasks)))) throw missing(blob.digest);
              found.add(blob.digest);
            }
          },
        },
        // One at a time, so that a blob of several images is read once.
        { ...options, limit: pLimit(1) },
      );
      return true;
    } catch (error) {
      if (error instanceof InvalidError || error instanceof NotFoundError) return false;
      throw error;
    }
  }

  async copyBlob(
    descriptor: Descriptor,
    from: BlobSource,
    options: WriteBlobOptions = {},
  ): Promise<BlobOutcome> {
    const { digest } = descriptor;
    checkCancelled(options.signal, `write ${digest}`);
    if (await this.hasBlob(descriptor, options)) return 'present';
    // Opened first, so that nothing is created if the source lacks the blob.
    const content = readableOf(await from.openBlob(descriptor, options));
    await this.#writeBlob(descriptor, content, options);
    this.#verified.add(digest);
    return 'copied';
  }

  /** Reads a manifest or index; content of other types has no document. */
  async #readDocument(descriptor: Descriptor, options: ReadOptions): Promise<ManifestOrIndex | undefined> {
    const { mediaType, digest } = descriptor;
    if (!isManifestType(mediaType) && !isIndexType(mediaType)) return undefined;
    const document = await readDocument(this.#files, descriptor, this.label, options);
    if (document === undefined) throw missing(digest);
    return document;
  }
}

function missing(digest: Digest): NotFoundError {
  return new NotFoundError(`${digest} is missing`);
}
