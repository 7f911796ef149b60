import type { BlobOutcome } from '../../content/events.js';
import type { BlobSource } from '../../content/source.js';
import type { WriteBlobOptions } from '../../content/target.js';
import type { HttpResponse } from '../../http/message.js';
import { NetworkError } from '../../http/network-error.js';
import { isTemporaryStatus, retryDelay, type RetryPolicy, type TryOutcome } from '../../http/retry.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestAlgorithm, tryParseDigest } from '../../oci/digest.js';
import { CancelledError, FailedError, InvalidError, UnavailableError } from '../../oci/errors.js';
import { blobOperation } from '../operation.js';
import type { Blobs } from './blobs.js';
import { CountedBody } from './counted-body.js';
import { readErrorResponse, registryError, tryOutcome } from '../errors/error-mapping.js';
import { withDigest } from '../location.js';
import type { RepositoryRequests } from '../requests.js';
import { UploadSessions } from './upload-sessions.js';

/** In bytes. Sending a smaller blob again is faster than asking how much of it arrived. */
const MIN_RESUMED_BYTES = 1 << 20;

/** Why one try to upload failed, and whether another may succeed. */
interface Failure {
  readonly error: unknown;
  readonly outcome: TryOutcome;
  /** Whether the registry may still have the session, with the bytes that arrived. */
  readonly mayResume: boolean;
}

/** Writes blobs to one repository (distribution-spec, "Pushing blobs"). */
export class Uploads {
  readonly #requests: RepositoryRequests;
  readonly #blobs: Blobs;
  readonly #sessions: UploadSessions;
  readonly #policy: RetryPolicy;

  constructor(requests: RepositoryRequests, blobs: Blobs, policy: RetryPolicy) {
    this.#requests = requests;
    this.#blobs = blobs;
    this.#sessions = new UploadSessions(requests);
    this.#policy = policy;
  }

  /**
   * Ensures that a blob is in the repository, by the cheapest method that works: it exists, it is mounted from a repository
   * of the same registry, or it is uploaded in one request.
   */
  async copy(descriptor: Descriptor, from: BlobSource, options: WriteBlobOptions = {}): Promise<BlobOutcome> {
    const { signal } = options;
    if (await this.#blobs.has(descriptor, options)) return 'present';
    const mounted = await this.#sessions.mount(descriptor, from, signal);
    if (mounted === 'mounted') return 'mounted';
    const body = new CountedBody(descriptor, from, options);
    // Opens the source while the session is being opened.
    body.prepare();
    try {
      await this.#upload(descriptor, body, mounted, signal);
    } finally {
      body.close();
    }
    return 'copied';
  }

  /**
   * Uploads a blob. After a temporary failure, resumes from the offset that the registry reports, or starts a new session
   * if it reports none, because the state of the old one is unknown.
   */
  async #upload(
    descriptor: Descriptor,
    body: CountedBody,
    opened: URL | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let session = opened;
    for (let tries = 1; ; tries += 1) {
      session ??= await this.#sessions.begin(descriptor, signal);
      const failure = await this.#send(session, descriptor, body, signal);
      if (failure === undefined) return;
      try {
        const delay = retryDelay(this.#policy, tries, failure.outcome);
        if (delay === undefined) throw failure.error;
        await this.#policy.sleep(delay, signal);
        if (failure.mayResume && descriptor.size >= MIN_RESUMED_BYTES) {
          // If only the response was lost, the blob may be stored.
          if (body.allSent && (await this.#isStored(descriptor, signal))) return;
          const rest = await this.#sessions.findRest(session, descriptor, signal);
          if (rest !== undefined) {
            session = rest.session;
            body.startAt(rest.start);
            continue;
          }
        }
      } catch (error) {
        body.startAt(0);
        await this.#sessions.abandon(session);
        throw error;
      }
      body.startAt(0);
      await this.#sessions.abandon(session);
      session = undefined;
    }
  }

  /** Reports whether the blob is stored; `false` if that is unknown. @throws CancelledError */
  async #isStored(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      return await this.#blobs.has(descriptor, { signal });
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      return false;
    }
  }

  /** Sends the blob, or the rest of it, with the request that closes the session. The last chunk may have any size. */
  async #send(
    session: URL,
    descriptor: Descriptor,
    body: CountedBody,
    signal: AbortSignal | undefined,
  ): Promise<Failure | undefined> {
    const { start, size } = body;
    const range = start > 0 && size > 0 ? { 'content-range': `${start}-${descriptor.size - 1}` } : {};
    try {
      const response = await this.#requests.send({
        method: 'PUT',
        url: withDigest(session, descriptor.digest),
        headers: { 'content-type': 'application/octet-stream', ...range },
        body,
        signal,
        retry: false,
        timing: 'content',
      });
      if (response.status < 200 || response.status > 299) {
        const operation = blobOperation('write', this.#requests.repository, descriptor.digest);
        const errorResponse = await readErrorResponse(response, operation);
        const error = registryError(errorResponse, operation);
        const outcome = tryOutcome(errorResponse);
        if ('status' in outcome && isTemporaryStatus(outcome.status))
          return { error, outcome, mayResume: true };
        // Nexus rejects a blob that another client has uploaded in the meantime. 404 is about the session.
        if (start === 0 && response.status !== 404 && (await this.#isStored(descriptor, signal)))
          return undefined;
        // The registry rejects the rest of a resumed upload. It may accept the whole blob.
        return { error, outcome: start > 0 ? { temporary: true } : outcome, mayResume: false };
      }
      response.discard();
      await this.#confirm(response, descriptor, signal);
      return undefined;
    } catch (error) {
      // The source has its own retries, so its failure is final.
      if (body.sourceFailed) return { error, outcome: { temporary: false }, mayResume: false };
      const temporary = error instanceof NetworkError ? error.temporary : error instanceof UnavailableError;
      return { error, outcome: { temporary }, mayResume: temporary };
    }
  }

  /** Checks that the blob is stored, unless the response is 201 or 204 without another digest. */
  async #confirm(
    response: HttpResponse,
    descriptor: Descriptor,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { digest } = descriptor;
    const stored = tryParseDigest(response.headers['docker-content-digest'] ?? '');
    if (stored !== undefined && stored !== digest && digestAlgorithm(stored) === digestAlgorithm(digest)) {
      throw new InvalidError(`${response.url.host} stored ${stored}, but ${digest} was sent`);
    }
    if (response.status === 201 || response.status === 204) return;
    if (await this.#blobs.has(descriptor, { signal })) return;
    throw new FailedError(
      `${response.url.host} accepted ${digest} (${response.status}) but does not return it`,
    );
  }
}
