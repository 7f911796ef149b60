import { repositoryScope } from '../../auth/requests/scope.js';
import type { Source } from '../../content/source.js';
import type { HttpResponse } from '../../http/message.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { CancelledError, UnauthorizedError } from '../../oci/errors.js';
import { blobOperation } from '../operation.js';
import { mountUrl, uploadsUrl } from '../endpoints.js';
import { readErrorResponse, registryError } from '../errors/error-mapping.js';
import { resolveUploadLocation } from '../location.js';
import type { RepositoryRequests } from '../requests.js';

/** How long the clean-up of a failed upload may take, in milliseconds. */
const ABANDON_LIMIT = 5_000;

/** What is left of an upload that broke. */
export interface UploadRest {
  /** Where to send it. */
  readonly session: URL;
  /** The first byte of the blob that the registry lacks. */
  readonly start: number;
}

/** The upload sessions of one repository: a URL each, which the registry makes and may change (distribution-spec, "Pushing blobs"). */
export class UploadSessions {
  readonly #requests: RepositoryRequests;

  constructor(requests: RepositoryRequests) {
    this.#requests = requests;
  }

  /** Asks for a mount. The URL of an upload session where the registry prefers the bytes; `undefined` where it refuses. */
  async mount(
    descriptor: Descriptor,
    from: Source,
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
      // A token for both repositories is not to be had: without the other one, it may be.
      if (error instanceof UnauthorizedError) return undefined;
      throw error;
    }
    response.discard();
    if (response.status === 201) return 'mounted';
    return response.status === 202
      ? resolveUploadLocation(response.headers['location'], response.url)
      : undefined;
  }

  /** Opens an upload session. Has no body, so authentication is settled before the first byte of the blob is read. */
  async begin(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<URL> {
    const url = uploadsUrl(this.#requests.repository);
    const response = await this.#requests.send({ method: 'POST', url, signal });
    if (response.status !== 202) {
      throw registryError(
        await readErrorResponse(response, 'blob'),
        blobOperation('write', this.#requests.repository, descriptor.digest),
      );
    }
    response.discard();
    return resolveUploadLocation(response.headers['location'], response.url);
  }

  /**
   * Asks how much of a broken upload arrived (distribution-spec, "Pushing a blob in chunks"), and where the rest is to
   * be sent. `undefined` where the registry does not say: many have no such request, and distribution before 3.0
   * forgets the session.
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
      // Some write `0-0` for nothing at all.
      if (response.status !== 204 || !(last > 0 && last < size)) return undefined;
      return {
        session: resolveUploadLocation(response.headers['location'], response.url),
        start: last + 1,
      };
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      return undefined;
    }
  }

  /** Tells the registry to forget a session. Also after a cancellation, so not under the caller's signal. */
  async abandon(session: URL): Promise<void> {
    try {
      const signal = AbortSignal.timeout(ABANDON_LIMIT);
      const response = await this.#requests.send({ method: 'DELETE', url: session, signal, retry: false });
      response.discard();
    } catch {
      // The registry drops it sooner or later by itself; the reason why the upload failed is what counts.
    }
  }
}
