import {
  childrenOf,
  documentDescriptor,
  type ManifestOrIndex,
  type IndexDocument,
} from '../../oci/document.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import type { RefName } from '../../oci/reference.js';
import { setTag, type LayoutIndex } from '../core/layout-index.js';

interface PendingManifest {
  readonly document: ManifestOrIndex;
  readonly isTagged: boolean;
  /** Whether it is a referrers list, which other processes may add to at the same time. */
  readonly isReferrersList: boolean;
}

interface PendingTag {
  readonly image: Descriptor;
  /** The tag's digest in the file when it was set; `undefined` if the file did not have the tag. */
  readonly before: Digest | undefined;
}

/** A tag that another process has moved. */
export interface MovedTag {
  readonly tag: RefName;
  readonly before: Digest | undefined;
  readonly current: Digest | undefined;
}

/** The manifests and tags that were written to an archive and are not yet committed. Immutable. */
export class PendingManifests {
  readonly #manifests: ReadonlyMap<Digest, PendingManifest>;
  readonly #tags: ReadonlyMap<RefName, PendingTag>;

  constructor(
    manifests: ReadonlyMap<Digest, PendingManifest> = new Map(),
    tags: ReadonlyMap<RefName, PendingTag> = new Map(),
  ) {
    this.#manifests = manifests;
    this.#tags = tags;
  }

  get isEmpty(): boolean {
    return this.#manifests.size === 0;
  }

  /**
   * @param before the tag's digest in the file; ignored for a tag that is already pending
   * @returns a copy with one more manifest
   */
  with(
    document: ManifestOrIndex,
    tag: RefName | undefined,
    {
      before,
      isReferrersList = false,
    }: { readonly before?: Digest | undefined; isReferrersList?: boolean } = {},
  ): PendingManifests {
    const { digest } = document;
    const isTagged = tag !== undefined || this.#manifests.get(digest)?.isTagged === true;
    const manifests = new Map(this.#manifests).set(digest, { document, isTagged, isReferrersList });
    if (tag === undefined) return new PendingManifests(manifests, this.#tags);
    const known = this.#tags.get(tag);
    const image = documentDescriptor(document);
    return new PendingManifests(
      manifests,
      new Map(this.#tags).set(tag, { image, before: known === undefined ? before : known.before }),
    );
  }

  /** @returns the changes that `committed` does not include */
  without(committed: PendingManifests): PendingManifests {
    const tags = [...this.#tags].flatMap(([tag, pending]) => {
      const written = committed.#tags.get(tag);
      if (written === undefined) return [[tag, pending] as const];
      return written === pending ? [] : [[tag, { ...pending, before: written.image.digest }] as const];
    });
    return new PendingManifests(
      new Map(
        [...this.#manifests].filter(([digest, pending]) => committed.#manifests.get(digest) !== pending),
      ),
      new Map(tags),
    );
  }

  /** The pending referrers lists and their tags. */
  referrersLists(): (readonly [RefName, IndexDocument])[] {
    return [...this.#tags].flatMap(([tag, { image }]) => {
      const pending = this.#manifests.get(image.digest);
      if (pending?.isReferrersList !== true || pending.document.kind !== 'index') return [];
      return [[tag, pending.document] as const];
    });
  }

  /** Sets the tags in an index, sorted by name: the order of concurrent writes is arbitrary. */
  tagged(index: LayoutIndex): LayoutIndex {
    return [...this.#tags]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .reduce((edited, [tag, { image }]) => setTag(edited, image, tag), index);
  }

  /** The manifests that were written without a tag and are not children of other pending ones, sorted by digest. */
  untagged(): Descriptor[] {
    const manifests = [...this.#manifests.values()];
    const children = new Set(
      manifests.flatMap(({ document }) => childrenOf(document).map(({ digest }) => digest)),
    );
    return manifests
      .filter(({ document, isTagged }) => !isTagged && !children.has(document.digest))
      .map(({ document }) => documentDescriptor(document))
      .toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  }

  /** The pending images with these digests, which must be complete. Referrers lists may have entries of other writers. */
  images(digests: { has(digest: Digest): boolean }): Descriptor[] {
    return [...this.#manifests.values()]
      .filter(({ document, isReferrersList }) => !isReferrersList && digests.has(document.digest))
      .map(({ document }) => documentDescriptor(document));
  }

  /**
   * The tags that another process has moved in the file since they were set here.
   *
   * @param digestOf returns the digest of a tag in the file; `undefined` if the file does not have the tag
   */
  movedTags(digestOf: (tag: RefName) => Digest | undefined): MovedTag[] {
    return [...this.#tags].flatMap(([tag, { image, before }]) => {
      if (this.#manifests.get(image.digest)?.isReferrersList === true) return [];
      const current = digestOf(tag);
      return current === before || current === image.digest ? [] : [{ tag, before, current }];
    });
  }
}
