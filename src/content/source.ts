import type { Readable } from 'node:stream';

import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import type { Repository, Tag } from '../oci/reference.js';

/** What a manifest is asked for by. */
export type Selector = Tag | Digest;

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * A place that images are read from: one repository of a registry, one image layout, one archive.
 *
 * Every byte that a Source gives is already checked against digest and size: a Source throws `InvalidError`
 * rather than return anything else. What is not there is a `NotFoundError`.
 */
export interface Source {
  /** The place's name in messages: `registry.example.com/app`, `oci:/tmp/out`. */
  readonly label: string;
  /** Set where the place is a repository of a registry, so that a Target on the same registry can mount from it. */
  readonly repository?: Repository;

  /** Asks what a tag or digest stands for without reading it: media type, digest and size. */
  resolve(selector: Selector, options?: ReadOptions): Promise<Descriptor>;

  /**
   * As {@link Source.resolve}, but what is not there is `undefined`.
   * @throws UnauthorizedError where a registry does not let us see whether it is there
   */
  find(selector: Selector, options?: ReadOptions): Promise<Descriptor | undefined>;

  /** Reads a manifest or index whole, with its exact bytes. */
  readManifest(selector: Selector, options?: ReadOptions): Promise<ManifestOrIndex>;

  /** Opens a blob. The stream fails with `InvalidError` at its end when digest or size are not the descriptor's. */
  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable>;

  /**
   * The manifests whose `subject` is this digest: signatures, SBOMs and the like (distribution-spec, "Listing Referrers").
   * Where a place has no list of its own, it is read from the tag that the specification falls back to.
   * A place that never holds any, such as a file of `docker save`, does without this method.
   */
  listReferrers?(digest: Digest, options?: ReadOptions): Promise<readonly Descriptor[]>;
}
