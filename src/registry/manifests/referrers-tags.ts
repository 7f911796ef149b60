import type { ReferrersTagStore } from '../../content/referrers-tag.js';
import type { ReadOptions } from '../../content/source.js';
import type { Digest } from '../../oci/digest.js';
import type { ManifestOrIndex, IndexDocument } from '../../oci/document.js';
import { NotFoundError } from '../../oci/errors.js';
import type { Tag } from '../../oci/reference.js';
import type { ManifestWrites } from './manifest-writes.js';
import type { Manifests } from './manifests.js';
import { settleDelay, type RetryPolicy } from '../../http/retry.js';

/** The referrers lists of a repository whose registry has no referrers API (distribution-spec, "Referrers Tag Schema"). */
export class ReferrersTags implements ReferrersTagStore {
  readonly label: string;
  readonly #manifests: Manifests;
  readonly #writes: ManifestWrites;
  readonly #retries: RetryPolicy;

  constructor(label: string, manifests: Manifests, writes: ManifestWrites, retries: RetryPolicy) {
    this.label = label;
    this.#manifests = manifests;
    this.#writes = writes;
    this.#retries = retries;
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
