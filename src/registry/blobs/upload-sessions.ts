import { repositoryScope } from '../../auth/requests/scope.js';
import type { BlobSource } from '../../content/source.js';
import type { HttpResponse } from '../../http/message.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { CancelledError, UnauthorizedError } from '../../oci/errors.js';
import { blobOperation } from '../operation.js';
import { mountUrl, uploadsUrl } from '../endpoints.js';
import { readRegistryError } from '../errors/error-mapping.js';
import { uploadLocation } from '../location.js';
import type { RepositoryRequests } from '../requests.js';

/** The time limit for the clean-up of a failed upload, in milliseconds. */
const ABANDON_LIMIT = 5_000;

/** The rest of an interrupted upload. */
export interface UploadRest {
  /** The URL to send it to. */
  readonly session: URL;
  /** The offset of the first byte that the registry does not have. */
  readonly start: number;
}

/** The upload sessions of one repository. Each is a URL that the registry may change (distribution-spec, "Pushing blobs"). */
export class UploadSessions {
  readonly #requests: RepositoryRequests;

  constructor(requests: RepositoryRequests) {
    this.#requests = requests;
  }

  /** Tries to mount a blob. Returns the URL of an upload session if the registry wants the bytes, `undefined` if it does not support mounts. */
  async mount(
    descriptor: Descriptor,
    from: BlobSource,
    signal: AbortSignal | undefined,
  ): Promise<URL | 'mounted' | undefined> {
    const { repository } = this.#requests;
    const origin = from.repository;
    if (origin?.registry !== repository.registry || origin.path === repository.path) return undefined;
    const url = mountUrl(repository, descriptor.digest, origin.path);
    let response: HttpResponse;
    try {
      response = await this.#requests.send({ method: 'POST', url, signal }, [
        repositoryScope(origin.path, 'pull'),
      ]);
    } catch (error) {
      // A token for this repository alone may still be granted.
      if (error instanceof UnauthorizedError) return undefined;
      throw error;
    }
    response.discard();
    if (response.status === 201) return 'mounted';
    return response.status === 202 ? uploadLocation(response) : undefined;
  }

  /** Opens an upload session. The request has no body, so authentication is settled before the blob is read. */
  async begin(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<URL> {
    const url = uploadsUrl(this.#requests.repository);
    const response = await this.#requests.send({ method: 'POST', url, signal });
    if (response.status !== 202) {
      const operation = blobOperation('write', this.#requests.repository, descriptor.digest);
      throw await readRegistryError(response, operation);
    }
    response.discard();
    return uploadLocation(response);
  }

  /**
   * Returns how much of an interrupted upload arrived (distribution-spec, "Pushing a blob in chunks") and where to send the
   * rest. `undefined` if the registry does not say: many do not implement the request, and distribution before 3.0
   * drops the session.
   */
  async findRest(
    session: URL,
    { size }: Descriptor,
    signal: AbortSignal | undefined,
  ): Promise<UploadRest | undefined> {
    try {
      const response = await this.#requests.send({ method: 'GET', url: session, signal, retry: false });
      response.discard();
      const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(response.headers['range'] ?? '')?.[1]);
      // Some registries write `0-0` for an empty range.
      if (response.status !== 204 || !(last > 0 && last < size)) return undefined;
      return { session: uploadLocation(response), start: last + 1 };
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      return undefined;
    }
  }

  /** Cancels a session. Also runs after a cancellation, so not under the caller's signal. */
  async abandon(session: URL): Promise<void> {
    try {
      const signal = AbortSignal.timeout(ABANDON_LIMIT);
      const response = await this.#requests.send({ method: 'DELETE', url: session, signal, retry: false });
      response.discard();
    } catch {
      // The registry drops the session in time. The error of the upload is the one to report.
    }
  }
}
