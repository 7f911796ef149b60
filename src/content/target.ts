import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import type { RefName } from '../oci/reference.js';
import type { BlobOutcome } from './events.js';
import type { ReferrersLists } from './referrers-tag.js';
import type { BlobSource, ReadOptions, Selector, Source } from './source.js';

/** What a write of a blob takes. */
export interface WriteBlobOptions extends ReadOptions {
  /** Called with the number of bytes sent since the last call; negative if an upload restarts. */
  readonly onBytes?: (bytes: number) => void;
}

/** What a write of a manifest or index takes. */
export interface WriteManifestOptions extends ReadOptions {
  /** The tag to put it under too. */
  readonly tag?: RefName;
  /**
   * Collects the documents that are still to be added to the referrers tags of their subjects, so that the caller writes
   * each list once. Targets that list referrers themselves ignore it. @default the list is written at once
   */
  readonly lists?: ReferrersLists | undefined;
}

/** A store that images are published to. Published content can be read back, so a Target is also a Source. */
export interface Target extends Source {
  /** Set for an image layout, where podman and others expect OCI media types only. */
  readonly isLayout?: true;

  /** Reports whether a blob of this digest and size exists. Also `false` if a registry denies access. */
  hasBlob(descriptor: Descriptor, options?: ReadOptions): Promise<boolean>;

  /**
   * As {@link Source.find}, for exactly this tag: what writing the tag replaces. Targets whose other methods find nothing
   * else by a tag, such as registries, lack this method.
   */
  findTag?(tag: RefName, options?: ReadOptions): Promise<Descriptor | undefined>;

  /**
   * Reports whether an image or index exists, undamaged and with everything it points to. Targets that ensure this
   * themselves, such as registries, lack this method.
   */
  hasImage?(descriptor: Descriptor, options?: ReadOptions): Promise<boolean>;

  /**
   * Reports whether the last read of a manifest returned a copy that an earlier run had kept, so that the target may lack
   * the manifest now. Targets that keep no copies lack this method.
   */
  isUnproven?(digest: Digest): boolean;

  /**
   * Ensures that a blob exists in the target: an existing blob is left alone, a blob in the same registry is mounted,
   * any other is streamed from `from`.
   */
  copyBlob(descriptor: Descriptor, from: BlobSource, options?: WriteBlobOptions): Promise<BlobOutcome>;

  /**
   * Stores a manifest or index byte for byte, under its digest and under `tag` if given. Everything it points to must
   * exist already, except its `subject` (distribution-spec, "Pushing Manifests with Subject"). Adds the document to the
   * referrers tag of its subject if the target does not list referrers itself.
   * @returns the descriptor that the target confirmed
   */
  writeManifest(document: ManifestOrIndex, options?: WriteManifestOptions): Promise<Descriptor>;

  /**
   * Deletes a tag, and not its image, or by its digest an image with all its tags. The children of an index and blobs stay.
   * Targets that cannot delete lack this method.
   * @throws NotFoundError; UnauthorizedError if the target does not allow it
   */
  delete?(selector: Selector, options?: ReadOptions): Promise<void>;

  /**
   * Makes all writes since the last call durable: replaces a file that is only replaced as a whole. Targets whose writes
   * are durable by themselves lack this method.
   */
  commit?(options?: ReadOptions): Promise<void>;
}
