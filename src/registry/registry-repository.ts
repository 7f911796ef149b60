import type { Readable } from 'node:stream';

import type { BlobOutcome, OnEvent } from '../content/events.js';
import { recordReferrer } from '../content/referrers-tag.js';
import type { ContentCache } from '../content/content-cache.js';
import type {
  BlobSource,
  ListTagsOptions,
  ReadManifestOptions,
  ReadOptions,
  Selector,
} from '../content/source.js';
import type { Target, WriteBlobOptions, WriteManifestOptions } from '../content/target.js';
import { retryPolicy, type Sleep } from '../http/retry.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { childrenOf, type ManifestOrIndex } from '../oci/document.js';
import { InvalidError, NotFoundError } from '../oci/errors.js';
import { familiarReference, type Repository, type Tag } from '../oci/reference.js';
import { Blobs } from './blobs/blobs.js';
import { CachedReads } from './cached-reads.js';
import { deleteManifest } from './manifests/delete-manifest.js';
import { ManifestWrites, type WrittenManifest } from './manifests/manifest-writes.js';
import { Manifests } from './manifests/manifests.js';
import { Referrers, ReferrersTags } from './manifests/referrers.js';
import { listTags } from './manifests/tags.js';
import { RepositoryRequests, type Access, type RegistrySender } from './requests.js';
import { Uploads } from './blobs/uploads.js';

export interface RegistryRepositoryOptions {
  /** Shared by all repositories of a client, with its connections and tokens. */
  readonly auth: RegistrySender;
  readonly repository: Repository;
  /** `push` requests the right to push from the first request on, so that one token serves all. */
  readonly access: Access;
  /** Keeps manifests and configs between runs. @default nothing is kept */
  readonly cache?: ContentCache | undefined;
  /** Receives warnings about content that cannot be verified. */
  readonly onEvent?: OnEvent | undefined;
  /** The maximum size of an upload's request, in bytes: larger blobs are sent in chunks. @default as the registry says */
  readonly chunkSize?: number | undefined;
  /** The maximum number of retries of an upload, a download or a write. @default 4; with `retryFor`, no maximum */
  readonly retries?: number | undefined;
  /** The maximum time from the first try to the last one, in milliseconds. @default no maximum */
  readonly retryFor?: number | undefined;
  /** For tests. @default a timer */
  readonly sleep?: Sleep | undefined;
  /** For tests. In [0, 1). @default Math.random */
  readonly random?: (() => number) | undefined;
}

/** One repository of a registry, as a target that can also be read (distribution-spec). */
export class RegistryRepository implements Target {
  readonly label: string;
  readonly repository: Repository;
  readonly #requests: RepositoryRequests;
  readonly #manifests: Manifests;
  readonly #writes: ManifestWrites;
  readonly #blobs: Blobs;
  readonly #cached: CachedReads | undefined;
  readonly #uploads: Uploads;
  readonly #referrers: Referrers;
  readonly #referrersTags: ReferrersTags;

  constructor(options: RegistryRepositoryOptions) {
    const { auth, repository, access, cache, onEvent, chunkSize, retries, retryFor, sleep, random } = options;
    const requests = new RepositoryRequests(auth, repository, access);
    const policy = retryPolicy({ retries, retryFor, sleep, random });
    this.label = familiarReference(repository);
    this.repository = repository;
    this.#requests = requests;
    this.#manifests = new Manifests(requests, onEvent);
    this.#blobs = new Blobs(requests, policy, onEvent);
    const stored = { manifests: this.#manifests, blobs: this.#blobs };
    this.#cached = cache && new CachedReads(repository, stored, cache);
    this.#writes = new ManifestWrites(requests, stored, { policy, onEvent });
    this.#uploads = new Uploads(requests, this.#blobs, { policy, chunkSize, onEvent });
    this.#referrersTags = new ReferrersTags({
      label: this.label,
      manifests: this.#manifests,
      writes: this.#writes,
      policy,
      onEvent,
    });
    this.#referrers = new Referrers(requests, this.#referrersTags);
  }

  resolve(selector: Selector, options?: ReadOptions): Promise<Descriptor> {
    return this.#manifests.resolve(selector, options);
  }

  find(selector: Selector, options?: ReadOptions): Promise<Descriptor | undefined> {
    return this.#manifests.find(selector, options);
  }

  hasBlob(descriptor: Descriptor, options?: ReadOptions): Promise<boolean> {
    return this.#blobs.has(descriptor, options);
  }

  readManifest(selector: Selector, options?: ReadManifestOptions): Promise<ManifestOrIndex> {
    return this.#cached?.manifest(selector, options) ?? this.#manifests.get(selector, options);
  }

  isUnproven(digest: Digest): boolean {
    return this.#cached?.isUnproven(digest) ?? false;
  }

  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable> {
    return this.#cached?.blob(descriptor, options) ?? this.#blobs.open(descriptor, options);
  }

  copyBlob(descriptor: Descriptor, from: BlobSource, options?: WriteBlobOptions): Promise<BlobOutcome> {
    return this.#uploads.copy(descriptor, from, options);
  }

  listReferrers(digest: Digest, options?: ReadOptions): Promise<readonly Descriptor[]> {
    return this.#referrers.list(digest, options);
  }

  async writeManifest(
    document: ManifestOrIndex,
    options: WriteManifestOptions & { readonly tag?: Tag } = {},
  ): Promise<Descriptor> {
    const { signal, tag, lists } = options;
    if (document.value.subject !== undefined) {
      // By its digest first: if the registry fails while the referrers list is written, no tag has moved.
      const { descriptor, isIndexed } = await this.#put(document, { signal });
      if (!isIndexed) await recordReferrer(this.#referrersTags, document, { lists, signal });
      if (tag === undefined) return descriptor;
    }
    return (await this.#put(document, options)).descriptor;
  }

  listTags(options?: ListTagsOptions): Promise<readonly string[]> {
    return listTags(this.#requests, options);
  }

  delete(selector: Selector, options?: ReadOptions): Promise<void> {
    return deleteManifest(this.#requests, selector, options);
  }

  /** Puts a document. If blobs that the registry said it mounted are missing, uploads them and puts it again. */
  async #put(
    document: ManifestOrIndex,
    options: ReadOptions & { readonly tag?: Tag },
  ): Promise<WrittenManifest> {
    try {
      return await this.#writes.put(document, options);
    } catch (error) {
      if (!(error instanceof InvalidError || error instanceof NotFoundError)) throw error;
      const children = childrenOf(document).map(({ digest }) => digest);
      if (!(await this.#uploads.replaceMounts(children, options))) throw error;
      return await this.#writes.put(document, options);
    }
  }
}
