import {
  childrenOf,
  documentDescriptor,
  type ManifestOrIndex,
  type IndexDocument,
} from '../../oci/document.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import type { Tag } from '../../oci/reference.js';
import { setTag, type LayoutIndex } from '../core/layout-index.js';

interface PendingManifest {
  readonly document: ManifestOrIndex;
  readonly isTagged: boolean;
  /** Of what refers to an image: others may add to it at the same time. */
  readonly isReferrersList: boolean;
}

interface PendingTag {
  readonly image: Descriptor;
  /** What the file had under the tag when it was set; `undefined` where it had none. */
  readonly before: Digest | undefined;
}

/** A tag that another process has moved. */
export interface MovedTag {
  readonly tag: Tag;
  readonly before: Digest | undefined;
  readonly current: Digest | undefined;
}

/** The manifests and tags that were written to an archive and that its file does not have yet. Never changes. */
export class PendingManifests {
  readonly #manifests: ReadonlyMap<Digest, PendingManifest>;
  readonly #tags: ReadonlyMap<Tag, PendingTag>;

  constructor(
    manifests: ReadonlyMap<Digest, PendingManifest> = new Map(),
    tags: ReadonlyMap<Tag, PendingTag> = new Map(),
  ) {
    this.#manifests = manifests;
    this.#tags = tags;
  }

  get isEmpty(): boolean {
    return this.#manifests.size === 0;
  }

  /**
   * @param before what the file has under the tag; of a tag that is pending already, what it had then is what counts
   * @returns these with one more
   */
  with(
    document: ManifestOrIndex,
    tag: Tag | undefined,
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

  /** @returns what of these came after `done`, or instead of it, now that the file has that */
  without(done: PendingManifests): PendingManifests {
    const tags = [...this.#tags].flatMap(([tag, pending]) => {
      const written = done.#tags.get(tag);
      if (written === undefined) return [[tag, pending] as const];
      return written === pending ? [] : [[tag, { ...pending, before: written.image.digest }] as const];
    });
    return new PendingManifests(
      new Map([...this.#manifests].filter(([digest, pending]) => done.#manifests.get(digest) !== pending)),
      new Map(tags),
    );
  }

  /** The lists of referrers among these, with the tags that they have. */
  referrersLists(): (readonly [Tag, IndexDocument])[] {
    return [...this.#tags].flatMap(([tag, { image }]) => {
      const pending = this.#manifests.get(image.digest);
      if (pending?.isReferrersList !== true || pending.document.kind !== 'index') return [];
      return [[tag, pending.document] as const];
    });
  }

  /** Sets the tags in an index, in the order of their names: what is written at once has no order of its own. */
  tagged(index: LayoutIndex): LayoutIndex {
    return [...this.#tags]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .reduce((edited, [tag, { image }]) => setTag(edited, image, tag), index);
  }

  /**
   * The images that only their digests stand for: written without a tag, nor pointed to by others that were. In
   * the order of their digests.
   */
  untagged(): Descriptor[] {
    const children = new Set(
      this.#documents().flatMap((document) => childrenOf(document).map(({ digest }) => digest)),
    );
    return [...this.#manifests.values()]
      .filter(({ document, isTagged }) => !isTagged && !children.has(document.digest))
      .map(({ document }) => documentDescriptor(document))
      .toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  }

  /** The images of these digests that must be there as a whole. A list of referrers holds what others wrote, too. */
  images(digests: { has(digest: Digest): boolean }): Descriptor[] {
    return [...this.#manifests.values()]
      .filter(({ document, isReferrersList }) => !isReferrersList && digests.has(document.digest))
      .map(({ document }) => documentDescriptor(document));
  }

  /**
   * The tags that stand for something else in the file by now than when they were set here: another process has moved
   * them meanwhile.
   *
   * @param digestOf what a tag stands for in the file; `undefined` where it has no such tag
   */
  moved(digestOf: (tag: Tag) => Digest | undefined): MovedTag[] {
    return [...this.#tags].flatMap(([tag, { image, before }]) => {
      if (this.#manifests.get(image.digest)?.isReferrersList === true) return [];
      const current = digestOf(tag);
      return current === before || current === image.digest ? [] : [{ tag, before, current }];
    });
  }

  #documents(): ManifestOrIndex[] {
    return [...this.#manifests.values()].map(({ document }) => document);
  }
}
