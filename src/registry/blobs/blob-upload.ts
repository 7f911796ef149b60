import type { OnEvent } from '../../content/events.js';
import type { HttpRequest, HttpResponse } from '../../http/message.js';
import { NetworkError } from '../../http/network-error.js';
import {
  isTemporaryStatus,
  mayHaveBeenHandled,
  Tries,
  type RetryPolicy,
  type TryOutcome,
} from '../../http/retry.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestAlgorithm, tryParseDigest } from '../../oci/digest.js';
import { OTHER_SERVER_HINT } from '../../oci/json.js';
import {
  CancelledError,
  FailedError,
  InvalidError,
  UnauthorizedError,
  UnavailableError,
  type MultiarchError,
} from '../../oci/errors.js';
import { blobOperation } from '../operation.js';
import type { Blobs } from './blobs.js';
import type { ChunkSizes } from './chunk-sizes.js';
import type { CountedBody } from './counted-body.js';
import {
  ALTERED_HINT,
  isBodyTooLarge,
  isLostSession,
  readErrorResponse,
  registryError,
  tryOutcome,
} from '../errors/error-mapping.js';
import { withDigest } from '../location.js';
import type { RepositoryRequests } from '../requests.js';
import { receivedBytes, type UploadSession, type UploadSessions } from './upload-sessions.js';

/** In bytes. Sending a smaller blob again is faster than asking how much of it arrived. */
const MIN_RESUMED_BYTES = 1 << 20;

/** What an upload works with. */
export interface UploadContext {
  readonly requests: RepositoryRequests;
  readonly blobs: Blobs;
  readonly sessions: UploadSessions;
  readonly sizes: ChunkSizes;
  readonly policy: RetryPolicy;
  readonly onEvent: OnEvent | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Why a request failed, and whether another may succeed. */
class Failure {
  readonly error: unknown;
  /** `resized`: the blob is sent in requests of another size, which does not count as a retry. */
  readonly outcome: TryOutcome | 'resized';
  /** Whether the registry may still have the session, with the bytes that arrived. */
  readonly mayResume: boolean;
  /** Whether the registry may have stored the blob, or may still be at work on it: the response was lost or late. */
  readonly mayBeStored: boolean;

  constructor(error: unknown, outcome: Failure['outcome'], mayResume: boolean, mayBeStored = false) {
    this.error = error;
    this.outcome = outcome;
    this.mayResume = mayResume;
    this.mayBeStored = mayBeStored;
  }
}

/** The upload of one blob (distribution-spec, "Pushing blobs"). */
export class BlobUpload {
  readonly #descriptor: Descriptor;
  readonly #body: CountedBody;
  readonly #context: UploadContext;
  /** The response to the smallest request that was rejected as too large. */
  #tooLarge: MultiarchError | undefined;
  /** Whether the registry stopped reading before. */
  #hasStalled = false;

  constructor(descriptor: Descriptor, body: CountedBody, context: UploadContext) {
    this.#descriptor = descriptor;
    this.#body = body;
    this.#context = context;
  }

