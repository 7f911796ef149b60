import type { OnEvent } from '../../content/events.js';
import { FirstRequestGate } from '../../content/first-request-gate.js';
import { parseContent } from '../../content/parse-content.js';
import { readReferrersList, type ReferrersTagStore } from '../../content/referrers-tag.js';
import type { ReadOptions } from '../../content/source.js';
import { parseJson } from '../../http/error-text.js';
import type { HttpResponse } from '../../http/message.js';
import { settleDelay, type RetryPolicy } from '../../http/retry.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { MAX_MANIFEST_PULL, type IndexDocument, type ManifestOrIndex } from '../../oci/document.js';
import { InvalidError, NotFoundError } from '../../oci/errors.js';
import { isJsonObject } from '../../oci/json.js';
import { OCI_INDEX } from '../../oci/media-type.js';
import type { Tag } from '../../oci/reference.js';
import { asReferrersList, referrersListProblem } from '../../oci/referrers.js';
import { manifestOperation, type Operation } from '../operation.js';
import type { ManifestWrites } from './manifest-writes.js';
import { mediaTypeOf, type Manifests } from './manifests.js';
import { referrersUrl } from '../endpoints.js';
import { readErrorResponse, registryError } from '../errors/error-mapping.js';
import { nextPage } from './next-page.js';
import type { RepositoryRequests } from '../requests.js';

/** The statuses of registries without the referrers API, or that do not allow its use. */
const UNSUPPORTED_STATUSES: ReadonlySet<number> = new Set([400, 404, 405, 406, 501]);
const MAX_PAGES = 100;
/** The size of all pages of a list together, in bytes. */
const MAX_LIST_BYTES = 4 * MAX_MANIFEST_PULL;

interface Page {
  readonly manifests: readonly Descriptor[];
  readonly size: number;
  readonly next: URL | undefined;
}

/** Lists the referrers of the manifests of one repository (distribution-spec, "Listing Referrers"). */
export class Referrers {
  readonly #requests: RepositoryRequests;
  readonly #lists: Pick<ReferrersTagStore, 'label' | 'onEvent' | 'readList'>;
  /** Lets the first request find out whether the registry has the referrers API, while the others wait. */
  readonly #gate = new FirstRequestGate<Digest>();
  #supportsReferrersApi: boolean | undefined;

  /** @param lists the lists under tags, for a registry without the referrers API */
  constructor(
    requests: RepositoryRequests,
    lists: Pick<ReferrersTagStore, 'label' | 'onEvent' | 'readList'>,
  ) {
    this.#requests = requests;
    this.#lists = lists;
  }

