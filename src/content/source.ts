import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import type { RefName, Repository } from '../oci/reference.js';

/**
 * Selects a manifest of a source: by its tag, which in a layout may contain more characters than in a registry, or
 * digest.
 */
export type Selector = RefName | Digest;

/** The part of a source that blobs are copied from. */
export type BlobSource = Pick<Source, 'label' | 'repository' | 'openBlob'>;

/** The bytes of a blob. A `Readable` of Node.js is one. */
export type ByteStream = AsyncIterable<Uint8Array>;

/** What every read takes. */
export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What a read of a manifest takes. */
export interface ReadManifestOptions extends ReadOptions {
  /**
   * Whether a copy that an earlier run has kept will do, although the source may have lost the manifest since.
   * @default false
   */
  readonly allowKept?: boolean | undefined;
}

/** What a list of tags takes. */
export interface ListTagsOptions extends ReadOptions {
  /** The number of tags after which the list ends. @default no end */
  readonly most?: number | undefined;
}

/**
 * A store that images are read from: a repository, an image layout, or an archive.
 *
 * A Source verifies digest and size of all content that it returns, and throws `InvalidError` for damaged content and
 * `NotFoundError` for missing content.
 */
export interface Source {
  /** The source's name in messages: `registry.example.com/app`, `oci:/tmp/out`. */
  readonly label: string;
  /** Set for a repository, so that a Target in the same registry can mount blobs from it. */
  readonly repository?: Repository;

  /** Resolves a tag or digest to a descriptor without reading the manifest. */
  resolve(selector: Selector, options?: ReadOptions): Promise<Descriptor>;

  /**
   * As {@link Source.resolve}, but returns `undefined` for a missing manifest.
   * @throws UnauthorizedError if a registry denies access
   */
  find(selector: Selector, options?: ReadOptions): Promise<Descriptor | undefined>;

  /** Reads a manifest or index with its exact bytes. */
  readManifest(selector: Selector, options?: ReadManifestOptions): Promise<ManifestOrIndex>;

  /** Opens a blob. The stream fails with `InvalidError` if digest or size differ from the descriptor. */
  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<ByteStream>;

  /**
   * Lists the manifests whose `subject` is this digest, such as signatures and SBOMs (distribution-spec, "Listing
   * Referrers"), if need be from the referrers tag. Sources without referrers, such as archives of `docker save`, lack
   * this method.
   */
  listReferrers?(digest: Digest, options?: ReadOptions): Promise<readonly Descriptor[]>;

  /**
   * Lists the tags in the order of the source, each once (distribution-spec, "Listing Tags"). A registry may have tags that
   * are not valid. Sources that cannot list tags lack this method.
   */
  listTags?(options?: ListTagsOptions): Promise<readonly string[]>;
}
