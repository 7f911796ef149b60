import { unlimited } from '../content/limit.js';
import { readChild } from '../content/read-child.js';
import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import { childrenOf } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { isNonDistributableType } from '../oci/media-type.js';
import { missingChildren, observeTags, type Child, type PlanOptions } from './plan.js';
import { placeName, tagChange, type PublishRequest, type TagChange } from './publish.js';

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
  /** In the order of the index; a manifest after what it points to. */
  readonly content: readonly PlannedContent[];
  readonly tags: readonly TagChange[];
}

/**
 * Finds out what {@link publish} would do, and does none of it: sources and targets are only read, registries with GET
 * and HEAD alone.
 */
export async function planPush(request: PublishRequest, options: PlanOptions = {}): Promise<PushPlan> {
  const { index, children, destinations } = request;
  const targets = [...new Set(destinations.map(({ target }) => target))];
  const [states, content] = await Promise.all([
    observeTags(destinations, options),
    Promise.all(targets.map((target) => planTarget(target, children, options))),
  ]);
  return {
    digest: index.digest,
    content: content.flat(),
    tags: destinations.flatMap((destination) => tagChange(index, destination, states.get(destination)) ?? []),
  };
}

async function planTarget(
  target: Target,
  children: readonly Child[],
  options: PlanOptions,
): Promise<PlannedContent[]> {
  const missing = await missingChildren(target, children, new Set(), options);
  const plans = await Promise.all(
    children.map(async ({ descriptor, source }) =>
      missing.some((child) => child.descriptor.digest === descriptor.digest)
        ? planManifest(target, descriptor, source, options)
        : [planned(target, 'manifest', descriptor, 'present')],
    ),
  );
  // A layer that several images share is moved once.
  return [...new Map(plans.flat().map((content) => [content.digest, content])).values()];
}

async function planManifest(
  target: Target,
  descriptor: Descriptor,
  source: Source,
  options: PlanOptions,
): Promise<PlannedContent[]> {
  const { limit = unlimited } = options;
  const document = await limit(() => readChild(source, descriptor, options));
  const contents = await Promise.all(
    childrenOf(document)
      .filter((child) => !isNonDistributableType(child.mediaType))
      .map(async (child) => {
        if (document.kind === 'index') return planManifest(target, child, source, options);
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
