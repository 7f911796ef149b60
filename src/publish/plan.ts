import { unlimited, type Limit } from '../content/limit.js';
import type { ReadOptions, Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { Document } from '../oci/document.js';
import { UnauthorizedError } from '../oci/errors.js';
import type { Tag } from '../oci/reference.js';

/** An entry of the index that is to be published, with the place that its content is read from. */
export interface Child {
  readonly descriptor: Descriptor;
  readonly source: Source;
  /** The manifest where it is at hand, so that it is not read again. */
  readonly document?: Document;
}

/** A tag that is to stand for the index; without a tag, the index is published by its digest alone. */
export interface Destination {
  readonly target: Target;
  readonly tag?: Tag;
  /** Where the destination was named by it. It can only be that of the index. */
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

/** Asks what the tags stand for now: one request a tag, all at once. */
export async function observeTags(
  destinations: readonly Destination[],
  options: PlanOptions = {},
): Promise<TagStates> {
  const { limit = unlimited } = options;
  const states = await Promise.all(
    destinations.map(async (destination) => {
      const { target, tag } = destination;
      const state = tag === undefined ? undefined : await limit(() => known(target.find(tag, options)));
      return [destination, state] as const;
    }),
  );
  return new Map(states);
}

/**
 * Compares an index's children with a target: one request a distinct child, all at once. Every registry is asked,
 * since some accept an index whose children they do not hold.
 *
 * @param seen children that this run has already read from the target
 */
export async function missingChildren(
  target: Target,
  children: readonly Child[],
  seen: ReadonlySet<Digest>,
  options: PlanOptions = {},
): Promise<Child[]> {
  const { limit = unlimited } = options;
  const distinct = [...new Map(children.map((child) => [child.descriptor.digest, child])).values()];
  const found = await Promise.all(
    distinct.map(async ({ descriptor: { digest, size } }) => {
      if (seen.has(digest)) return true;
      const there = await limit(() => known(target.find(digest, options)));
      // Of another size than its index says: reading it from its source tells which of the two is wrong.
      return there?.size === size;
    }),
  );
  return distinct.filter((_, position) => found[position] === false);
}

/** Some registries hide what is there, or not there, from who may write it: the write that follows tells. */
async function known(found: Promise<Descriptor | undefined>): Promise<Descriptor | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof UnauthorizedError) return undefined;
    throw error;
  }
}
