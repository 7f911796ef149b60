import { repositoryScope } from '../auth/scope.js';
import type { BlobOutcome } from '../content/events.js';
import type { Source } from '../content/source.js';
import type { WriteBlobOptions } from '../content/target.js';
import type { HttpResponse } from '../http/message.js';
import { NetworkError } from '../http/network-error.js';
import { retryWait, type RetryPolicy, type TryOutcome } from '../http/retry.js';
import type { Descriptor } from '../oci/descriptor.js';
import { digestAlgorithm, tryParseDigest, type Digest } from '../oci/digest.js';
import { FailedError, InvalidError, UnauthorizedError, UnavailableError } from '../oci/errors.js';
import { blobAttempt, type Attempt } from './attempt.js';
import type { Blobs } from './blobs.js';
import { CountedBody } from './counted-body.js';
import { mountUrl, uploadsUrl } from './endpoints.js';
import { readRefusal, refusalError, tryOutcome } from './error-mapping.js';
import { resolveUploadLocation, withDigest } from './location.js';
import type { RepositoryRequests } from './requests.js';
import type { Sleep } from './sleep.js';

/** How long the clean-up of a failed upload may take, in milliseconds. */
const ABANDON_LIMIT = 5_000;

/** What became of one try to upload: nothing to add, or why it failed and what that says about another try. */
type Failure = { readonly error: unknown; readonly outcome: TryOutcome };

/** Writes blobs to one repository (distribution-spec, "Pushing blobs"). */
export class Uploads {
  readonly #requests: RepositoryRequests;
  readonly #blobs: Blobs;
  readonly #policy: RetryPolicy;
  readonly #sleep: Sleep;

  constructor(requests: RepositoryRequests, blobs: Blobs, policy: RetryPolicy, sleep: Sleep) {
    this.#requests = requests;
    this.#blobs = blobs;
    this.#policy = policy;
    this.#sleep = sleep;
  }

  /**
   * Makes sure that a blob is in the repository by the cheapest way that works: it is there, it is mounted from a
   * repository of the same registry, or it is uploaded in one piece. A failed upload is begun again from its first
   * request, because a session that failed once is in a state that only the registry knows.
   */
  async copy(descriptor: Descriptor, from: Source, options: WriteBlobOptions = {}): Promise<BlobOutcome> {
    const { signal } = options;
    if (await this.#blobs.has(descriptor, options)) return 'present';
    const mounted = await this.#mount(descriptor, from, signal);
    if (mounted === 'mounted') return 'mounted';

    const body = new CountedBody(descriptor, from, options);
    let session = mounted;
    for (let tries = 1; ; tries += 1) {
      session ??= await this.#begin(descriptor, signal);
      const failure = await this.#send(session, descriptor, body, signal);
      if (failure === undefined) return 'copied';
      body.rollBack();
      await this.#abandon(session);
      const wait = retryWait(this.#policy, tries, failure.outcome);
      if (wait === undefined) throw failure.error;
      await this.#sleep(wait, signal);
      session = undefined;
    }
  }

  /** Asks for a mount. The URL of an upload session where the registry prefers the bytes; `undefined` where it refuses. */
  async #mount(
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
  async #begin(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<URL> {
    const url = uploadsUrl(this.#requests.repository);
    const response = await this.#requests.send({ method: 'POST', url, signal });
    if (response.status !== 202) {
      throw refusalError(await readRefusal(response), this.#attempt(descriptor.digest));
    }
    response.discard();
    return resolveUploadLocation(response.headers['location'], response.url);
  }

  async #send(
    session: URL,
    descriptor: Descriptor,
    body: CountedBody,
    signal: AbortSignal | undefined,
  ): Promise<Failure | undefined> {
    try {
      const response = await this.#requests.send({
        method: 'PUT',
        url: withDigest(session, descriptor.digest),
        headers: { 'content-type': 'application/octet-stream' },
        body,
        signal,
        retry: false,
        timing: 'content',
      });
      if (response.status < 200 || response.status > 299) {
        const refusal = await readRefusal(response);
        const error = refusalError(refusal, this.#attempt(descriptor.digest));
        return { error, outcome: tryOutcome(refusal) };
      }
      response.discard();
      await this.#confirm(response, descriptor, signal);
      return undefined;
    } catch (error) {
      // The source has its own retries, so when it fails, it fails for good.
      if (body.sourceFailed) return { error, outcome: { temporary: false } };
      const temporary = error instanceof NetworkError ? error.temporary : error instanceof UnavailableError;
      return { error, outcome: { temporary } };
    }
  }

  /** A registry that answers neither 201 nor 204, or names another digest, has not stored what was sent. */
  async #confirm(
    response: HttpResponse,
    descriptor: Descriptor,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { digest } = descriptor;
    const stored = tryParseDigest(response.headers['docker-content-digest'] ?? '');
    if (stored !== undefined && stored !== digest && digestAlgorithm(stored) === digestAlgorithm(digest)) {
      throw new InvalidError(`${response.url.host} stored ${stored} where ${digest} was sent`);
    }
    if (response.status === 201 || response.status === 204) return;
    if (await this.#blobs.has(descriptor, { signal })) return;
    throw new FailedError(
      `${response.url.host} answered ${response.status} to the upload of ${digest}, but does not have it`,
    );
  }

  /** Tells the registry to forget a session. Also after a cancellation, so not under the caller's signal. */
  async #abandon(session: URL): Promise<void> {
    try {
      const signal = AbortSignal.timeout(ABANDON_LIMIT);
      const response = await this.#requests.send({ method: 'DELETE', url: session, signal, retry: false });
      response.discard();
    } catch {
      // The registry drops it sooner or later by itself; the reason why the upload failed is what counts.
    }
  }

  #attempt(digest: Digest): Attempt {
    return blobAttempt('write', this.#requests.repository, digest);
  }
}
