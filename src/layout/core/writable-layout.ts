import type { Readable } from 'node:stream';

import { checkCancelled } from '../../content/cancellation.js';
import type { BlobOutcome } from '../../content/events.js';
import type { ReadOptions, Source } from '../../content/source.js';
import type { WriteBlobOptions } from '../../content/target.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { BlobIntegrityCache } from './blob-integrity-cache.js';
import { LayoutReader, type LayoutReaderOptions } from './layout-reader.js';

export interface WritableLayoutOptions extends LayoutReaderOptions {
  /** Stores a blob, checked against its descriptor. */
  readonly writeBlob: (
    descriptor: Descriptor,
    content: Readable,
    options?: WriteBlobOptions,
  ) => Promise<void>;
}

/** The blobs of an image layout that is published to. What is there but damaged counts as missing, and is written again. */
export abstract class WritableLayout extends LayoutReader {
  readonly #held: BlobIntegrityCache;
  readonly #writeBlob: WritableLayoutOptions['writeBlob'];

  constructor(options: WritableLayoutOptions) {
    super(options);
    this.#held = new BlobIntegrityCache(options.files);
    this.#writeBlob = options.writeBlob;
  }

  hasBlob(descriptor: Descriptor, options?: ReadOptions): Promise<boolean> {
    return this.#held.hasBlob(descriptor, options);
  }

  hasImage(descriptor: Descriptor, options?: ReadOptions): Promise<boolean> {
    return this.#held.hasImage(descriptor, options);
  }

  async copyBlob(descriptor: Descriptor, from: Source, options: WriteBlobOptions = {}): Promise<BlobOutcome> {
    const { digest } = descriptor;
    checkCancelled(options.signal, `write ${digest}`);
    if (await this.hasBlob(descriptor, options)) return 'present';
    // Opened before anything is made here, so that a source without the blob leaves no trace.
    const content = await from.openBlob(descriptor, options);
    await this.#writeBlob(descriptor, content, options);
    this.#held.add(digest);
    return 'copied';
  }
}
