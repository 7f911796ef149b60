import { repositoryScope } from '../../auth/requests/scope.js';
import type { BlobSource } from '../../content/source.js';
import { DestinationError, nearestFor } from '../../http/destination-policy.js';
import type { HttpRequest, HttpResponse } from '../../http/message.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { CancelledError, UnauthorizedError } from '../../oci/errors.js';
import { blobOperation } from '../operation.js';
import { mountUrl, uploadsUrl } from '../endpoints.js';
import { chunkLimits, type ChunkLimits } from './chunk-sizes.js';
import { readRegistryError } from '../errors/error-mapping.js';
import { rejectedLocation, sessionProblem, uploadLocation, type SessionOrigin } from '../location.js';
import type { RepositoryRequests } from '../requests.js';

/** The time limit for the clean-up of a failed upload, in milliseconds. */
const ABANDON_LIMIT = 5_000;

/** An upload session (distribution-spec, "Pushing blobs"). */
export interface UploadSession {
  /** The registry may name another one in each response. */
  readonly url: URL;
  /** Whether another server than the registry has named it, or an earlier URL of the session. */
  readonly isForeign: boolean;
  /** See {@link HttpRequest.nearest}. */
  readonly nearest: HttpRequest['nearest'];
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
  readonly #isOwn = (url: URL): boolean => this.#requests.isOwn(url);

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
      const vetRedirect = this.#vetRedirect(this.#own(), url);
      response = await this.#requests.send({ method: 'POST', url, signal, vetRedirect }, [
        repositoryScope(origin.path, 'pull'),
      ]);
    } catch (error) {
      // A token for this repository alone may still be granted.
      if (error instanceof UnauthorizedError) return undefined;
      throw error;
    }
    response.discard();
    if (response.status === 201) return 'mounted';
    return response.status === 202 ? this.#opened(response) : undefined;
  }

  /** Opens an upload session. The request has no body, so authentication is settled before the blob is read. */
  async begin(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<UploadSession> {
    const url = uploadsUrl(this.#requests.repository);
    const vetRedirect = this.#vetRedirect(this.#own(), url);
    const response = await this.#requests.send({ method: 'POST', url, signal, vetRedirect });
    if (response.status !== 202) {
      const operation = blobOperation('write', this.#requests.repository, descriptor.digest);
      throw await readRegistryError(response, operation);
    }
    response.discard();
    return this.#opened(response);
  }

  /**
   * Returns how much of an interrupted upload arrived (distribution-spec, "Pushing a blob in chunks") and where to send the
   * rest. `undefined` if the registry does not say: many do not implement the request, and distribution before 3.0
   * rejects it once bytes have arrived that no response has confirmed.
   */
  async findRest(
    session: UploadSession,
    { size }: Descriptor,
    signal: AbortSignal | undefined,
  ): Promise<UploadRest | undefined> {
    try {
      const response = await this.send(session, { method: 'GET', url: session.url, signal, retry: false });
      response.discard();
      const start = receivedBytes(response);
      if (response.status !== 204 || start === undefined || start > size) return undefined;
      return { session: this.continued(session, response), start };
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      return undefined;
    }
  }

  /**
   * Cancels a session. Also runs after a cancellation, so not under the caller's signal. Distribution before 3.0 rejects it
   * once bytes have arrived that no response has confirmed, and keeps the session until its upload purging.
   */
  async abandon(session: UploadSession): Promise<void> {
    try {
      const signal = AbortSignal.timeout(ABANDON_LIMIT);
      const { url } = session;
      const response = await this.send(session, { method: 'DELETE', url, signal, retry: false });
      response.discard();
    } catch {
      // The registry drops the session in time. The error of the upload is the one to report.
    }
  }

  /**
   * Sends a request of a session. Once the session has left the registry, none of its requests carries credentials, not
   * even if another server leads it back.
   * @throws InvalidError if the URL, or one that it redirects to, must not be used
   */
  async send(session: UploadSession, request: HttpRequest): Promise<HttpResponse> {
    const { url, nearest } = session;
    const origin = this.#originOf(session);
    const vetRedirect = this.#vetRedirect(origin, url);
    try {
      return await this.#requests.send({ ...request, nearest, isAnonymous: origin.isForeign, vetRedirect });
    } catch (error) {
      if (error instanceof DestinationError) {
        throw rejectedLocation(url, uploadsUrl(this.#requests.repository), error.problem);
      }
      throw error;
    }
  }

  /** Returns a session with the URL that a response to one of its requests names. @throws as {@link uploadLocation} */
  continued(session: UploadSession, response: HttpResponse): UploadSession {
    return { ...session, ...this.#named(response, this.#originOf(session)) };
  }

  #opened(response: HttpResponse): UploadSession {
    return { ...this.#named(response, this.#own()), limits: chunkLimits(response) };
  }

  #named(response: HttpResponse, origin: SessionOrigin): Omit<UploadSession, 'limits'> {
    const isForeign = origin.isForeign || response.leftOrigin === true;
    const url = uploadLocation(response, { ...origin, isForeign });
    return { url, isForeign, nearest: nearestFor(url, response) };
  }

  #originOf({ url, isForeign }: UploadSession): SessionOrigin {
    return { ...this.#own(), isForeign: isForeign || !this.#isOwn(url) };
  }

  #own(): SessionOrigin {
    return { path: this.#requests.repository.path, isForeign: false, isOwn: this.#isOwn };
  }

  /** Returns a function that rejects redirects to what is not an upload at the registry. */
  #vetRedirect(origin: SessionOrigin, from: URL): (to: URL, leftOrigin: boolean) => void {
    return (to, leftOrigin) => {
      const problem = sessionProblem(to, { ...origin, isForeign: origin.isForeign || leftOrigin });
      if (problem !== undefined) throw rejectedLocation(to, from, problem);
    };
  }
}

/** Returns how many bytes of a blob a session has, by the `Range` of a response; `undefined` if it does not say. */
export function receivedBytes({ headers }: HttpResponse): number | undefined {
  const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(headers['range'] ?? '')?.[1]);
  // Some registries write `0-0` for an empty range.
  return last > 0 ? last + 1 : undefined;
}
