import type { Readable } from 'node:stream';

import type { BlobOutcome, OnEvent } from '../content/events.js';
import { recordReferrer } from '../content/referrers-tag.js';
import type { ReadOptions, Selector, Source } from '../content/source.js';
import type { Target, WriteBlobOptions } from '../content/target.js';
import type { RetryPolicy } from '../http/retry.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { familiarReference, type Repository, type Tag } from '../oci/reference.js';
import { Blobs } from './blobs/blobs.js';
import { ManifestWrites } from './manifests/manifest-writes.js';
import { Manifests } from './manifests/manifests.js';
import { ReferrersTags } from './manifests/referrers-tags.js';
import { Referrers } from './manifests/referrers.js';
import { RepositoryRequests, type Access, type RegistrySender } from './requests.js';
import { sleep as realSleep, type Sleep } from './sleep.js';
import { Uploads } from './blobs/uploads.js';

export interface RegistryRepositoryOptions {
  /** Shared by all repositories of a run, with their connections and tokens. */
  readonly auth: RegistrySender;
  readonly repository: Repository;
  /** What it is opened for: `push` asks for the right to push with the first request, so that one token serves a run. */
  readonly access: Access;
  /** Hears warnings: content that cannot be verified. */
  readonly onEvent?: OnEvent | undefined;
  /** How often a blob's upload is begun again. @default 4 */
  readonly retries?: number | undefined;
  /** For tests. @default the system's clock */
  readonly sleep?: Sleep | undefined;
  /** For tests: in [0, 1), spreads retries. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/** One repository of a registry, over the distribution protocol. */
export class RegistryRepository implements Target {
  readonly label: string;
  readonly repository: Repository;
  readonly #manifests: Manifests;
  readonly #writes: ManifestWrites;
  readonly #blobs: Blobs;
  readonly #uploads: Uploads;
  readonly #referrers: Referrers;
  readonly #referrersTags: ReferrersTags;

  constructor(options: RegistryRepositoryOptions) {
    const {
      auth,
      repository,
      access,
      onEvent,
      retries = 4,
      sleep = realSleep,
      random = Math.random,
    } = options;
    const requests = new RepositoryRequests(auth, repository, access);
    const policy: RetryPolicy = { retries, random, now: Date.now };
    this.label = familiarReference(repository);
    this.repository = repository;
    this.#manifests = new Manifests(requests, onEvent);
    this.#writes = new ManifestWrites(requests, this.#manifests, sleep);
    this.#blobs = new Blobs(requests, onEvent);
    this.#uploads = new Uploads(requests, this.#blobs, policy, sleep);
    this.#referrersTags = new ReferrersTags(this.label, this.#manifests, this.#writes, { sleep, random });
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

  readManifest(selector: Selector, options?: ReadOptions): Promise<ManifestOrIndex> {
    return this.#manifests.get(selector, options);
  }

  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable> {
    return this.#blobs.open(descriptor, options);
  }

  copyBlob(descriptor: Descriptor, from: Source, options?: WriteBlobOptions): Promise<BlobOutcome> {
    return this.#uploads.copy(descriptor, from, options);
  }

  listReferrers(digest: Digest, options?: ReadOptions): Promise<readonly Descriptor[]> {
    return this.#referrers.list(digest, options);
  }

  async writeManifest(
    document: ManifestOrIndex,
    options: ReadOptions & { readonly tag?: Tag } = {},
  ): Promise<Descriptor> {
    const { signal, tag } = options;
    if (document.value.subject !== undefined) {
      // By its digest first: where its subject's list cannot be written, no tag has moved.
      const { descriptor, isIndexed } = await this.#writes.put(document, { signal });
      if (!isIndexed) await recordReferrer(this.#referrersTags, document, { signal });
      if (tag === undefined) return descriptor;
    }
    return (await this.#writes.put(document, options)).descriptor;
  }
}
