import { finished } from 'node:stream/promises';

import { checkCancelled } from '../../content/cancellation.js';
import type { ReadOptions } from '../../content/source.js';
import { readVerified } from '../../content/verified-stream.js';
import { childrenOf, type ManifestOrIndex, MAX_MANIFEST_PULL } from '../../oci/document.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { InvalidError } from '../../oci/errors.js';
import { isIndexType, isManifestType, isNonDistributableType } from '../../oci/media-type.js';
import { parseDocument } from '../../oci/parse.js';
import type { LayoutBlobs } from './overlay.js';

/**
 * What a layout holds, down to the last byte: disks and other tools damage files that keep their sizes. The bytes of a
 * blob are read once, its size is asked for each time.
 */
export class BlobIntegrityCache {
  readonly #files: LayoutBlobs;
  readonly #verified = new Set<Digest>();

  constructor(files: LayoutBlobs) {
    this.#files = files;
  }

  /** Remembers a blob whose bytes were verified when they were written. */
  add(digest: Digest): void {
    this.#verified.add(digest);
  }

  /** Whether a blob of this digest and size is there and undamaged. @throws CancelledError, FailedError */
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
   * Whether an image is there with its config and layers, or an index with all its images. Layers that may not be
   * distributed need not be.
   * @throws CancelledError, FailedError
   */
  async hasImage(image: Descriptor, options: ReadOptions = {}): Promise<boolean> {
    const reached = new Set<Digest>();
    const waiting = [image];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (reached.has(next.digest)) continue;
      reached.add(next.digest);
      if (!isManifestType(next.mediaType) && !isIndexType(next.mediaType)) {
        if (!(await this.hasBlob(next, options))) return false;
        continue;
      }
      const document = await this.#document(next, options);
      if (document === undefined) return false;
      waiting.push(...childrenOf(document).filter(({ mediaType }) => !isNonDistributableType(mediaType)));
    }
    return true;
  }

  async #document(descriptor: Descriptor, options: ReadOptions): Promise<ManifestOrIndex | undefined> {
    const { mediaType, digest } = descriptor;
    checkCancelled(options.signal, `look for ${digest}`);
    const stream = await this.#files.openBlob(descriptor, options);
    if (stream === undefined) return undefined;
    try {
      return parseDocument(await readVerified(stream, descriptor, MAX_MANIFEST_PULL), { mediaType, digest });
    } catch (error) {
      if (error instanceof InvalidError) return undefined;
      throw error;
    }
  }
}
