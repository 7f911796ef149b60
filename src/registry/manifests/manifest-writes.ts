import type { ReadOptions, Selector } from '../../content/source.js';
import { undefinedIfDenied } from '../../content/find-referrers.js';
import { bodyOf, type HttpResponse } from '../../http/message.js';
import { catchUpDelay, isTemporaryStatus, type RetryPolicy } from '../../http/retry.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestAlgorithm, digestOf, tryParseDigest, type Digest } from '../../oci/digest.js';
import {
  childrenOf,
  documentDescriptor,
  MAX_MANIFEST_PUSH,
  type ManifestOrIndex,
} from '../../oci/document.js';
import { ConflictError, FailedError, InvalidError } from '../../oci/errors.js';
import { isNonDistributableType } from '../../oci/media-type.js';
import type { Tag } from '../../oci/reference.js';
import { manifestOperation } from '../operation.js';
import { manifestUrl } from '../endpoints.js';
import { readErrorResponse, registryError } from '../errors/error-mapping.js';
import type { Manifests } from './manifests.js';
import type { RepositoryRequests } from '../requests.js';

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
  readonly #manifests: Manifests;
  readonly #retries: RetryPolicy;

  constructor(requests: RepositoryRequests, manifests: Manifests, retries: RetryPolicy) {
    this.#requests = requests;
    this.#manifests = manifests;
    this.#retries = retries;
  }

  /**
   * Puts a document, byte for byte, under the tag or, without one, under its digest, and checks that the registry stored it.
   *
   * @throws InvalidError for more than 4 MiB, for missing children, or if the registry stored something else.
   *   ConflictError if the tag cannot be moved from another digest.
   */
  async put(
    document: ManifestOrIndex,
    { tag, signal }: ReadOptions & { readonly tag?: Tag } = {},
  ): Promise<WrittenManifest> {
    const { bytes, digest, mediaType } = document;
    const selector = tag ?? digest;
    const operation = {
      ...manifestOperation('write', this.#requests.repository, selector),
      skippedLayers: nonDistributableLayers(document),
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
    for (let tries = 1; ; tries += 1) {
      const response = await this.#requests.send({
        method: 'PUT',
        url: manifestUrl(this.#requests.repository, selector),
        headers: { 'content-type': mediaType },
        body: bodyOf(bytes),
        signal,
      });
      if (response.status >= 200 && response.status <= 299) {
        response.discard();
        await this.#confirm(response, document, selector, signal);
        const isIndexed = response.headers['oci-subject'] !== undefined;
        return { descriptor: documentDescriptor(document), isIndexed };
      }
      const errorResponse = await readErrorResponse(response, 'manifest');
      const mayCatchUp =
        errorResponse.errorClass === 'child-not-found' && !isTemporaryStatus(response.status);
      const delay = mayCatchUp ? catchUpDelay(tries) : undefined;
      if (delay === undefined) {
        const error = registryError(errorResponse, operation);
        if (!(error instanceof ConflictError) || tag === undefined) throw error;
        await this.#resolveConflict(document, tag, error, signal);
        return { descriptor: documentDescriptor(document), isIndexed: false };
      }
      await this.#retries.sleep(delay, signal);
    }
  }

  /**
   * Returns if an immutable tag already has the digest of the document: Amazon ECR rejects even that write.
   * @throws ConflictError if the tag has another digest
   */
  async #resolveConflict(
    document: ManifestOrIndex,
    tag: Tag,
    error: ConflictError,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const current = await this.#findVisible(tag, signal);
    if (current?.digest === document.digest) return;
    const digests = current === undefined ? '' : `; ${tag} is ${current.digest}, not ${document.digest}`;
    throw new ConflictError(`${error.message.replace(/\.$/, '')}${digests}`, {
      hint: error.hint,
      exchange: error.exchange,
    });
  }

  /** The current manifest, or `undefined` if it does not exist or reads are denied. */
  #findVisible(selector: Selector, signal: AbortSignal | undefined): Promise<Descriptor | undefined> {
    return undefinedIfDenied(this.#manifests.find(selector, { signal }));
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
        throw new InvalidError(`${response.url.host} stored ${name} as ${stored}, but ${sent} was sent`);
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
          { hint: 'Another client may have written at the same time. Inspect the tag, and push again.' },
        );
      }
      await this.#retries.sleep(delay, signal);
    }
  }
}

function nonDistributableLayers(document: ManifestOrIndex): ReadonlySet<Digest> {
  const layers = childrenOf(document).filter(({ mediaType }) => isNonDistributableType(mediaType));
  return new Set(layers.map(({ digest }) => digest));
}
