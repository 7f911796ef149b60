/**
 * Blobs of a repository: existence, downloads, mounts and uploads (distribution-spec, "Pushing Blobs").
 *
 * Offers blobs, uploads.
 * @module registry/blobs
 */
import type { Readable } from 'node:stream';

import type { OnEvent } from '../../content/events.js';
import type { ReadOptions } from '../../content/source.js';
import { Verifier } from '../../content/verified-stream.js';
import { decodedBody, isEncoded } from '../../http/content-encoding.js';
import type { HttpRequest, HttpResponse } from '../../http/message.js';
import type { RetryPolicy } from '../../http/retry.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestAlgorithm, type Digest } from '../../oci/digest.js';
import { UnauthorizedError, type MultiarchError } from '../../oci/errors.js';
import { formatRepository } from '../../oci/reference.js';
import { blobOperation } from '../operation.js';
import { Download } from './download.js';
import { blobUrl } from '../endpoints.js';
import { readRegistryError } from '../errors/error-mapping.js';
import type { RepositoryRequests } from '../requests.js';

/** Reads the blobs of one repository (distribution-spec, "Pulling blobs"). */
export class Blobs {
  readonly #requests: RepositoryRequests;
  readonly #policy: RetryPolicy;
  readonly #onEvent: OnEvent | undefined;

  constructor(requests: RepositoryRequests, policy: RetryPolicy, onEvent?: OnEvent) {
    this.#requests = requests;
    this.#policy = policy;
    this.#onEvent = onEvent;
  }

  /**
   * Reports whether the repository has the blob. `false` if access is denied (GHCR: 403 without the right to push); then
   * the upload decides.
   */
  async has(
    descriptor: Descriptor,
    { signal, retry = true }: ReadOptions & Pick<HttpRequest, 'retry'> = {},
  ): Promise<boolean> {
    const url = blobUrl(this.#requests.repository, descriptor.digest);
    let response: HttpResponse;
    try {
      response = await this.#requests.send({ method: 'HEAD', url, signal, retry });
    } catch (error) {
      if (error instanceof UnauthorizedError) return false;
      throw error;
    }
    if (response.status < 500 && response.status !== 429) {
      response.discard();
      const size = isEncoded(response) ? undefined : response.headers['content-length'];
      // A blob of another size is not this one: write it again.
      return response.status === 200 && (size === undefined || Number(size) === descriptor.size);
    }
    throw await this.#error(response, descriptor.digest);
  }

  /** Reports whether the registry says that it lacks the blob. */
  async isMissing(digest: Digest, { signal }: ReadOptions = {}): Promise<boolean> {
    const url = blobUrl(this.#requests.repository, digest);
    const response = await this.#requests.send({ method: 'HEAD', url, signal });
    response.discard();
    return response.status === 404;
  }

  /**
   * Opens a blob. Resumes after a lost connection, and verifies the bytes of all parts together. Never requests the `urls`
   * of a descriptor, whose hosts the author of the manifest chose (CVE-2020-15157).
   */
  async open(descriptor: Descriptor, options: ReadOptions = {}): Promise<Readable> {
    const { digest } = descriptor;
    const received = await this.#get(digest, 0, options);
    const decodes = isEncoded(received) && !isStoredSo(received, descriptor);
    const first = decodes ? decodedBody(received) : received;
    if (digestAlgorithm(digest) === undefined) {
      const message = `cannot verify ${digest}: unknown digest algorithm; only its size is checked`;
      this.#onEvent?.({ kind: 'warning', message });
    }
    return new Download(first, {
      size: descriptor.size,
      verifier: new Verifier(descriptor, formatRepository(this.#requests.repository)),
      // A range would be one of the encoded bytes.
      open: async (from) =>
        decodes ? decodedBody(await this.#get(digest, 0, options)) : this.#get(digest, from, options),
      policy: this.#policy,
      onRetry: (reason, waitMilliseconds) =>
        this.#onEvent?.({ kind: 'download-retried', digest, reason, waitMilliseconds }),
      signal: options.signal,
    });
  }

  async #get(digest: Digest, from: number, { signal }: ReadOptions): Promise<HttpResponse> {
    const url = blobUrl(this.#requests.repository, digest);
    const response = await this.#requests.send({
      method: 'GET',
      url,
      headers: from === 0 ? {} : { range: `bytes=${from}-` },
      signal,
      timing: 'content',
    });
    if (response.status === 200 || (response.status === 206 && from > 0)) return response;
    throw await this.#error(response, digest);
  }

  #error(response: HttpResponse, digest: Digest): Promise<MultiarchError> {
    return readRegistryError(response, blobOperation('read', this.#requests.repository, digest));
  }
}

/**
 * Reports whether the bytes of a response with a Content-Encoding are those of the blob: a storage may label a compressed
 * layer with it. Otherwise a proxy has encoded them. Their digest is checked in either case.
 */
function isStoredSo({ headers }: HttpResponse, { size, mediaType }: Descriptor): boolean {
  const length = headers['content-length'];
  return length === undefined ? /[+.](?:gzip|zstd)$/.test(mediaType) : Number(length) === size;
}
