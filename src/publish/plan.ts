import { unlimited } from '../content/limit.js';
import { checkNesting, OncePerManifest } from '../content/nesting.js';
import { readChild } from '../content/read-child.js';
import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { documentDescriptor } from '../oci/document.js';
import type { MediaType } from '../oci/media-type.js';
import {
  missingChildren,
  childrenToCopy,
  readTagStates,
  type SourcedEntry,
  type ContentOptions,
} from './target-state.js';
import {
  checkSizes,
  expectFirst,
  repositoryLabel,
  tagChange,
  type PublishRequest,
  type TagChange,
} from './publish.js';
import { inTagOrder } from './put-in-turn.js';

/** One piece of content, and what a push would do about it. */
export interface PlannedContent {
  readonly repository: string;
  readonly kind: 'blob' | 'manifest';
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** `mount` is asked for; a registry that does not mount gets the bytes instead. */
  readonly action: 'present' | 'mount' | 'upload' | 'put';
}

/** A piece of content with what it points to. */
interface PlannedTree {
  readonly content: PlannedContent;
  readonly below: readonly PlannedTree[];
}

/** What a push would do. */
export interface PushPlan {
  /** Of the index or image. */
  readonly digest: Digest;
  readonly mediaType: MediaType;
  /** Of the index or image manifest, in bytes. */
  readonly size: number;
  /** In the order of the index; a manifest after what it points to. What is published itself only where it gets no tag. */
  readonly content: readonly PlannedContent[];
  /** In the order in which they would move. To move one, what is published is put under it. */
  readonly tags: readonly TagChange[];
}

/**
 * Finds out what {@link publish} would do, and does none of it: sources and targets are only read, registries with GET
 * and HEAD alone. Whether a source holds a layer that is not for distribution is seen only when it is moved.
 *
 * @throws ConflictError where the push would throw it, and what the Source and the Target throw
 */
export async function planPush(request: PublishRequest, options: ContentOptions = {}): Promise<PushPlan> {
  const { document, children, destinations, presentDigests: seen } = request;
  checkSizes(request);
  await expectFirst(request, options);
  const targets = [...new Set(destinations.map(({ target }) => target))];
  const [states, content] = await Promise.all([
    request.tagStates ?? readTagStates(destinations, options),
    Promise.all(targets.map((target) => planTarget(target, children, seen?.get(target), options))),
  ]);
  const untagged = destinations.filter(({ tag }) => tag === undefined);
  return {
    digest: document.digest,
    mediaType: document.mediaType,
    size: document.bytes.length,
    content: [
      ...content.flat().filter(({ digest }) => digest !== document.digest),
      ...untagged.map(({ target }) => planned(target, 'manifest', documentDescriptor(document), 'put')),
    ],
    tags: inTagOrder(destinations).flatMap(
      (destination) => tagChange(document, destination, states.get(destination)) ?? [],
    ),
  };
}

async function planTarget(
  target: Target,
  children: readonly SourcedEntry[],
  seen: ReadonlySet<Digest> | undefined,
  options: ContentOptions,
): Promise<PlannedContent[]> {
  const missing = new Set(
    (await missingChildren(target, children, seen ?? new Set(), options)).map(
      ({ descriptor }) => descriptor.digest,
    ),
  );
  const walk = { ...options, planned: new OncePerManifest<PlannedTree>() };
  const trees = await Promise.all(
    children.map(async (child) =>
      missing.has(child.descriptor.digest)
        ? planManifest(target, child, walk, 1)
        : { content: planned(target, 'manifest', child.descriptor, 'present'), below: [] },
    ),
  );
  const distinct = new Map<Digest, PlannedContent>();
  collect(trees, distinct);
  return [...distinct.values()];
}

/** A layer that several images share is moved once, by the first of them; so is an image that several indexes share. */
function collect(trees: readonly PlannedTree[], distinct: Map<Digest, PlannedContent>): void {
  for (const { content, below } of trees) {
    if (distinct.has(content.digest)) continue;
    collect(below, distinct);
    distinct.set(content.digest, content);
  }
}

/** @param above how many indexes it was reached through, with the one that is published */
function planManifest(
  target: Target,
  { descriptor, source, document: known }: SourcedEntry,
  walk: ContentOptions & { readonly planned: OncePerManifest<PlannedTree> },
  above: number,
): Promise<PlannedTree> {
  const { limit = unlimited } = walk;
  return walk.planned.do(descriptor, async () => {
    const document = known ?? (await limit(() => readChild(source, descriptor, walk)));
    checkNesting(document, above, source.label);
    const below = await Promise.all(
      childrenToCopy(document, walk).map(async (child) => {
        if (document.kind === 'index')
          return planManifest(target, { descriptor: child, source }, walk, above + 1);
        const isThere = await limit(() => target.hasBlob(child, walk));
        const content = planned(target, 'blob', child, isThere ? 'present' : mountOrUpload(source, target));
        return { content, below: [] };
      }),
    );
    return { content: planned(target, 'manifest', descriptor, 'put'), below };
  });
}

function mountOrUpload({ repository }: Source, target: Target): 'mount' | 'upload' {
  const isSameRegistry = repository !== undefined && repository.registry === target.repository?.registry;
  return isSameRegistry ? 'mount' : 'upload';
}

function planned(
  target: Target,
  kind: PlannedContent['kind'],
  { digest, size }: Descriptor,
  action: PlannedContent['action'],
): PlannedContent {
  return { repository: repositoryLabel(target), kind, digest, size, action };
}
