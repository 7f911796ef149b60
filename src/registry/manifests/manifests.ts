/**
 * Manifests of a repository and their referrers (distribution-spec, "Pushing Manifests").
 *
 * Offers delete-manifest, manifest-writes, manifests, referrers, tags.
 * @module registry/manifests
 */
import type { OnEvent } from '../../content/events.js';
import { parseContent } from '../../content/parse-content.js';
import type { ReadOptions, Selector } from '../../content/source.js';
import { isEncoded } from '../../http/content-encoding.js';
import type { HttpMethod, HttpRequest, HttpResponse } from '../../http/message.js';
import { isTemporaryStatus } from '../../http/retry.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestAlgorithm, isDigest, tryParseDigest, type Digest } from '../../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex, MAX_MANIFEST_PULL } from '../../oci/document.js';
import { InvalidError, NotFoundError } from '../../oci/errors.js';
import { ACCEPTED_MANIFESTS, isIndexType, isManifestType, type MediaType } from '../../oci/media-type.js';
import { manifestOperation, type Operation } from '../operation.js';
import { manifestUrl } from '../endpoints.js';
import { readRegistryError } from '../errors/error-mapping.js';
import type { RepositoryRequests } from '../requests.js';

/** Always all types: registries convert or hide others. */
const ACCEPT = ACCEPTED_MANIFESTS.join(', ');

/** How a manifest is read. */
type ManifestReadOptions = ReadOptions & Pick<HttpRequest, 'retry'>;

/** Reads the manifests and indexes of one repository (distribution-spec, "Pulling manifests"). */
export class Manifests {
  readonly #requests: RepositoryRequests;
  readonly #onEvent: OnEvent | undefined;

  constructor(requests: RepositoryRequests, onEvent?: OnEvent) {
    this.#requests = requests;
    this.#onEvent = onEvent;
  }

  /**
   * Returns the descriptor of a tag or digest, by HEAD if the headers suffice: Docker Hub counts a GET as a pull, but not a
   * HEAD. Otherwise reads the manifest.
   *
   * @throws NotFoundError and the other errors of {@link readRegistryError}. A HEAD has no body, so a GET gets the reason.
   */
  async resolve(selector: Selector, options: ReadOptions = {}): Promise<Descriptor> {
    const descriptor = await this.#head(selector, options);
    return typeof descriptor === 'object'
      ? descriptor
      : documentDescriptor(await this.get(selector, options));
  }

  /**
   * As {@link resolve}, but returns `undefined` if the manifest does not exist.
   * @throws UnauthorizedError if access is denied, whether the manifest exists or not
   */
  async find(selector: Selector, options: ManifestReadOptions = {}): Promise<Descriptor | undefined> {
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
   * Reads a manifest and compares it with its digest or, for a tag, with the digest in the response.
   * @throws InvalidError for other bytes, a media type other than the Content-Type, or more than 8 MiB
   */
  async get(selector: Selector, options: ManifestReadOptions = {}): Promise<ManifestOrIndex> {
    return this.#document(await this.#send('GET', selector, options), selector);
  }

  #send(
    method: HttpMethod,
    selector: Selector,
    { signal, retry = true }: ManifestReadOptions,
  ): Promise<HttpResponse> {
    const url = manifestUrl(this.#requests.repository, selector);
    return this.#requests.send({ method, url, headers: { accept: ACCEPT }, signal, retry });
  }

  /** The descriptor by HEAD. `unclear` if HEAD is rejected or the headers do not suffice. */
  async #head(selector: Selector, options: ManifestReadOptions): Promise<Descriptor | 'missing' | 'unclear'> {
    const response = await this.#send('HEAD', selector, options);
    if (isTemporaryStatus(response.status)) {
      throw await readRegistryError(response, this.#operation(selector));
    }
    response.discard();
    if (response.status === 404) return 'missing';
    return descriptorFromHeaders(response, selector) ?? 'unclear';
  }

  async #document(response: HttpResponse, selector: Selector): Promise<ManifestOrIndex> {
    const operation = this.#operation(selector);
    if (response.status !== 200) throw await readRegistryError(response, operation);
    const { name } = operation;
    const length = Number(response.headers['content-length'] ?? 0);
    if (length > MAX_MANIFEST_PULL) {
      response.discard();
      throw new InvalidError(
        `${name} is ${length} bytes long; the limit for manifests is ${MAX_MANIFEST_PULL}`,
      );
    }
    const bytes = await response.bytes(MAX_MANIFEST_PULL);
    const mediaType = mediaTypeOf(response.headers['content-type']);
    const digest = isDigest(selector) ? selector : digestIn(response);
    if (digest !== undefined && digestAlgorithm(digest) === undefined) {
      const message = `cannot verify ${name}: unknown digest algorithm`;
      this.#onEvent?.({ kind: 'warning', message });
    }
    return parseContent(bytes, { mediaType, digest, label: name });
  }

  #operation(selector: Selector): Operation {
    return manifestOperation('read', this.#requests.repository, selector);
  }
}

/** `undefined` if the headers lack a part of the descriptor, or have another digest than requested. */
function descriptorFromHeaders(response: HttpResponse, selector: Selector): Descriptor | undefined {
  // The length of an encoded response is another one.
  if (response.status !== 200 || isEncoded(response)) return undefined;
  const mediaType = mediaTypeOf(response.headers['content-type']);
  const length = response.headers['content-length'] ?? '';
  const digest = digestIn(response);
  if (mediaType === undefined || !(isIndexType(mediaType) || isManifestType(mediaType))) return undefined;
  if (!/^[1-9]\d*$/.test(length) || digest === undefined) return undefined;
  if (isDigest(selector) && digest !== selector) return undefined;
  return { mediaType, digest, size: Number(length) };
}

/** The digest in the headers, if it can be verified. */
function digestIn(response: HttpResponse): Digest | undefined {
  const digest = tryParseDigest(response.headers['docker-content-digest'] ?? '');
  return digest === undefined || digestAlgorithm(digest) === undefined ? undefined : digest;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9a-z-]+";

const CONTENT_TYPE = new RegExp(`^[ \\t]*(${TOKEN}/${TOKEN})[ \\t]*(?:;|$)`, 'i');

/** Returns the media type in a Content-Type (RFC 9110, section 8.3) in lower case without parameters, or `undefined`. */
export function mediaTypeOf(contentType: string | undefined): MediaType | undefined {
  return CONTENT_TYPE.exec(contentType ?? '')?.[1]?.toLowerCase();
}
