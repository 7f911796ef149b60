import type { BlobOutcome, OnEvent } from '../../content/events.js';
import type { BlobSource, ReadOptions } from '../../content/source.js';
import type { WriteBlobOptions } from '../../content/target.js';
import type { RetryPolicy } from '../../http/retry.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { BlobUpload } from './blob-upload.js';
import type { Blobs } from './blobs.js';
import { ChunkSizes } from './chunk-sizes.js';
import { CountedBody } from './counted-body.js';
import type { RepositoryRequests } from '../requests.js';
import { UploadSessions, type UploadSession } from './upload-sessions.js';

/** How blobs are uploaded. */
export interface UploadSettings {
  readonly policy: RetryPolicy;
  /** The maximum size of a request, in bytes: larger blobs are sent in chunks. @default as the registry says */
  readonly chunkSize?: number | undefined;
  readonly onEvent?: OnEvent | undefined;
}

/** Writes blobs to one repository (distribution-spec, "Pushing blobs"). */
export class Uploads {
  readonly #requests: RepositoryRequests;
  readonly #blobs: Blobs;
  readonly #sessions: UploadSessions;
  readonly #sizes: ChunkSizes;
  readonly #settings: UploadSettings;
  /** The blobs that the registry says it has mounted, with their sources. */
  readonly #mounted = new Map<Digest, { readonly descriptor: Descriptor; readonly from: BlobSource }>();

  constructor(requests: RepositoryRequests, blobs: Blobs, settings: UploadSettings) {
    this.#requests = requests;
    this.#blobs = blobs;
    this.#sessions = new UploadSessions(requests);
    this.#sizes = new ChunkSizes(settings.chunkSize, (message) =>
      settings.onEvent?.({ kind: 'warning', message: `${requests.repository.registry} ${message}` }),
    );
    this.#settings = settings;
  }

  /**
   * Ensures that a blob is in the repository, by the cheapest method that works: it exists, it is mounted from a repository
   * of the same registry, or it is uploaded, in one request if the registry and the settings allow it.
   */
  async copy(descriptor: Descriptor, from: BlobSource, options: WriteBlobOptions = {}): Promise<BlobOutcome> {
    if (await this.#blobs.has(descriptor, options)) return 'present';
    const mounted = await this.#sessions.mount(descriptor, from, options.signal);
    if (mounted === 'mounted') {
      this.#mounted.set(descriptor.digest, { descriptor, from });
      return 'mounted';
    }
    await this.#upload(descriptor, from, mounted, options);
    return 'copied';
  }

  /**
   * Uploads the blobs that the registry said it had mounted, and does not have: some respond with 201 to every mount.
   * @param digests the blobs to check, after the registry has rejected what points to them
   * @returns whether blobs were uploaded
   */
  async replaceMounts(digests: readonly Digest[], { signal }: ReadOptions = {}): Promise<boolean> {
    let replaced = false;
    for (const digest of digests) {
      const mounted = this.#mounted.get(digest);
      this.#mounted.delete(digest);
      if (mounted === undefined || (await this.#blobs.has(mounted.descriptor, { signal }))) continue;
      const { descriptor, from } = mounted;
      this.#settings.onEvent?.({
        kind: 'warning',
        message: `${this.#requests.repository.registry} said that it mounted ${digest} from ${from.label}, but does not have it: it is uploaded`,
      });
      await this.#upload(descriptor, from, undefined, { signal });
      replaced = true;
    }
    return replaced;
  }

  async #upload(
    descriptor: Descriptor,
    from: BlobSource,
    opened: UploadSession | undefined,
    options: WriteBlobOptions,
  ): Promise<void> {
    const body = new CountedBody(descriptor, from, options);
    // Opens the source while the session is being opened.
    body.prepare();
    try {
      await new BlobUpload(descriptor, body, {
        requests: this.#requests,
        blobs: this.#blobs,
        sessions: this.#sessions,
        sizes: this.#sizes,
        policy: this.#settings.policy,
        onEvent: this.#settings.onEvent,
        signal: options.signal,
      }).run(opened);
    } finally {
      body.close();
    }
  }
}
