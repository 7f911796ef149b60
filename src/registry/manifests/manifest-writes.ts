import type { OnEvent } from '../../content/events.js';
import type { ReadOptions, Selector } from '../../content/source.js';
import { undefinedIfDenied } from '../../content/find-referrers.js';
import { bodyOf, type HttpRequest, type HttpResponse } from '../../http/message.js';
import { catchUpDelay, isTemporaryStatus, Tries, type RetryPolicy } from '../../http/retry.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestAlgorithm, digestOf, tryParseDigest, type Digest } from '../../oci/digest.js';
import {
  childrenOf,
  documentDescriptor,
  MAX_MANIFEST_PUSH,
  type ManifestOrIndex,
} from '../../oci/document.js';
import { isArtifact } from '../../oci/attestation.js';
import {
  CancelledError,
  ConflictError,
  FailedError,
  InvalidError,
  MissingContentError,
  OtherDigestError,
} from '../../oci/errors.js';
import { OTHER_SERVER_HINT } from '../../oci/json.js';
import { isNonDistributableType } from '../../oci/media-type.js';
import type { Tag } from '../../oci/reference.js';
import { manifestOperation, type Operation } from '../operation.js';
import { manifestUrl } from '../endpoints.js';
import {
  ALTERED_HINT,
  mayKeepTag,
  readErrorResponse,
  registryError,
  rejectsSkippedLayers,
  type ErrorResponse,
} from '../errors/error-mapping.js';
import { findMissingContent, type Repository } from './missing-content.js';
import { putRepeatedly } from './repeated-put.js';
import type { RepositoryRequests } from '../requests.js';

const TEMPORARY = { temporary: true } as const;

/** The result of a write. */
export interface WrittenManifest {
  readonly descriptor: Descriptor;
  /**
   * Whether the registry has added the document to the referrers of its `subject` (distribution-spec, "Pushing Manifests
   * with Subject").
   */
  readonly isIndexed: boolean;
}

/** Writes manifests and indexes to one repository (distribution-spec, "Pushing manifests"). */
export class ManifestWrites {
  readonly #requests: RepositoryRequests;
  readonly #repository: Repository;
  readonly #policy: RetryPolicy;
  readonly #onEvent: OnEvent | undefined;

  constructor(
    requests: RepositoryRequests,
    repository: Repository,
    settings: { readonly policy: RetryPolicy; readonly onEvent?: OnEvent | undefined },
  ) {
    this.#requests = requests;
    this.#repository = repository;
    this.#policy = settings.policy;
    this.#onEvent = settings.onEvent;
  }

  /**
   * Puts a document, byte for byte, under the tag or, without one, under its digest, and checks that the registry stored it.
   *
   * @throws InvalidError for more than 4 MiB, or if the registry stored something else. MissingContentError for missing
   *   children. ConflictError if the tag cannot be moved from another digest.
   */
  async put(
    document: ManifestOrIndex,
    { tag, signal }: ReadOptions & { readonly tag?: Tag } = {},
  ): Promise<WrittenManifest> {
    const { bytes, digest } = document;
    const selector = tag ?? digest;
    const operation: Operation = {
      ...manifestOperation('write', this.#requests.repository, selector),
      skippedLayers: nonDistributableLayers(document),
      subject: document.value.subject?.digest,
      // An artifact with a tag is published for its own sake.
      isArtifact: tag === undefined && isArtifact(document),
      mediaType: document.mediaType,
      sentBytes: bytes.length,
    };
    if (bytes.length > MAX_MANIFEST_PUSH) {
      throw new InvalidError(
        `${operation.name} is ${bytes.length} bytes long; registries accept at most ${MAX_MANIFEST_PUSH}`,
      );
    }
    const algorithm = digestAlgorithm(digest);
    if (algorithm !== undefined && digestOf(bytes, algorithm) !== digest) {
      throw new InvalidError(`the bytes to write as ${operation.name} do not have the digest ${digest}`);
    }
    const catchUp = new Tries(this.#policy);
    for (let tries = 1; ; tries += 1) {
      const response = await this.#sendRepeatedly(document, operation, { tag, signal });
      if (response === 'stored') return { descriptor: documentDescriptor(document), isIndexed: false };
      if (response.status >= 200 && response.status <= 299) {
        response.discard();
        await this.#confirm(response, document, selector, signal);
        const isIndexed = response.headers['oci-subject'] !== undefined;
        return { descriptor: documentDescriptor(document), isIndexed };
      }
      const rejected = await readErrorResponse(response, operation);
      if (await this.#isKept(rejected, operation, document, selector, signal)) {
        return { descriptor: documentDescriptor(document), isIndexed: false };
      }
      await this.#catchUp(rejected, operation, document, { tries, catchUp, signal });
    }
  }

  #sendRepeatedly(
    document: ManifestOrIndex,
    operation: Operation,
    { tag, signal }: ReadOptions & { readonly tag: Tag | undefined },
  ): Promise<HttpResponse | 'stored'> {
    const { digest } = document;
    const selector = tag ?? digest;
    return putRepeatedly({
      send: () => this.#send(document, selector, signal, false),
      isStored: async () => {
        try {
          const found = await this.#repository.manifests.find(selector, { signal, retry: 'stale' });
          return found?.digest === digest;
        } catch (error) {
          if (error instanceof CancelledError) throw error;
          return undefined;
        }
      },
      // The response says whether the registry lists the document as a referrer.
      needsResponse: tag === undefined && document.value.subject !== undefined,
      policy: this.#policy,
      onRetry: (reason, waitMilliseconds) => this.#reportRetry(operation, reason, waitMilliseconds),
      signal,
    });
  }

  #reportRetry({ name }: Operation, reason: string, waitMilliseconds: number): void {
    this.#onEvent?.({ kind: 'write-retried', name, reason, waitMilliseconds });
  }

