import { Readable } from 'node:stream';

import type { ReadOptions, Selector } from '../../content/source.js';
import { undefinedIfDenied } from '../../content/undefined-if-denied.js';
import type { HttpResponse } from '../../http/message.js';
import {
  childrenOf,
  documentDescriptor,
  type ManifestOrIndex,
  MAX_MANIFEST_PUSH,
} from '../../oci/document.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestAlgorithm, digestOf, tryParseDigest, type Digest } from '../../oci/digest.js';
import { ConflictError, FailedError, InvalidError } from '../../oci/errors.js';
import { isNonDistributableType } from '../../oci/media-type.js';
import type { Tag } from '../../oci/reference.js';
import { manifestOperation } from '../operation.js';
import { manifestUrl } from '../endpoints.js';
import { readErrorResponse, registryError } from '../errors/error-mapping.js';
import type { Manifests } from './manifests.js';
import type { RepositoryRequests } from '../requests.js';
import type { Sleep } from '../sleep.js';

/**
 * The waits before the further tries where a registry does not see yet what was pushed a moment ago (Nexus, and others
 * whose parts catch up with one another), in milliseconds.
 */
const CATCH_UP_WAITS: readonly number[] = [250, 1_000];

/** What came of a write. */
export interface WrittenManifest {
  readonly descriptor: Descriptor;
  /**
   * Whether the registry has told that it lists the document with what refers to its `subject` (distribution-spec,
   * "Pushing Manifests with Subject").
   */
  readonly isIndexed: boolean;
}

/** Writes manifests and indexes to one repository (distribution-spec, "Pushing manifests"). */
export class ManifestWrites {
  readonly #requests: RepositoryRequests;
  readonly #manifests: Manifests;
  readonly #sleep: Sleep;

  constructor(requests: RepositoryRequests, manifests: Manifests, sleep: Sleep) {
    this.#requests = requests;
    this.#manifests = manifests;
    this.#sleep = sleep;
  }

  /**
   * Puts a document, byte for byte, under the tag where one is given, else under its digest, and makes sure that the
   * registry holds it.
   *
   * @throws InvalidError for more than 4 MiB, where what it points to is missing, or where the registry took it for
   *   something else. ConflictError where the tag cannot be moved from another digest.
   */
  async put(
    document: ManifestOrIndex,
    { tag, signal }: ReadOptions & { readonly tag?: Tag } = {},
  ): Promise<WrittenManifest> {
    const { bytes, digest, mediaType } = document;
    const selector = tag ?? digest;
    const attempt = {
      ...manifestOperation('write', this.#requests.repository, selector),
      leftBehind: leftBehind(document),
    };
    if (bytes.length > MAX_MANIFEST_PUSH) {
      throw new InvalidError(
        `${attempt.name} is ${bytes.length} bytes long; registries take ${MAX_MANIFEST_PUSH} at most`,
      );
    }
    const algorithm = digestAlgorithm(digest);
    if (algorithm !== undefined && digestOf(bytes, algorithm) !== digest) {
      throw new InvalidError(`the bytes to write as ${attempt.name} do not have the digest ${digest}`);
    }
    for (let tries = 0; ; tries += 1) {
      const response = await this.#requests.send({
        method: 'PUT',
        url: manifestUrl(this.#requests.repository, selector),
        headers: { 'content-type': mediaType },
        body: { size: bytes.length, open: () => Readable.from([bytes], { objectMode: false }) },
        signal,
      });
      if (response.status >= 200 && response.status <= 299) {
        response.discard();
        await this.#confirm(response, document, selector, signal);
        const isIndexed = response.headers['oci-subject'] !== undefined;
        return { descriptor: documentDescriptor(document), isIndexed: isIndexed };
      }
      const refusal = await readErrorResponse(response, 'manifest');
      const wait = refusal.meaning === 'child-missing' ? CATCH_UP_WAITS[tries] : undefined;
      if (wait === undefined) {
        const error = registryError(refusal, attempt);
        if (!(error instanceof ConflictError) || tag === undefined) throw error;
        await this.#settle(document, tag, error, signal);
        return { descriptor: documentDescriptor(document), isIndexed: false };
      }
      await this.#sleep(wait, signal);
    }
  }

  /**
   * A registry refuses to move an immutable tag even to the digest that it has (Amazon ECR). That one is there already,
   * so there is nothing left to do; another one is the conflict.
   */
  async #settle(
    document: ManifestOrIndex,
    tag: Tag,
    error: ConflictError,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const current = await this.#see(tag, signal);
    if (current?.digest === document.digest) return;
    const holds =
      current === undefined ? '' : `; it holds ${current.digest}, and ${document.digest} was to be written`;
    throw new ConflictError(`${error.message.replace(/\.$/, '')}${holds}`, {
      hint: error.hint,
      exchange: error.exchange,
    });
  }

  /** What is there now, as far as who may write is let see it. */
  #see(selector: Selector, signal: AbortSignal | undefined): Promise<Descriptor | undefined> {
    return undefinedIfDenied(this.#manifests.find(selector, { signal }));
  }

  /** Only 201 with the digest of what was sent says that it is stored: anything else is read back. */
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
    for (let tries = 0; ; tries += 1) {
      const found = await this.#see(selector, signal);
      if (found?.digest === digest) return;
      const wait = CATCH_UP_WAITS[tries];
      if (wait === undefined) {
        const has = found === undefined ? 'does not show it' : `shows ${found.digest} there`;
        throw new FailedError(
          `${response.url.host} answered ${response.status} when ${name} was written as ${digest}, but ${has}`,
          { hint: 'Someone else may have written at the same time; look at what is there, and push again.' },
        );
      }
      await this.#sleep(wait, signal);
    }
  }
}

function leftBehind(document: ManifestOrIndex): ReadonlySet<Digest> {
  const layers = childrenOf(document).filter(({ mediaType }) => isNonDistributableType(mediaType));
  return new Set(layers.map(({ digest }) => digest));
}
