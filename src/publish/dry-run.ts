import { unlimited } from '../content/limit.js';
import { readChild } from '../content/read-child.js';
import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import { childrenOf } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { documentDescriptor } from '../oci/document.js';
import { isNonDistributableType } from '../oci/media-type.js';
import { missingChildren, observeTags, type Child, type PlanOptions } from './plan.js';
import { expectFirst, placeName, tagChange, type PublishRequest, type TagChange } from './publish.js';
import { inMovingOrder } from './tag-order.js';

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

/** What a push would do. */
export interface PushPlan {
  /** Of the index. */
  readonly digest: Digest;
  /** Of the index, in bytes. */
  readonly size: number;
  /** In the order of the index; a manifest after what it points to. The index itself only where it gets no tag. */
  readonly content: readonly PlannedContent[];
  /** In the order in which they would move. To move one, the index is put under it. */
  readonly tags: readonly TagChange[];
}

/**
 * Finds out what {@link publish} would do, and does none of it: sources and targets are only read, registries with GET
 * and HEAD alone.
 *
 * @throws ConflictError where the push would throw it, and what the Source and the Target throw
 */
export async function planPush(request: PublishRequest, options: PlanOptions = {}): Promise<PushPlan> {
  const { index, children, destinations, seen } = request;
  await expectFirst(request, options);
  const targets = [...new Set(destinations.map(({ target }) => target))];
  const [states, content] = await Promise.all([
    request.tagStates ?? observeTags(destinations, options),
    Promise.all(targets.map((target) => planTarget(target, children, seen?.get(target), options))),
  ]);
  const untagged = destinations.filter(({ tag }) => tag === undefined);
  return {
    digest: index.digest,
    size: index.bytes.length,
    content: [
      ...content.flat(),
      ...untagged.map(({ target }) => planned(target, 'manifest', documentDescriptor(index), 'put')),
    ],
    tags: inMovingOrder(destinations).flatMap(
      (destination) => tagChange(index, destination, states.get(destination)) ?? [],
    ),
  };
}

async function planTarget(
  target: Target,
  children: readonly Child[],
  seen: ReadonlySet<Digest> | undefined,
  options: PlanOptions,
): Promise<PlannedContent[]> {
  const missing = new Set(
    (await missingChildren(target, children, seen ?? new Set(), options)).map(
      ({ descriptor }) => descriptor.digest,
    ),
  );
  const plans = await Promise.all(
    children.map(async (child) =>
      missing.has(child.descriptor.digest)
        ? planManifest(target, child, options)
        : [planned(target, 'manifest', child.descriptor, 'present')],
    ),
  );
  // A layer that several images share is moved once, by the first of them.
  const distinct = new Map<Digest, PlannedContent>();
  for (const content of plans.flat()) {
    if (!distinct.has(content.digest)) distinct.set(content.digest, content);
  }
  return [...distinct.values()];
}

async function planManifest(
  target: Target,
  { descriptor, source, document: known }: Child,
  options: PlanOptions,
): Promise<PlannedContent[]> {
  const { limit = unlimited } = options;
  const document = known ?? (await limit(() => readChild(source, descriptor, options)));
  const contents = await Promise.all(
    childrenOf(document)
      .filter((child) => !isNonDistributableType(child.mediaType))
      .map(async (child) => {
        if (document.kind === 'index') return planManifest(target, { descriptor: child, source }, options);
        const isThere = await limit(() => target.hasBlob(child, options));
        return [planned(target, 'blob', child, isThere ? 'present' : wayOf(source, target))];
      }),
  );
  return [...contents.flat(), planned(target, 'manifest', descriptor, 'put')];
}

function wayOf({ repository }: Source, target: Target): 'mount' | 'upload' {
  const isSameRegistry = repository !== undefined && repository.registry === target.repository?.registry;
  return isSameRegistry ? 'mount' : 'upload';
}

function planned(
  target: Target,
  kind: PlannedContent['kind'],
  { digest, size }: Descriptor,
  action: PlannedContent['action'],
): PlannedContent {
  return { repository: placeName(target), kind, digest, size, action };
}
