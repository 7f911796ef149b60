import { pipeline, Readable, Transform, type TransformCallback } from 'node:stream';

import { charge } from '../content/budget.js';
import { checkCancelled } from '../content/cancellation.js';
import { MAX_KEPT_BYTES, type ContentCache } from '../content/content-cache.js';
import { parseContent } from '../content/parse-content.js';
import type { ReadManifestOptions, ReadOptions, Selector } from '../content/source.js';
import { verifiedStream } from '../content/verified-stream.js';
import type { Descriptor } from '../oci/descriptor.js';
import { isDigest, type Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { isImageConfigType } from '../oci/media-type.js';
import { parseDocument } from '../oci/parse.js';
import { formatReference, formatRepository, type Repository } from '../oci/reference.js';
import type { Blobs } from './blobs/blobs.js';
import type { Manifests } from './manifests/manifests.js';

/**
 * Reads the manifests and configs of one repository, from the cache if an earlier run has kept them. The config of a manifest,
 * and a manifest whose reader allows it, are read from the cache alone: a document or draft that was read lists them. All
 * else is requested: a tag is read, and a digest is looked up, so that a name shows nothing that this user may not read
 * now, and nothing that the repository no longer has.
 */
export class CachedReads {
  readonly #repository: Repository;
  readonly #manifests: Manifests;
  readonly #blobs: Blobs;
  readonly #cache: ContentCache;
  readonly #unproven = new Set<Digest>();

  constructor(
    repository: Repository,
    stored: { readonly manifests: Manifests; readonly blobs: Blobs },
    cache: ContentCache,
  ) {
    this.#repository = repository;
    this.#manifests = stored.manifests;
    this.#blobs = stored.blobs;
    this.#cache = cache;
  }

  /** As `Manifests.get`. */
  async manifest(
    selector: Selector,
    { allowKept = false, ...options }: ReadManifestOptions = {},
  ): Promise<ManifestOrIndex> {
    const bytes = isDigest(selector) ? await this.#cache.get(this.#repository, selector) : undefined;
    if (bytes === undefined || !isDigest(selector)) return this.#request(selector, options);
    if (allowKept) {
      checkCancelled(options.signal, `read ${selector}`);
      this.#unproven.add(selector);
      return this.#parse(bytes, { digest: selector });
    }
    const found = await this.#manifests.find(selector, options);
    if (found?.digest !== selector || found.size !== bytes.length) return this.#request(selector, options);
    this.#unproven.delete(selector);
    return this.#parse(bytes, found);
  }

  /** Reports whether the last read of a manifest was from the cache alone. */
  isUnproven(digest: Digest): boolean {
    return this.#unproven.has(digest);
  }

  /** As `Blobs.open`. Only configs are kept. */
  async blob(descriptor: Descriptor, options: ReadOptions = {}): Promise<Readable> {
    const { mediaType, digest, size } = descriptor;
    if (!isImageConfigType(mediaType) || size > MAX_KEPT_BYTES) return this.#blobs.open(descriptor, options);
    const bytes = await this.#cache.get(this.#repository, digest);
    if (bytes !== undefined) {
      checkCancelled(options.signal, `read ${digest}`);
      // The size in the descriptor may be wrong.
      const stream = Readable.from([bytes], { objectMode: false });
      return verifiedStream(stream, descriptor, formatRepository(this.#repository));
    }
    const stream = await this.#blobs.open(descriptor, options);
    const kept = new CollectedStream((collected) => this.#cache.put(this.#repository, digest, collected));
    // The callback does nothing: pipeline passes every error to the stream, which the caller reads.
    pipeline(stream, kept, () => {});
    return kept;
  }

  async #request(selector: Selector, options: ReadOptions): Promise<ManifestOrIndex> {
    const document = await this.#manifests.get(selector, options);
    this.#unproven.delete(document.digest);
    if (isSelfDescribing(document)) this.#cache.put(this.#repository, document.digest, document.bytes);
    return document;
  }

  #parse(bytes: Uint8Array, claim: Pick<Descriptor, 'digest'> & Partial<Descriptor>): ManifestOrIndex {
    const { digest, mediaType } = claim;
    const label = formatReference({ ...this.#repository, digest });
    charge('metadata', bytes.length, () => label);
    return parseContent(bytes, { digest, mediaType, label });
  }
}

/** Reports whether a document has the same media type without the Content-Type of its response, which is not kept. */
function isSelfDescribing({ bytes, mediaType, value }: ManifestOrIndex): boolean {
  return (value.mediaType ?? parseDocument(bytes).mediaType) === mediaType;
}

/** Passes bytes through, and hands all of them over at the end. */
class CollectedStream extends Transform {
  readonly #done: (bytes: Uint8Array) => void;
  readonly #chunks: Uint8Array[] = [];

  constructor(done: (bytes: Uint8Array) => void) {
    super();
    this.#done = done;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, next: TransformCallback): void {
    this.#chunks.push(chunk);
    next(null, chunk);
  }

  override _flush(next: TransformCallback): void {
    this.#done(Buffer.concat(this.#chunks));
    next();
  }
}
