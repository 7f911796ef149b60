import type { Digest } from '../oci/digest.js';
import type { Repository } from '../oci/reference.js';

/** The largest manifest or config that is kept, in bytes. An index of 900 images has this size. */
export const MAX_KEPT_BYTES = 256 * 1024;

/**
 * Manifests and configs that registries have returned, kept between runs. They are kept for each repository: one that is
 * found was in this repository when this user read it.
 */
export interface ContentCache {
  /** Returns bytes that have this digest; `undefined` if they are not kept. Never throws. */
  get(repository: Repository, digest: Digest): Promise<Uint8Array | undefined>;

  /** Keeps bytes that have this digest, unless they are longer than {@link MAX_KEPT_BYTES}. Never throws. */
  put(repository: Repository, digest: Digest, bytes: Uint8Array): void;
}
