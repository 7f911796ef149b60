import type { ReferrersTagStore } from '../../content/referrers-tag.js';
import type { ReadOptions } from '../../content/source.js';
import type { Digest } from '../../oci/digest.js';
import type { ManifestOrIndex, IndexDocument } from '../../oci/document.js';
import { NotFoundError } from '../../oci/errors.js';
import type { Tag } from '../../oci/reference.js';
import type { ManifestWrites } from './manifest-writes.js';
import type { Manifests } from './manifests.js';
import type { Sleep } from '../sleep.js';

/**
 * How long after a write the list is looked at again, in milliseconds: up to twice as long, so that writers that met do not
 * meet again. Longer than others need from reading a list to writing it.
 */
const SHORTEST_WAIT = 250;

interface Waits {
  readonly sleep: Sleep;
  /** In [0, 1). */
  readonly random: () => number;
}

/** The lists of referrers of a repository whose registry keeps none itself (distribution-spec, "Referrers Tag Schema"). */
export class ReferrersTags implements ReferrersTagStore {
  readonly label: string;
  readonly #manifests: Manifests;
  readonly #writes: ManifestWrites;
  readonly #waits: Waits;

  constructor(label: string, manifests: Manifests, writes: ManifestWrites, waits: Waits) {
    this.label = label;
    this.#manifests = manifests;
    this.#writes = writes;
    this.#waits = waits;
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
    // The last of those who write at the same time wins: who finds another list there later enters its own once more.
    const { sleep, random } = this.#waits;
    await sleep(SHORTEST_WAIT * (1 + random()), options.signal);
    return (await this.#manifests.find(tag, options))?.digest === list.digest;
  }
}
