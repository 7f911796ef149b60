import type { BlobOutcome } from '../../content/events.js';
import type { Source } from '../../content/source.js';
import type { WriteBlobOptions } from '../../content/target.js';
import type { HttpResponse } from '../../http/message.js';
import { NetworkError } from '../../http/network-error.js';
import { isTemporaryStatus, retryWait, type RetryPolicy, type TryOutcome } from '../../http/retry.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestAlgorithm, tryParseDigest, type Digest } from '../../oci/digest.js';
import { CancelledError, FailedError, InvalidError, UnavailableError } from '../../oci/errors.js';
import { blobOperation, type Operation } from '../operation.js';
import type { Blobs } from './blobs.js';
import { CountedBody } from './counted-body.js';
import { readErrorResponse, registryError, tryOutcome } from '../errors/error-mapping.js';
import { withDigest } from '../location.js';
import type { RepositoryRequests } from '../requests.js';
import type { Sleep } from '../sleep.js';
import { UploadSessions } from './upload-sessions.js';

/** In bytes. What is smaller is sent again sooner than the registry is asked how much of it arrived. */
const SMALLEST_RESUMED = 1 << 20;

/** Why a try to upload failed, and what that says about another one. */
interface Failure {
  readonly error: unknown;
  readonly outcome: TryOutcome;
  /** Whether the registry may still hold the session with what arrived. */
  readonly broken: boolean;
}

/** Writes blobs to one repository (distribution-spec, "Pushing blobs"). */
export class Uploads {
  readonly #requests: RepositoryRequests;
  readonly #blobs: Blobs;
  readonly #sessions: UploadSessions;
  readonly #policy: RetryPolicy;
  readonly #sleep: Sleep;

  constructor(requests: RepositoryRequests, blobs: Blobs, policy: RetryPolicy, sleep: Sleep) {
    this.#requests = requests;
    this.#blobs = blobs;
    this.#sessions = new UploadSessions(requests);
    this.#policy = policy;
    this.#sleep = sleep;
  }

  /**
   * Makes sure that a blob is in the repository by the cheapest way that works: it is there, it is mounted from a
   * repository of the same registry, or it is uploaded in one piece.
   */
  async copy(descriptor: Descriptor, from: Source, options: WriteBlobOptions = {}): Promise<BlobOutcome> {
    const { signal } = options;
    if (await this.#blobs.has(descriptor, options)) return 'present';
    const mounted = await this.#sessions.mount(descriptor, from, signal);
    if (mounted === 'mounted') return 'mounted';
    const body = new CountedBody(descriptor, from, options);
    // The source answers while the session is being opened.
    body.prepare();
    try {
      await this.#upload(descriptor, body, mounted, signal);
    } finally {
      body.close();
    }
    return 'copied';
  }

  /**
   * Uploads, and where that fails for a while, takes the upload up where the registry says that it broke. Where it does
   * not say, the upload is begun again from its first request: the session is in a state that only the registry knows.
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
        const wait = retryWait(this.#policy, tries, failure.outcome);
        if (wait === undefined) throw failure.error;
        await this.#sleep(wait, signal);
        if (failure.broken && descriptor.size >= SMALLEST_RESUMED) {
          // All was sent, and only the answer got lost: then it may have been stored all the same.
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

  /** Whether the blob is there after all. @throws CancelledError */
  async #isStored(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      return await this.#blobs.has(descriptor, { signal });
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      return false;
    }
  }

  /**
   * Sends the blob, or the rest of it, with the request that closes the session. The rest is the last chunk, so it may
   * have any size.
   */
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
        const refusal = await readErrorResponse(response, 'blob');
        const error = registryError(refusal, this.#attempt(descriptor.digest));
        const outcome = tryOutcome(refusal);
        if ('status' in outcome && isTemporaryStatus(outcome.status)) return { error, outcome, broken: true };
        // The registry does not like what it holds together with the rest; all of it at once it may.
        return { error, outcome: start > 0 ? { temporary: true } : outcome, broken: false };
      }
      response.discard();
      await this.#confirm(response, descriptor, signal);
      return undefined;
    } catch (error) {
      // The source has its own retries, so when it fails, it fails for good.
      if (body.sourceFailed) return { error, outcome: { temporary: false }, broken: false };
      const temporary = error instanceof NetworkError ? error.temporary : error instanceof UnavailableError;
      return { error, outcome: { temporary }, broken: temporary };
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

  #attempt(digest: Digest): Operation {
    return blobOperation('write', this.#requests.repository, digest);
  }
}
