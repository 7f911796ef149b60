import type { Readable } from 'node:stream';

import { checkCancelled } from '../../content/cancellation.js';
import type { BlobOutcome } from '../../content/events.js';
import type { ReadOptions, Source } from '../../content/source.js';
import type { WriteBlobOptions } from '../../content/target.js';
import { readableOf } from '../../content/verified-stream.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { BlobIntegrityCache } from './blob-integrity-cache.js';
import { LayoutReader, type LayoutReaderOptions } from './layout-reader.js';

export interface WritableLayoutOptions extends LayoutReaderOptions {
  /** Stores a blob after verifying it against its descriptor. */
  readonly writeBlob: (
    descriptor: Descriptor,
    content: Readable,
    options?: WriteBlobOptions,
  ) => Promise<void>;
}

/** An image layout that blobs can be written to. Damaged blobs count as missing and are written again. */
export abstract class WritableLayout extends LayoutReader {
  readonly #integrity: BlobIntegrityCache;
  readonly #writeBlob: WritableLayoutOptions['writeBlob'];

  constructor(options: WritableLayoutOptions) {
    super(options);
    this.#integrity = new BlobIntegrityCache(options.files);
    this.#writeBlob = options.writeBlob;
  }

  hasBlob(descriptor: Descriptor, options?: ReadOptions): Promise<boolean> {
    return this.#integrity.hasBlob(descriptor, options);
  }

  hasImage(descriptor: Descriptor, options?: ReadOptions): Promise<boolean> {
    return this.#integrity.hasImage(descriptor, options);
  }

  async copyBlob(descriptor: Descriptor, from: Source, options: WriteBlobOptions = {}): Promise<BlobOutcome> {
    const { digest } = descriptor;
    checkCancelled(options.signal, `write ${digest}`);
    if (await this.hasBlob(descriptor, options)) return 'present';
    // Opened first, so that nothing is created if the source lacks the blob.
    const content = readableOf(await from.openBlob(descriptor, options));
    await this.#writeBlob(descriptor, content, options);
    this.#integrity.add(digest);
    return 'copied';
  }
}
