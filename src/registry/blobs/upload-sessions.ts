import { repositoryScope } from '../../auth/requests/scope.js';
import type { BlobSource } from '../../content/source.js';
import type { HttpResponse } from '../../http/message.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { CancelledError, UnauthorizedError } from '../../oci/errors.js';
import { blobOperation } from '../operation.js';
import { mountUrl, uploadsUrl } from '../endpoints.js';
import { chunkLimits, type ChunkLimits } from './chunk-sizes.js';
import { readRegistryError } from '../errors/error-mapping.js';
import { uploadLocation } from '../location.js';
import type { RepositoryRequests } from '../requests.js';

/** The time limit for the clean-up of a failed upload, in milliseconds. */
const ABANDON_LIMIT = 5_000;

/** An upload session (distribution-spec, "Pushing blobs"). */
export interface UploadSession {
  /** The registry may name another one in each response. */
  readonly url: URL;
  readonly limits: ChunkLimits;
}

/** The rest of an interrupted upload. */
export interface UploadRest {
  readonly session: UploadSession;
  /** The offset of the first byte that the registry does not have. */
  readonly start: number;
}

/** The upload sessions of one repository. */
export class UploadSessions {
  readonly #requests: RepositoryRequests;

  constructor(requests: RepositoryRequests) {
    this.#requests = requests;
  }

  /**
   * Tries to mount a blob. Returns an upload session if the registry wants the bytes, `undefined` if it does not support
   * mounts.
   */
  async mount(
    descriptor: Descriptor,
    from: BlobSource,
    signal: AbortSignal | undefined,
  ): Promise<UploadSession | 'mounted' | undefined> {
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
    return response.status === 202 ? openedSession(response) : undefined;
  }

  /** Opens an upload session. The request has no body, so authentication is settled before the blob is read. */
  async begin(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<UploadSession> {
    const url = uploadsUrl(this.#requests.repository);
    const response = await this.#requests.send({ method: 'POST', url, signal });
    if (response.status !== 202) {
      const operation = blobOperation('write', this.#requests.repository, descriptor.digest);
      throw await readRegistryError(response, operation);
    }
    response.discard();
    return openedSession(response);
  }

  /**
   * Returns how much of an interrupted upload arrived (distribution-spec, "Pushing a blob in chunks") and where to send the
   * rest. `undefined` if the registry does not say: many do not implement the request, and distribution before 3.0
   * drops the session.
   */
  async findRest(
    session: UploadSession,
    { size }: Descriptor,
    signal: AbortSignal | undefined,
  ): Promise<UploadRest | undefined> {
    try {
      const response = await this.#requests.send({ method: 'GET', url: session.url, signal, retry: false });
      response.discard();
      const start = receivedBytes(response);
      if (response.status !== 204 || start === undefined || start > size) return undefined;
      return { session: { ...session, url: uploadLocation(response) }, start };
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      return undefined;
    }
  }

  /** Cancels a session. Also runs after a cancellation, so not under the caller's signal. */
  async abandon({ url }: UploadSession): Promise<void> {
    try {
      const signal = AbortSignal.timeout(ABANDON_LIMIT);
      const response = await this.#requests.send({ method: 'DELETE', url, signal, retry: false });
      response.discard();
    } catch {
      // The registry drops the session in time. The error of the upload is the one to report.
    }
  }
}

/** Returns how many bytes of a blob a session has, by the `Range` of a response; `undefined` if it does not say. */
export function receivedBytes({ headers }: HttpResponse): number | undefined {
  const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(headers['range'] ?? '')?.[1]);
  // Some registries write `0-0` for an empty range.
  return last > 0 ? last + 1 : undefined;
}

function openedSession(response: HttpResponse): UploadSession {
  return { url: uploadLocation(response), limits: chunkLimits(response) };
}