  /**
   * Returns the referrers of a digest, without duplicates.
   * @throws InvalidError for a list that is invalid, too long, or continues on another server; the errors of
   *   {@link registryError}
   */
  async list(digest: Digest, options: ReadOptions = {}): Promise<readonly Descriptor[]> {
    const first = await this.#firstPage(digest, options);
    const manifests =
      first === undefined
        ? ((await readReferrersList(this.#lists, digest, options))?.value.manifests ?? [])
        : await this.#allPages(first, digest, options);
    return [...new Map(manifests.map((descriptor) => [descriptor.digest, descriptor])).values()];
  }

  /** The first page, or `undefined` if the registry has no list. Remembers whether it has the referrers API. */
  async #firstPage(digest: Digest, options: ReadOptions): Promise<Page | undefined> {
    const role = await this.#gate.enter(digest, options.signal);
    try {
      if (this.#supportsReferrersApi === false) return undefined;
      const page = await this.#page(referrersUrl(this.#requests.repository, digest), digest, options);
      // A repository or manifest that does not exist says nothing about the registry.
      if (page === 'no-subject') return undefined;
      this.#supportsReferrersApi ??= page !== undefined;
      this.#gate.open();
      return page;
    } finally {
      if (role === 'first') this.#gate.leave();
    }
  }

  async #allPages(first: Page, digest: Digest, options: ReadOptions): Promise<readonly Descriptor[]> {
    let { manifests, size, next } = first;
    for (let pages = 1; next !== undefined; pages += 1) {
      if (pages === MAX_PAGES) throw this.#invalid(digest, `has more than ${MAX_PAGES} pages`);
      const page = await this.#page(next, digest, options);
      if (typeof page !== 'object') throw this.#invalid(digest, 'is incomplete: a page of it is missing');
      manifests = manifests.concat(page.manifests);
      size += page.size;
      if (size > MAX_LIST_BYTES) {
        throw this.#invalid(digest, `is longer than the allowed ${MAX_LIST_BYTES} bytes`);
      }
      ({ next } = page);
    }
    return manifests;
  }

  /** One page; `undefined` if the registry has no referrers API, `no-subject` if it does not know the digest. */
  async #page(url: URL, digest: Digest, { signal }: ReadOptions): Promise<Page | 'no-subject' | undefined> {
    const response = await this.#requests.send({
      method: 'GET',
      url,
      headers: { accept: OCI_INDEX },
      signal,
    });
    if (response.status === 200) {
      // Some registries and proxies respond to every path.
      if (mediaTypeOf(response.headers['content-type']) === OCI_INDEX) {
        const page = await this.#read(response, url, digest);
        if (page !== undefined) return page;
      }
      response.discard();
      // A registry with the referrers API responds to every digest. Treating this as an empty list would drop referrers.
      if (this.#supportsReferrersApi === true) throw this.#invalid(digest, 'is not an image index');
      return undefined;
    }
    const errorResponse = await readErrorResponse(response, this.#operation(digest));
    const { errorClass } = errorResponse;
    if (response.status === 404 && (errorClass === 'repository-not-found' || errorClass === 'not-found'))
      return 'no-subject';
    // With the referrers API, a 404 without a code is about the digest.
    if (response.status === 404 && this.#supportsReferrersApi === true) return 'no-subject';
    if (this.#supportsReferrersApi === true || !UNSUPPORTED_STATUSES.has(response.status)) {
      throw registryError(errorResponse, this.#operation(digest));
    }
    return undefined;
  }

  /** `undefined` if the response is another document than a list. @throws InvalidError for a list that is invalid */
  async #read(response: HttpResponse, url: URL, digest: Digest): Promise<Page | undefined> {
    const bytes = await response.bytes(MAX_MANIFEST_PULL);
    if (isOtherJson(bytes)) return undefined;
    const { name } = this.#operation(digest);
    const document = parseContent(bytes, { mediaType: OCI_INDEX, label: name });
    if (referrersListProblem(document, digest) !== undefined) return undefined;
    const { manifests } = asReferrersList(document, name).value;
    return { manifests, size: bytes.length, next: nextPage(response, url, 'referrers list') };
  }

  #operation(digest: Digest): Operation {
    const operation = manifestOperation('read', this.#requests.repository, digest);
    return { ...operation, name: `the referrers of ${operation.name}` };
  }

  #invalid(digest: Digest, why: string): InvalidError {
    return new InvalidError(`${this.#operation(digest).name} ${why}`);
  }
}

/** Reports whether a response is another JSON document than an index. Anything else is a list, or damaged. */
function isOtherJson(bytes: Uint8Array): boolean {
  const value = parseJson(Buffer.from(bytes).toString('utf8'));
  if (!isJsonObject(value)) return value !== undefined;
  return !Array.isArray(value['manifests']) || (value['mediaType'] ?? OCI_INDEX) !== OCI_INDEX;
}

export interface ReferrersTagsOptions {
  readonly label: string;
  readonly manifests: Manifests;
  readonly writes: ManifestWrites;
  readonly policy: RetryPolicy;
  readonly onEvent: OnEvent | undefined;
}

/** The referrers lists of a repository whose registry has no referrers API (distribution-spec, "Referrers Tag Schema"). */
export class ReferrersTags implements ReferrersTagStore {
  readonly label: string;
  readonly onEvent: OnEvent | undefined;
  readonly #manifests: Manifests;
  readonly #writes: ManifestWrites;
  readonly #retries: RetryPolicy;

  constructor(options: ReferrersTagsOptions) {
    this.label = options.label;
    this.onEvent = options.onEvent;
    this.#manifests = options.manifests;
    this.#writes = options.writes;
    this.#retries = options.policy;
  }

  async readList(tag: Tag, options: ReadOptions): Promise<ManifestOrIndex | undefined> {
    try {
      return await this.#manifests.get(tag, options);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  async replaceList(
    list: IndexDocument,
    tag: Tag,
    _previous: Digest | undefined,
    options: ReadOptions,
  ): Promise<boolean> {
    await this.#writes.put(list, { ...options, tag });
    // Of concurrent writers the last one wins. The others find its list, and write again.
    await this.#retries.sleep(settleDelay(this.#retries), options.signal);
    return (await this.#manifests.find(tag, options))?.digest === list.digest;
  }
}
