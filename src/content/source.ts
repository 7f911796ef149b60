import type { Readable } from 'node:stream';

import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { Document } from '../oci/document.js';
import type { Repository, Tag } from '../oci/reference.js';

/** What a manifest is asked for by. */
export type Selector = Tag | Digest;

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * A place that images are read from: one repository of a registry, or one image layout.
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

  /** Reads a manifest or index whole, with its exact bytes. */
  readManifest(selector: Selector, options?: ReadOptions): Promise<Document>;

  /** Opens a blob. The stream fails with `InvalidError` at its end when digest or size are not the descriptor's. */
  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable>;
}