  #send(
    { bytes, mediaType }: ManifestOrIndex,
    selector: Selector,
    signal: AbortSignal | undefined,
    retry: HttpRequest['retry'] = true,
  ): Promise<HttpResponse> {
    return this.#requests.send({
      method: 'PUT',
      url: manifestUrl(this.#requests.repository, selector),
      headers: { 'content-type': mediaType },
      body: bodyOf(bytes),
      retry,
      signal,
    });
  }

  /**
   * Waits for a registry that does not find content yet which was written a moment ago.
   * @throws MissingContentError for content that the registry lacks; the error of the rejection if it is about something
   *   else, or after the last try
   */
  async #catchUp(
    rejected: ErrorResponse,
    operation: Operation,
    document: ManifestOrIndex,
    { tries, catchUp, signal }: ReadOptions & { readonly tries: number; readonly catchUp: Tries },
  ): Promise<void> {
    const { errorClass, response } = rejected;
    const error = registryError(rejected, operation);
    const isAboutContent = errorClass === 'child-not-found';
    const mayBeAboutContent = errorClass === 'invalid' || isUnclear(rejected);
    if (isTemporaryStatus(response.status) || !(isAboutContent || mayBeAboutContent)) throw error;
    if (rejectsSkippedLayers(rejected, operation)) throw error;
    const wait = (milliseconds: number): Promise<void> => {
      this.#reportRetry(operation, error.message, milliseconds);
      return this.#policy.sleep(milliseconds, signal);
    };
    const first = isAboutContent ? catchUpDelay(tries) : undefined;
    if (first !== undefined) return wait(first);
    const missing = await findMissingContent(this.#repository, document, { signal });
    if (missing.size > 0) {
      const about = { ...rejected, errorClass: 'child-not-found' } as const;
      const { message, hint, exchange } = registryError(about, { ...operation, missing });
      throw new MissingContentError(message, { hint, exchange, missing });
    }
    // The registry has all content, but does not find it.
    const delay = isAboutContent ? catchUp.next(TEMPORARY) : undefined;
    if (delay === undefined) throw error;
    await wait(delay);
  }

  /**
   * Reports whether a rejected write may count as done, because the tag or digest has the document already: Amazon ECR
   * rejects even that for an immutable tag, Nexus for any content that is not to be replaced.
   * @throws ConflictError if the tag has another digest
   */
  async #isKept(
    rejected: ErrorResponse,
    operation: Operation,
    document: ManifestOrIndex,
    selector: Selector,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const isLikely = mayKeepTag(rejected);
    if (!isLikely && !isUnclear(rejected) && rejected.errorClass !== 'not-allowed') return false;
    const current = await this.#findVisible(selector, signal);
    if (current === undefined) return false;
    if (current.digest === document.digest) return true;
    // A registry that accepts the document under its digest rejects the tag.
    if (!isLikely && !(await this.#accepts(document, signal))) return false;
    const error = registryError({ ...rejected, errorClass: 'conflict' }, operation);
    const digests = `${selector} is ${current.digest}, not ${document.digest}`;
    throw new ConflictError(`${error.message.replace(/\.$/, '')}; ${digests}`, {
      hint: error.hint,
      exchange: error.exchange,
    });
  }

  async #accepts(document: ManifestOrIndex, signal: AbortSignal | undefined): Promise<boolean> {
    const response = await this.#send(document, document.digest, signal);
    response.discard();
    return response.status >= 200 && response.status <= 299;
  }

  /** The current manifest, or `undefined` if it does not exist or reads are denied. */
  #findVisible(selector: Selector, signal: AbortSignal | undefined): Promise<Descriptor | undefined> {
    return undefinedIfDenied(this.#repository.manifests.find(selector, { signal }));
  }

  /** Reads the document back, unless the response is 201 with its digest. */
  async #confirm(
    response: HttpResponse,
    document: ManifestOrIndex,
    selector: Selector,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { bytes, digest } = document;
    const { name } = manifestOperation('write', this.#requests.repository, selector);
    const stored = tryParseDigest(response.headers['docker-content-digest'] ?? '');
    const algorithm = stored === undefined ? undefined : digestAlgorithm(stored);
    if (stored !== undefined && algorithm !== undefined) {
      const sent = digestOf(bytes, algorithm);
      if (stored !== sent) {
        const message = `${response.url.host} stored ${name} as ${stored}, but ${sent} was sent`;
        throw new OtherDigestError(message, { stored, hint: ALTERED_HINT });
      }
      if (response.status === 201) return;
    }
    for (let tries = 1; ; tries += 1) {
      const found = await this.#findVisible(selector, signal);
      if (found?.digest === digest) return;
      const delay = catchUpDelay(tries);
      if (delay === undefined) {
        const returned = found === undefined ? 'does not return it' : `returns ${found.digest}`;
        throw new FailedError(
          `${response.url.host} accepted ${name} (${response.status}) as ${digest}, but ${returned}`,
          {
            hint: /^text\/html\b/i.test(response.headers['content-type'] ?? '')
              ? OTHER_SERVER_HINT
              : 'Another client may have written at the same time. Inspect the tag, and push again.',
          },
        );
      }
      await this.#policy.sleep(delay, signal);
    }
  }
}

function nonDistributableLayers(document: ManifestOrIndex): ReadonlySet<Digest> {
  const layers = childrenOf(document).filter(({ mediaType }) => isNonDistributableType(mediaType));
  return new Set(layers.map(({ digest }) => digest));
}

/** Reports whether a registry rejected a document without a reason that is known. */
function isUnclear({ response, errorClass }: ErrorResponse): boolean {
  return errorClass === undefined && (response.status === 400 || response.status === 422);
}
