import { unlimited, type TaskOptions } from '../content/limit.js';
import { findTag } from '../content/find-tag.js';
import type { Target } from '../content/target.js';
import { undefinedIfDenied } from '../content/find-referrers.js';
import { readNode, walkGraph, type GraphNode } from '../content/walk.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { childrenOf, type ManifestOrIndex } from '../oci/document.js';
import { UnauthorizedError } from '../oci/errors.js';
import { isNonDistributableType } from '../oci/media-type.js';
import type { RefName } from '../oci/reference.js';

/** An entry of the index to publish, or the image to publish, with the source of its content. */
export type SourcedEntry = GraphNode;

/** A tag to publish under; without a tag, the document is published by digest only. */
export interface Destination {
  readonly target: Target;
  readonly tag?: RefName;
  /** Set if the destination was given by digest. Must be the digest of the published document. */
  readonly digest?: Digest;
}

/** The content of a tag before the push; `undefined` if the tag does not exist, `denied` if it cannot be read. */
export type TagState = Descriptor | 'denied' | undefined;
export type TagStates = ReadonlyMap<Destination, TagState>;

export interface ContentOptions extends TaskOptions {
  /**
   * Whether non-distributable layers (image-spec, "Non-Distributable Layers") are skipped, or copied like other layers if
   * the source has them.
   * @default 'skip'
   */
  readonly nondistributable?: 'skip' | 'copy' | undefined;
}

/** Resolves the tags: one request for each, in parallel. */
export async function readTagStates(
  destinations: readonly Destination[],
  options: TaskOptions = {},
): Promise<TagStates> {
  const { limit = unlimited } = options;
  const states = await Promise.all(
    destinations.map(async (destination) => {
      const { target, tag } = destination;
      const state = tag === undefined ? undefined : await limit(() => stateOf(target, tag, options));
      return [destination, state] as const;
    }),
  );
  return new Map(states);
}

async function stateOf(target: Target, tag: RefName, options: TaskOptions): Promise<TagState> {
  try {
    return await findTag(target, tag, options);
  } catch (error) {
    if (error instanceof UnauthorizedError) return 'denied';
    throw error;
  }
}

/** The digest of a tag's content; `undefined` if the tag does not exist, or cannot be read. */
export function digestOfState(state: TagState): Digest | undefined {
  return state === 'denied' ? undefined : state?.digest;
}

/** The children of a document that are copied with it, in order. */
export function childrenToCopy(
  document: ManifestOrIndex,
  { nondistributable }: ContentOptions,
): Descriptor[] {
  return childrenOf(document).filter(
    ({ mediaType }) => nondistributable === 'copy' || !isNonDistributableType(mediaType),
  );
}

/**
 * The distinct children of an index that a target lacks, in order: one request for each, in parallel. Registries are
 * always asked, because some accept an index without its children. If non-distributable layers are copied, a child that
 * lacks only such a layer is missing too.
 *
 * @param presentDigests children that this run has already read from the target
 */
export async function missingChildren(
  target: Target,
  children: readonly SourcedEntry[],
  presentDigests: ReadonlySet<Digest>,
  options: ContentOptions = {},
): Promise<SourcedEntry[]> {
  const { limit = unlimited, nondistributable } = options;
  const distinct = [...new Map(children.map((child) => [child.descriptor.digest, child])).values()];
  const states = await Promise.all(
    distinct.map(async ({ descriptor }) => {
      const { digest, size } = descriptor;
      // A layout may have lost a part of an image that it lists, even of one that was just read from it.
      if ((await limit(async () => target.hasImage?.(descriptor, options))) === false) return 'missing';
      if (presentDigests.has(digest) && target.isUnproven?.(digest) !== true) return 'read';
      const found = await limit(() => undefinedIfDenied(target.find(digest, options)));
      // If the size differs from the index, reading the child from its source shows which of the two is wrong.
      return found?.size === size ? 'found' : 'missing';
    }),
  );
  const inState = (state: (typeof states)[number]): SourcedEntry[] =>
    distinct.filter((_, position) => states[position] === state);
  const missing = new Set(inState('missing'));
  if (nondistributable === 'copy') {
    for (const child of await withMissingLayers(target, inState('found'), options)) missing.add(child);
  }
  return distinct.filter((child) => missing.has(child));
}

/** Of the children that a target has, those for which it lacks a non-distributable layer. */
async function withMissingLayers(
  target: Target,
  children: readonly SourcedEntry[],
  options: ContentOptions,
): Promise<SourcedEntry[]> {
  const lacks = await walkGraph<boolean>(
    children,
    {
      read: readNode,
      visit: async ({ document, below }, tasks) => {
        if (document.kind === 'index') return below.includes(true);
        const layers = childrenOf(document).filter(({ mediaType }) => isNonDistributableType(mediaType));
        const present = await Promise.all(
          layers.map((layer) => tasks.run(() => target.hasBlob(layer, tasks))),
        );
        return present.includes(false);
      },
    },
    { ...options, depth: 1 },
  );
  return children.filter((_, position) => lacks[position]);
}
