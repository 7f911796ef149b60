/**
 * Manifests of a repository, and the referrers lists that belong to them (distribution-spec, "Pushing
 * Manifests").
 *
 * Offers manifest-writes, manifests, referrers, referrers-tags.
 * @module registry/manifests
 */
import type { OnEvent } from '../../content/events.js';
import type { ReadOptions, Selector } from '../../content/source.js';
import type { HttpMethod, HttpResponse } from '../../http/message.js';
import { isTemporaryStatus } from '../../http/retry.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestAlgorithm, isDigest, tryParseDigest, type Digest } from '../../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex, MAX_MANIFEST_PULL } from '../../oci/document.js';
import { InvalidError, NotFoundError } from '../../oci/errors.js';
import { ACCEPTED_MANIFESTS, isIndexType, isManifestType, type MediaType } from '../../oci/media-type.js';
import { parseDocument } from '../../oci/parse.js';
import { manifestOperation, type Operation } from '../operation.js';
import { manifestUrl } from '../endpoints.js';
import { readErrorResponse, registryError } from '../errors/error-mapping.js';
import type { RepositoryRequests } from '../requests.js';
/** Registries convert, or hide, what a client does not list: all of it, in one header, always. */
const ACCEPT = ACCEPTED_MANIFESTS.join(', ');

/** Reads the manifests and indexes of one repository (distribution-spec, "Pulling manifests"). */
export class Manifests {
  readonly #requests: RepositoryRequests;
  readonly #onEvent: OnEvent | undefined;

  constructor(requests: RepositoryRequests, onEvent?: OnEvent) {
    this.#requests = requests;
    this.#onEvent = onEvent;
  }

  /**
   * What a tag or digest stands for, from the headers alone where they suffice; Docker Hub counts a GET as a pull, but
   * not a HEAD. Where the registry refuses HEAD, or says too little, the manifest is read.
   *
   * @throws NotFoundError and the others of {@link registryError}; a HEAD has no body, so a GET asks for the reason
   */
  async resolve(selector: Selector, options: ReadOptions = {}): Promise<Descriptor> {
    const descriptor = await this.#head(selector, options);
    return typeof descriptor === 'object'
      ? descriptor
      : documentDescriptor(await this.get(selector, options));
  }

  /**
   * As {@link resolve}; `undefined` for what is not there.
   * @throws UnauthorizedError for what the registry does not let us see, which may be there or not
   */
  async find(selector: Selector, options: ReadOptions = {}): Promise<Descriptor | undefined> {
    try {
      const descriptor = await this.#head(selector, options);
      if (descriptor === 'missing') return undefined;
      if (descriptor !== 'unclear') return descriptor;
      return documentDescriptor(await this.get(selector, options));
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  /**
   * Reads a manifest whole, and compares it with the digest that was asked for or, for a tag, with the one that the
   * registry states.
   * @throws InvalidError for other bytes, another type than the header says, or more than 8 MiB
   */
  async get(selector: Selector, options: ReadOptions = {}): Promise<ManifestOrIndex> {
    return this.#document(await this.#ask('GET', selector, options), selector);
  }

  #ask(method: HttpMethod, selector: Selector, { signal }: ReadOptions): Promise<HttpResponse> {
    const url = manifestUrl(this.#requests.repository, selector);
    return this.#requests.send({ method, url, headers: { accept: ACCEPT }, signal });
  }

  /** What the headers alone tell. `unclear` where HEAD is refused, not understood, or answered with too little. */
  async #head(selector: Selector, options: ReadOptions): Promise<Descriptor | 'missing' | 'unclear'> {
    const response = await this.#ask('HEAD', selector, options);
    if (isTemporaryStatus(response.status)) {
      throw registryError(await readErrorResponse(response, 'manifest'), this.#attempt(selector));
    }
    response.discard();
    if (response.status === 404) return 'missing';
    return descriptorFromHeaders(response, selector) ?? 'unclear';
  }

  async #document(response: HttpResponse, selector: Selector): Promise<ManifestOrIndex> {
    if (response.status !== 200)
      throw registryError(await readErrorResponse(response, 'manifest'), this.#attempt(selector));
    const { name } = this.#attempt(selector);
    const length = Number(response.headers['content-length'] ?? 0);
    if (length > MAX_MANIFEST_PULL) {
      response.discard();
      throw new InvalidError(
        `${name} is ${length} bytes long; a manifest may have ${MAX_MANIFEST_PULL} at most`,
      );
    }
    const bytes = await response.bytes(MAX_MANIFEST_PULL);
    const mediaType = mediaTypeOf(response.headers['content-type']);
    const digest = isDigest(selector) ? selector : statedDigest(response);
    if (digest !== undefined && digestAlgorithm(digest) === undefined) {
      const message = `${name} cannot be verified: the algorithm of its digest is not known here`;
      this.#onEvent?.({ kind: 'warning', message });
    }
    return parseDocument(bytes, { mediaType, digest, label: name });
  }

  #attempt(selector: Selector): Operation {
    return manifestOperation('read', this.#requests.repository, selector);
  }
}

/** `undefined` where the headers do not say all that a descriptor needs, or something else than was asked for. */
function descriptorFromHeaders(response: HttpResponse, selector: Selector): Descriptor | undefined {
  if (response.status !== 200) return undefined;
  const mediaType = mediaTypeOf(response.headers['content-type']);
  const length = response.headers['content-length'] ?? '';
  const digest = statedDigest(response);
  if (mediaType === undefined || !(isIndexType(mediaType) || isManifestType(mediaType))) return undefined;
  if (!/^[1-9]\d*$/.test(length) || digest === undefined) return undefined;
  if (isDigest(selector) && digest !== selector) return undefined;
  return { mediaType, digest, size: Number(length) };
}

/** The digest that the registry states, where it can be checked: another one is worth nothing, the bytes are hashed. */
function statedDigest(response: HttpResponse): Digest | undefined {
  const digest = tryParseDigest(response.headers['docker-content-digest'] ?? '');
  return digest === undefined || digestAlgorithm(digest) === undefined ? undefined : digest;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9a-z-]+";

const CONTENT_TYPE = new RegExp(`^[ \\t]*(${TOKEN}/${TOKEN})[ \\t]*(?:;|$)`, 'i');

/**
 * The media type in a Content-Type header (RFC 9110, 8.3), in lower case, without parameters. `undefined` where there
 * is none to be read.
 */
export function mediaTypeOf(contentType: string | undefined): MediaType | undefined {
  return CONTENT_TYPE.exec(contentType ?? '')?.[1]?.toLowerCase();
}
