import type { Descriptor } from '../oci/descriptor.js';
import type { Document } from '../oci/document.js';
import type { Tag } from '../oci/reference.js';
import type { BlobOutcome } from './events.js';
import type { ReadOptions, Selector, Source } from './source.js';

export interface WriteBlobOptions extends ReadOptions {
  /** Called with the number of bytes that went out since the last call; negative when an upload starts over. */
  readonly onBytes?: (bytes: number) => void;
}

/** A place that images are published to. What was published can be read back, so a Target is a Source too. */
export interface Target extends Source {
  /**
   * As {@link Source.resolve}, but what is not there is `undefined`.
   * @throws UnauthorizedError where a registry does not let us see whether it is there
   */
  find(selector: Selector, options?: ReadOptions): Promise<Descriptor | undefined>;

  /** Whether a blob of this digest and size is here. `false` too where a registry does not let us see that. */
  hasBlob(descriptor: Descriptor, options?: ReadOptions): Promise<boolean>;

  /**
   * Makes sure that a blob is here: nothing is done when it is; on the registry that holds it, it is mounted;
   * else its bytes are read from `from` and written. The bytes never touch the disk on the way.
   */
  copyBlob(descriptor: Descriptor, from: Source, options?: WriteBlobOptions): Promise<BlobOutcome>;

  /**
   * Stores a manifest or index byte for byte: under its digest, and under `tag` where one is given.
   * All that it points to must be here already. Returns the descriptor that the target confirmed.
   */
  writeManifest(document: Document, options?: ReadOptions & { readonly tag?: Tag }): Promise<Descriptor>;
}
