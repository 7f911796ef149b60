import { finished } from 'node:stream/promises';

import pLimit from 'p-limit';

import { checkCancelled } from '../../content/cancellation.js';
import type { ReadOptions } from '../../content/source.js';
import { walkGraph } from '../../content/walk.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { childrenOf, type ManifestOrIndex } from '../../oci/document.js';
import { InvalidError, NotFoundError } from '../../oci/errors.js';
import { isIndexType, isManifestType, isNonDistributableType } from '../../oci/media-type.js';
import { readDocument, type LayoutBlobs } from './layout-blobs.js';

/**
 * Tells which content of a layout is complete and undamaged: disks and other tools damage files without changing their
 * sizes. The bytes of a blob are verified once, its size is checked each time.
 */
export class BlobIntegrityCache {
  readonly #files: LayoutBlobs;
  readonly #verified = new Set<Digest>();

  constructor(files: LayoutBlobs) {
    this.#files = files;
  }

  /** Records a blob whose bytes were verified when they were written. */
  add(digest: Digest): void {
    this.#verified.add(digest);
  }

  /** Reports whether an undamaged blob of this digest and size exists. @throws CancelledError, FailedError */
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

  /**
   * Reports whether an image exists with its config and layers, or an index with all its images. Non-distributable layers
   * may be missing. Indexes that nest too deep count as missing: copying them from their source fails with the reason.
   * @throws CancelledError, FailedError
   */
  async hasImage(image: Descriptor, options: ReadOptions = {}): Promise<boolean> {
    const source = { label: 'the layout' };
    const found = new Set<Digest>();
    try {
      await walkGraph<void, ManifestOrIndex | undefined, typeof source>(
        [{ descriptor: image, source }],
        {
          read: ({ descriptor }, tasks) => tasks.run(() => this.#read(descriptor, tasks)),
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

  /** Reads a manifest or index; content of other types has no document. */
  async #read(descriptor: Descriptor, options: ReadOptions): Promise<ManifestOrIndex | undefined> {
    const { mediaType, digest } = descriptor;
    if (!isManifestType(mediaType) && !isIndexType(mediaType)) return undefined;
    const document = await readDocument(this.#files, descriptor, 'the layout', options);
    if (document === undefined) throw missing(digest);
    return document;
  }
}

function missing(digest: Digest): NotFoundError {
  return new NotFoundError(`${digest} is missing`);
}