  /**
   * Uploads the blob. After a temporary failure, resumes from the offset that the registry reports, or starts a new session
   * if it reports none, because the state of the old one is unknown.
   * @param opened a session that is open already
   */
  async run(opened: UploadSession | undefined): Promise<void> {
    const { sessions, signal } = this.#context;
    let session = opened;
    let reached = 0;
    const tries = new Tries(this.#context.policy);
    for (;;) {
      session ??= await sessions.begin(this.#descriptor, signal);
      const sent = await this.#send(session);
      if (sent.failure === undefined) return;
      session = sent.session;
      // Each chunk has its own tries. Chunks that are sent again after a lost session have none.
      if (this.#body.start > reached) tries.restart();
      reached = Math.max(reached, this.#body.start);
      try {
        // No second try of what the registry may have stored. What is stored needs no wait.
        const isUnknown = sent.failure.mayBeStored && this.#body.allSent;
        const stored = isUnknown ? await this.#isStored('stale') : false;
        if (stored === true) return;
        if (!(await this.#wait(sent.failure, tries))) throw sent.failure.error;
        // The registry could not be asked before.
        if (stored === undefined && (await this.#isStored('stale')) === true) return;
        const rest = sent.failure.mayResume ? await this.#findRest(session) : undefined;
        if (rest !== undefined) {
          session = rest;
          reached = Math.max(reached, this.#body.start);
          continue;
        }
      } catch (error) {
        this.#body.startAt(0);
        await sessions.abandon(session);
        throw error;
      }
      this.#body.startAt(0);
      await sessions.abandon(session);
      session = undefined;
    }
  }

  /** Waits before the next try. Returns `false` at once if the failure is final. */
  async #wait({ error, outcome }: Failure, tries: Tries): Promise<boolean> {
    const { policy, onEvent, signal } = this.#context;
    const delay = outcome === 'resized' ? 0 : tries.next(outcome);
    if (delay === undefined) return false;
    const reason = error instanceof Error ? error.message : 'unknown reason';
    onEvent?.({ kind: 'upload-retried', digest: this.#descriptor.digest, reason, waitMilliseconds: delay });
    if (outcome !== 'resized') await policy.sleep(delay, signal);
    return true;
  }

  /** Finds out what arrived. Returns the session for the rest, `undefined` if the registry does not say. */
  async #findRest(session: UploadSession): Promise<UploadSession | undefined> {
    const { sessions, signal } = this.#context;
    if (this.#descriptor.size < MIN_RESUMED_BYTES && this.#body.start === 0) return undefined;
    const rest = await sessions.findRest(session, this.#descriptor, signal);
    if (rest === undefined) return undefined;
    this.#body.startAt(rest.start);
    return rest.session;
  }

  /** Reports whether the blob is stored; `undefined` if that is unknown. @throws CancelledError */
  async #isStored(retry: HttpRequest['retry'] = true): Promise<boolean | undefined> {
    try {
      return await this.#context.blobs.has(this.#descriptor, { signal: this.#context.signal, retry });
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      return undefined;
    }
  }

  /** Sends what the registry does not have yet: in one request, or in chunks and a request that closes the session. */
  async #send(
    opened: UploadSession,
  ): Promise<{ readonly session: UploadSession; readonly failure?: Failure }> {
    const { size } = this.#descriptor;
    for (let session = opened; ;) {
      const chunk = this.#context.sizes.of(size, session.limits);
      const isLast = chunk === undefined || this.#body.start === size;
      if (!isLast) this.#body.endAt(this.#body.start + chunk);
      const result = await (isLast ? this.#close(session) : this.#sendChunk(session));
      if (result === 'stored') return { session };
      if (result instanceof Failure) return { session, failure: result };
      session = result;
    }
  }

  /** Sends the blob, the rest of it or nothing with the request that closes the session. */
  #close(session: UploadSession): Promise<'stored' | Failure> {
    const url = withDigest(session.url, this.#descriptor.digest);
    return this.#exchange({ method: 'PUT', url }, session, async (response) => {
      await this.#confirm(response);
      return 'stored' as const;
    });
  }

  /** Sends a chunk. Returns the session for the next one. */
  #sendChunk(session: UploadSession): Promise<UploadSession | 'stored' | Failure> {
    return this.#exchange({ method: 'PATCH', url: session.url }, session, async (response) => {
      const { start, end } = this.#body;
      const arrived = receivedBytes(response) ?? end;
      this.#body.startAt(arrived > start && arrived < end ? arrived : end);
      this.#context.sizes.accepted();
      // Amazon ECR may complete a blob with its last chunk, and then reject the closing request.
      const mayBeStored = response.status === 201 && end === this.#descriptor.size;
      if (mayBeStored && (await this.#isStored()) === true) return 'stored';
      const { location } = response.headers;
      return location === undefined ? session : this.#context.sessions.continued(session, response);
    });
  }

  async #exchange<T>(
    request: { readonly method: 'PATCH' | 'PUT'; readonly url: URL },
    session: UploadSession,
    accept: (response: HttpResponse) => Promise<T>,
  ): Promise<T | 'stored' | Failure> {
    const { sessions, signal } = this.#context;
    const body = this.#body;
    const isPart = body.size > 0 && (body.start > 0 || request.method === 'PATCH');
    try {
      const response = await sessions.send(session, {
        ...request,
        headers: {
          'content-type': 'application/octet-stream',
          ...(isPart && { 'content-range': `${body.start}-${body.end - 1}` }),
        },
        // After the last chunk, the source is not read again.
        ...((body.size > 0 || body.start === 0) && { body }),
        signal,
        retry: false,
        timing: 'content',
      });
      if (response.status < 200 || response.status > 299) {
        return await this.#rejected(response, request.method, session);
      }
      response.discard();
      return await accept(response);
    } catch (error) {
      // The source has its own retries, so its failure is final.
      if (body.sourceFailed) return new Failure(error, { temporary: false }, false);
      if (!(error instanceof NetworkError)) {
        const temporary = error instanceof UnavailableError;
        return new Failure(error, { temporary }, temporary);
      }
      const temporary = error.temporary || this.#isFirstStall(error);
      return new Failure(error, { temporary }, temporary, request.method === 'PUT' && !error.unsent);
    }
  }

  /** Reports whether the registry stopped reading for the first time. It may be the network, and the rest may arrive. */
  #isFirstStall(error: NetworkError): boolean {
    const isFirst = error.timeLimit && !this.#body.isSent && !this.#hasStalled;
    this.#hasStalled ||= isFirst;
    return isFirst;
  }

  async #rejected(
    response: HttpResponse,
    method: string,
    { limits }: UploadSession,
  ): Promise<'stored' | Failure> {
    const { requests, sizes } = this.#context;
    const { start, size: sentBytes } = this.#body;
    const { digest, size } = this.#descriptor;
    const operation = { ...blobOperation('write', requests.repository, digest), sentBytes };
    const errorResponse = await readErrorResponse(response, operation);
    const error = registryError(errorResponse, operation);
    if (isBodyTooLarge(errorResponse)) {
      this.#tooLarge = error;
      const isSmaller = sizes.shrink(sentBytes, size, limits);
      return new Failure(error, isSmaller ? 'resized' : { temporary: false }, start > 0);
    }
    if (errorResponse.errorClass === 'quota') return new Failure(error, { temporary: false }, false);
    const outcome = tryOutcome(errorResponse);
    const { status } = response;
    if ('status' in outcome && isTemporaryStatus(status)) {
      return new Failure(error, outcome, true, method === 'PUT' && mayHaveBeenHandled(status));
    }
    // Nexus rejects a blob that another client has uploaded in the meantime. 404 is about the session.
    const isWhole = method === 'PUT' && (start === 0 || start === size);
    if (isWhole && status !== 404 && (await this.#isStored()) === true) return 'stored';
    if (status === 416 || (method === 'PUT' && isLostSession(errorResponse))) {
      return new Failure(error, { temporary: true }, method === 'PATCH');
    }
    if (method === 'PUT' && start === 0) return new Failure(error, outcome, false);
    if ('temporary' in outcome || (error instanceof UnauthorizedError && status !== 405))
      return new Failure(error, outcome, false);
    // The registry rejects a part of the blob, or what the parts make. It may accept the whole blob.
    if (sizes.of(size, limits) === undefined) return new Failure(error, { temporary: true }, false);
    if (sizes.disable(size, limits)) return new Failure(error, 'resized', false);
    const last = this.#tooLarge === undefined ? error : rejectsBoth(this.#tooLarge, status);
    return new Failure(last, { temporary: false }, false);
  }

  /** Checks that the blob is stored, unless the response is 201 or 204 without another digest. */
  async #confirm(response: HttpResponse): Promise<void> {
    const { digest } = this.#descriptor;
    const stored = tryParseDigest(response.headers['docker-content-digest'] ?? '');
    if (stored !== undefined && stored !== digest && digestAlgorithm(stored) === digestAlgorithm(digest)) {
      throw new InvalidError(`${response.url.host} stored ${stored}, but ${digest} was sent`, {
        hint: ALTERED_HINT,
      });
    }
    if (response.status === 201 || response.status === 204) return;
    const { blobs, signal } = this.#context;
    if (await blobs.has(this.#descriptor, { signal })) return;
    throw new FailedError(
      `${response.url.host} accepted ${digest} (${response.status}) but does not return it`,
      { hint: OTHER_SERVER_HINT },
    );
  }
}

function rejectsBoth({ message, hint, exchange }: MultiarchError, status: number): FailedError {
  return new FailedError(`${message}; and with ${status} to a chunk of it`, { hint, exchange });
}
