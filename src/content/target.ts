import type { Descriptor } from '../oci/descriptor.js';
import type { ManifestOrIndex } from '../oci/document.js';
import type { Tag } from '../oci/reference.js';
import type { BlobOutcome } from './events.js';
import type { ReadOptions, Source } from './source.js';

export interface WriteBlobOptions extends ReadOptions {
  /** Called with the number of bytes that went out since the last call; negative when an upload starts over. */
  readonly onBytes?: (bytes: number) => void;
}

/** A place that images are published to. What was published can be read back, so a Target is a Source too. */
export interface Target extends Source {
  /** Whether a blob of this digest and size is here. `false` too where a registry does not let us see that. */
  hasBlob(descriptor: Descriptor, options?: ReadOptions): Promise<boolean>;

  /**
   * Whether an image or index is here with all that it points to, undamaged. A place without this method holds what it
   * finds as a whole: registries see to that themselves.
   */
  hasImage?(descriptor: Descriptor, options?: ReadOptions): Promise<boolean>;

  /**
   * Makes sure that a blob is here: nothing is done when it is; on the registry that holds it, it is mounted;
   * else its bytes are read from `from` and written. They go on as they come: no blob is kept whole in between.
   */
  copyBlob(descriptor: Descriptor, from: Source, options?: WriteBlobOptions): Promise<BlobOutcome>;

  /**
   * Stores a manifest or index byte for byte: under its digest, and under `tag` where one is given.
   * All that it points to must be here already; a `subject` need not be (distribution-spec, "Pushing Manifests with
   * Subject"), and is told of the document where the place does not list referrers by itself.
   * Returns the descriptor that the target confirmed.
   */
  writeManifest(
    document: ManifestOrIndex,
    options?: ReadOptions & { readonly tag?: Tag },
  ): Promise<Descriptor>;

  /**
   * Makes last what was written since the last call: a file that is replaced as a whole is replaced now. A place where
   * every write lasts by itself does without this method.
   */
  commit?(options?: ReadOptions): Promise<void>;
}
