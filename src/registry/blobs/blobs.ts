/**
 * Blobs of a repository: existence, downloads, mounts and uploads (distribution-spec, "Pushing Blobs").
 *
 * Offers blobs, uploads.
 * @module registry/blobs
 */
import type { Readable } from 'node:stream';

import type { OnEvent } from '../../content/events.js';
import type { ReadOptions } from '../../content/source.js';
import { verifiedStream } from '../../content/verified-stream.js';
import type { HttpResponse } from '../../http/message.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestAlgorithm, type Digest } from '../../oci/digest.js';
import { UnauthorizedError } from '../../oci/errors.js';
import { formatRepository } from '../../oci/reference.js';
import { blobOperation, type Operation } from '../operation.js';
import { Download } from './download.js';
import { blobUrl } from '../endpoints.js';
import { readErrorResponse, registryError } from '../errors/error-mapping.js';
import type { RepositoryRequests } from '../requests.js';

/** Reads the blobs of one repository (distribution-spec, "Pulling blobs"). */
export class Blobs {
  readonly #requests: RepositoryRequests;
  readonly #onEvent: OnEvent | undefined;

  constructor(requests: RepositoryRequests, onEvent?: OnEvent) {
    this.#requests = requests;
    this.#onEvent = onEvent;
  }

  /**
   * Whether the repository holds the blob. A registry that does not let us ask (403 to who may not write: GHCR)
   * gives `false`: the upload will tell.
   */
  async has(descriptor: Descriptor, options: ReadOptions = {}): Promise<boolean> {
    const url = blobUrl(this.#requests.repository, descriptor.digest);
    let response: HttpResponse;
    try {
      response = await this.#requests.send({ method: 'HEAD', url, signal: options.signal });
    } catch (error) {
      if (error instanceof UnauthorizedError) return false;
      throw error;
    }
    if (response.status < 500 && response.status !== 429) {
      response.discard();
      const size = response.headers['content-length'];
      // A blob of another size is not this one, whatever name it has: write it again.
      return response.status === 200 && (size === undefined || Number(size) === descriptor.size);
    }
    throw registryError(await readErrorResponse(response, 'blob'), this.#attempt(descriptor.digest));
  }

  /**
   * Opens a blob. A broken connection is taken up again where it broke; the bytes are verified over all parts.
   * The `urls` of a descriptor are never asked: whoever wrote the manifest chose those hosts (CVE-2020-15157).
   */
  async open(descriptor: Descriptor, options: ReadOptions = {}): Promise<Readable> {
    const { digest } = descriptor;
    const first = await this.#get(digest, 0, options);
    if (digestAlgorithm(digest) === undefined) {
      const message = `${digest} cannot be verified: its algorithm is not known here; its size alone is checked`;
      this.#onEvent?.({ kind: 'warning', message });
    }
    const download = new Download(first, (from) => this.#get(digest, from, options));
    return verifiedStream(download, descriptor, formatRepository(this.#requests.repository));
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
    throw registryError(await readErrorResponse(response, 'blob'), this.#attempt(digest));
  }

  #attempt(digest: Digest): Operation {
    return blobOperation('read', this.#requests.repository, digest);
  }
}
