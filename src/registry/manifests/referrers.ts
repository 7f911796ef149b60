import { FirstRequestGate } from '../../content/first-request-gate.js';
import { readReferrersList, type ReferrersTagStore } from '../../content/referrers-tag.js';
import type { ReadOptions } from '../../content/source.js';
import type { HttpResponse } from '../../http/message.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { InvalidError } from '../../oci/errors.js';
import { MAX_MANIFEST_PULL } from '../../oci/document.js';
import { OCI_INDEX } from '../../oci/media-type.js';
import { parseDocument } from '../../oci/parse.js';
import { asReferrersList } from '../../oci/referrers.js';
import { manifestOperation, type Operation } from '../operation.js';
import { mediaTypeOf } from './manifests.js';
import { referrersUrl } from '../endpoints.js';
import { readErrorResponse, registryError } from '../errors/error-mapping.js';
import { nextPage } from './next-page.js';
import type { RepositoryRequests } from '../requests.js';

/** What registries answer that do not know this request, or do not let it be used. */
const UNKNOWN_REQUEST: ReadonlySet<number> = new Set([400, 404, 405, 406, 501]);
const MAX_PAGES = 100;
/** Of all pages of a list together, in bytes. */
const MAX_LIST = 4 * MAX_MANIFEST_PULL;

interface Page {
  readonly manifests: readonly Descriptor[];
  readonly size: number;
  readonly next: URL | undefined;
}

/** Lists what refers to the manifests of one repository (distribution-spec, "Listing Referrers"). */
export class Referrers {
  readonly #requests: RepositoryRequests;
  readonly #lists: Pick<ReferrersTagStore, 'label' | 'readList'>;
  /** Lets the first request find out whether the registry has lists, while the others wait. */
  readonly #gate = new FirstRequestGate<Digest>();
  #supportsReferrersApi: boolean | undefined;

  /** @param lists of the same repository: where a registry has none, clients keep them under tags */
  constructor(requests: RepositoryRequests, lists: Pick<ReferrersTagStore, 'label' | 'readList'>) {
    this.#requests = requests;
    this.#lists = lists;
  }

  /**
   * What refers to a digest, each once.
   * @throws InvalidError for a list that is damaged, too long, or goes on elsewhere; and the others of
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

  /** `undefined` where the registry has no list. Whether it has any at all is remembered. */
  async #firstPage(digest: Digest, options: ReadOptions): Promise<Page | undefined> {
    const role = await this.#gate.enter(digest, options.signal);
    try {
      if (this.#supportsReferrersApi === false) return undefined;
      const page = await this.#page(referrersUrl(this.#requests.repository, digest), digest, options);
      // A repository or manifest that is not there says nothing about the registry.
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
      if (pages === MAX_PAGES) throw this.#refuse(digest, `has more than ${MAX_PAGES} pages`);
      const page = await this.#page(next, digest, options);
      if (typeof page !== 'object') throw this.#refuse(digest, 'breaks off after some of its pages');
      manifests = manifests.concat(page.manifests);
      size += page.size;
      if (size > MAX_LIST) {
        throw this.#refuse(digest, `is longer than the ${MAX_LIST} bytes that are allowed`);
      }
      ({ next } = page);
    }
    return manifests;
  }

  /** `undefined` where the registry does not know the request, `no-subject` where it does not know what is asked for. */
  async #page(url: URL, digest: Digest, { signal }: ReadOptions): Promise<Page | 'no-subject' | undefined> {
    const response = await this.#requests.send({
      method: 'GET',
      url,
      headers: { accept: OCI_INDEX },
      signal,
    });
    if (response.status === 200) {
      // Some registries, and proxies before them, answer every path with something.
      if (mediaTypeOf(response.headers['content-type']) === OCI_INDEX)
        return this.#read(response, url, digest);
      response.discard();
      // A registry that has lists has one for each digest: to take this for none would lose what is in it.
      if (this.#supportsReferrersApi === true) throw this.#refuse(digest, 'is not a list this time');
      return undefined;
    }
    const refusal = await readErrorResponse(response, 'manifest');
    const { meaning } = refusal;
    if (response.status === 404 && (meaning === 'no-repository' || meaning === 'missing'))
      return 'no-subject';
    // Where there are lists, 404 without a word can only be about the digest.
    if (response.status === 404 && this.#supportsReferrersApi === true) return 'no-subject';
    if (this.#supportsReferrersApi === true || !UNKNOWN_REQUEST.has(response.status)) {
      throw registryError(refusal, this.#attempt(digest));
    }
    return undefined;
  }

  async #read(response: HttpResponse, url: URL, digest: Digest): Promise<Page> {
    const bytes = await response.bytes(MAX_MANIFEST_PULL);
    const { name } = this.#attempt(digest);
    const list = asReferrersList(parseDocument(bytes, { mediaType: OCI_INDEX, label: name }), name);
    return { manifests: list.value.manifests, size: bytes.length, next: nextPage(response, url) };
  }

  #attempt(digest: Digest): Operation {
    const attempt = manifestOperation('read', this.#requests.repository, digest);
    return { ...attempt, name: `the list of what refers to ${attempt.name}` };
  }

  #refuse(digest: Digest, why: string): InvalidError {
    return new InvalidError(`${this.#attempt(digest).name} ${why}`);
  }
}
