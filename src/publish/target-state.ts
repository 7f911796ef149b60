import { unlimited, type Limit } from '../content/limit.js';
import { checkNesting, OncePerManifest } from '../content/nesting.js';
import { readChild } from '../content/read-child.js';
import type { ReadOptions, Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import { undefinedIfDenied } from '../content/undefined-if-denied.js';
import { childrenOf, type ManifestOrIndex } from '../oci/document.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { isNonDistributableType } from '../oci/media-type.js';
import type { Tag } from '../oci/reference.js';

/**
 * An entry of the index that is to be published, with the place that its content is read from; or an image that is itself
 * to be published.
 */
export interface SourcedEntry {
  readonly descriptor: Descriptor;
  readonly source: Source;
  /** The manifest where it is at hand, so that it is not read again. */
  readonly document?: ManifestOrIndex;
}

/** A tag that is to stand for what is published; without a tag, it is published by its digest alone. */
export interface Destination {
  readonly target: Target;
  readonly tag?: Tag;
  /** Where the destination was named by it. It can only be that of what is published. */
  readonly digest?: Digest;
}

/**
 * What each destination's tag stands for before the push; `undefined` where there is no such tag yet, or where the
 * registry does not let us see it.
 */
export type TagStates = ReadonlyMap<Destination, Descriptor | undefined>;

export interface PlanOptions extends ReadOptions {
  /** @default unlimited */
  readonly limit?: Limit;
}

export interface ContentOptions extends PlanOptions {
  /**
   * What becomes of layers that are not for distribution (image-spec, "Non-Distributable Layers"): they stay where their
   * URLs say, or they are moved like any other where the source holds them.
   * @default 'leave'
   */
  readonly nondistributable?: 'leave' | 'move' | undefined;
}

/** Asks what the tags stand for now: one request a tag, all at once. */
export async function readTagStates(
  destinations: readonly Destination[],
  options: PlanOptions = {},
): Promise<TagStates> {
  const { limit = unlimited } = options;
  const states = await Promise.all(
    destinations.map(async (destination) => {
      const { target, tag } = destination;
      const state =
        tag === undefined ? undefined : await limit(() => undefinedIfDenied(target.find(tag, options)));
      return [destination, state] as const;
    }),
  );
  return new Map(states);
}

/** Of a document's children, in their order, those that are moved with it. */
export function childrenToCopy(
  document: ManifestOrIndex,
  { nondistributable }: ContentOptions,
): Descriptor[] {
  return childrenOf(document).filter(
    ({ mediaType }) => nondistributable === 'move' || !isNonDistributableType(mediaType),
  );
}

/**
 * Compares an index's children with a target: one request a distinct child, all at once. Every registry is asked,
 * since some accept an index whose children they do not hold. Where layers that are not for distribution are to be moved, a
 * child is missing also where only such a layer of it is: most targets have it without them.
 *
 * @param presentDigests children that this run has already read from the target
 */
export async function missingChildren(
  target: Target,
  children: readonly SourcedEntry[],
  presentDigests: ReadonlySet<Digest>,
  options: ContentOptions = {},
): Promise<SourcedEntry[]> {
  const { limit = unlimited } = options;
  const walk = { ...options, walked: new OncePerManifest<boolean>() };
  const distinct = [...new Map(children.map((child) => [child.descriptor.digest, child])).values()];
  const found = await Promise.all(
    distinct.map(async (child) => {
      const { digest, size } = child.descriptor;
      // A layout may have lost a part of an image that it lists, also of one that was just read from there.
      if ((await limit(async () => target.hasImage?.(child.descriptor, options))) === false) return false;
      if (presentDigests.has(digest)) return true;
      const there = await limit(() => undefinedIfDenied(target.find(digest, options)));
      // Of another size than its index says: reading it from its source tells which of the two is wrong.
      if (there?.size !== size) return false;
      return options.nondistributable !== 'move' || !(await lacksLayers(target, child, walk, 1));
    }),
  );
  return distinct.filter((_, position) => found[position] === false);
}

/**
 * Whether a target that has a manifest is without layers of it that it need not have.
 * @param above how many indexes it was reached through
 */
function lacksLayers(
  target: Target,
  { descriptor, source, document: held }: SourcedEntry,
  walk: ContentOptions & { readonly walked: OncePerManifest<boolean> },
  above: number,
): Promise<boolean> {
  const { limit = unlimited, walked } = walk;
  return walked.do(descriptor, async () => {
    const document = held ?? (await limit(() => readChild(source, descriptor, walk)));
    checkNesting(document, above, source.label);
    const lacking = await Promise.all(
      childrenOf(document).map(async (child) => {
        if (document.kind === 'index')
          return lacksLayers(target, { descriptor: child, source }, walk, above + 1);
        return isNonDistributableType(child.mediaType) && !(await limit(() => target.hasBlob(child, walk)));
      }),
    );
    return lacking.includes(true);
  });
}
