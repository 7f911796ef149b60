import pLimit from 'p-limit';

import type { ReadOptions } from '../../content/source.js';
import { walkGraph } from '../../content/walk.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { childrenOf, type ManifestOrIndex } from '../../oci/document.js';
import { isIndexType, isManifestType, isNonDistributableType } from '../../oci/media-type.js';
import { PARALLEL_READS, readDocument, type LayoutBlobs } from './layout-blobs.js';

/** All content of a layout that its images consist of. */
export class ReachableContent {
  /** Manifests and indexes, with their sizes in bytes. */
  readonly documents = new Map<Digest, number>();
  /** Configs, layers and other blobs, with their sizes in bytes. */
  readonly blobs = new Map<Digest, number>();
  /** Content that is referenced but missing, except for non-distributable layers. */
  readonly missing = new Set<Digest>();
  /** Set if an index lists content of an unknown type, which may point to other content. */
  hasUnknownType = false;
  readonly #files: LayoutBlobs;
  readonly #label: string;

  /** @param label the layout's name in messages */
  constructor(files: LayoutBlobs, label: string) {
    this.#files = files;
    this.#label = label;
  }

  /**
   * Adds an image with everything it points to. Missing content is recorded, not an error: a layout with one platform of
   * an image may list all of them.
   * @throws InvalidError for a damaged manifest or index, or indexes that nest too deep
   */
  async addImage(image: Pick<Descriptor, 'mediaType' | 'digest'>, options: ReadOptions = {}): Promise<void> {
    const source = { label: this.#label };
    await walkGraph<void, ManifestOrIndex | undefined, typeof source>(
      [{ descriptor: { ...image, size: 0 }, source }],
      {
        read: ({ descriptor }, tasks) => tasks.run(() => this.#addDocument(descriptor, tasks)),
        visit: async ({ document }, tasks) => {
          if (document?.kind !== 'manifest') return;
          for (const { digest, mediaType } of childrenOf(document)) {
            await this.addBlob(digest, tasks, isNonDistributableType(mediaType));
          }
        },
      },
      { ...options, limit: pLimit(PARALLEL_READS) },
    );
  }

  /** Adds a blob. @param optional do not record it as missing */
  async addBlob(digest: Digest, options: ReadOptions = {}, optional = false): Promise<void> {
    if (this.documents.has(digest) || this.blobs.has(digest)) return;
    const size = await this.#files.blobSize(digest, options);
    if (size !== undefined) this.blobs.set(digest, size);
    else if (!optional) this.missing.add(digest);
  }

  async #addDocument(
    { mediaType, digest }: Descriptor,
    options: ReadOptions,
  ): Promise<ManifestOrIndex | undefined> {
    if (this.documents.has(digest)) return undefined;
    if (!isManifestType(mediaType) && !isIndexType(mediaType)) {
      this.hasUnknownType = true;
      await this.addBlob(digest, options);
      return undefined;
    }
    const size = await this.#files.blobSize(digest, options);
    if (size === undefined) {
      this.missing.add(digest);
      return undefined;
    }
    this.documents.set(digest, size);
    this.blobs.delete(digest);
    return readDocument(this.#files, { mediaType, digest, size }, this.#label, options);
  }
}
