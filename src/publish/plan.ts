import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import { distinctResults, readNode, walkGraph } from '../content/walk.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { documentDescriptor } from '../oci/document.js';
import type { MediaType } from '../oci/media-type.js';
import type { CopyGraphOptions } from './copy-graph.js';
import { checkRequest, type PublishRequest } from './publish.js';
import { repositoryLabel, tagChange, type TagChange } from './tag-change.js';
import { inTagOrder } from './put-in-turn.js';
import { childrenToCopy, type ContentOptions, type SourcedEntry } from './target-state.js';

/** A blob or manifest, and what a push would do with it. */
export interface PlannedContent {
  readonly repository: string;
  readonly kind: 'blob' | 'manifest';
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** `mount` is only requested: a registry that declines it gets the bytes instead. */
  readonly action: 'present' | 'mount' | 'upload' | 'put';
}

/** A manifest with its blobs, or an index, and the results for what it lists. */
interface PlannedDocument {
  /** The blobs, then the manifest. */
  readonly content: readonly PlannedContent[];
  readonly below: readonly PlannedDocument[];
}

/** What a push would do. */
export interface PushPlan {
  /** The digest of the index or image. */
  readonly digest: Digest;
  readonly mediaType: MediaType;
  /** The size of the index or image manifest in bytes. */
  readonly size: number;
  /** In the order of the index, each manifest after its content. Includes the index itself only if it gets no tag. */
  readonly content: readonly PlannedContent[];
  /** In the order in which they would move. A tag moves by putting the index under it. */
  readonly tags: readonly TagChange[];
}

/**
 * Computes what {@link publish} would do without doing it: registries get GET and HEAD requests only. Whether a source has
 * a non-distributable layer is not checked.
 *
 * @throws ConflictError if the push would throw it, and what the Source and the Target throw
 */
export async function planPush(request: PublishRequest, options: CopyGraphOptions = {}): Promise<PushPlan> {
  const { document, children, destinations } = request;
  const { states, missing } = await checkRequest(request, options);
  const content = await Promise.all(
    missing.map(({ target, children: absent }) => planTarget(target, children, absent, options)),
  );
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
  missing: readonly SourcedEntry[],
  options: ContentOptions,
): Promise<PlannedContent[]> {
  const copies = await planCopies(target, missing, options);
  const copyOf = new Map(missing.map(({ descriptor }, position) => [descriptor.digest, copies[position]]));
  const documents = children.map(
    ({ descriptor }) =>
      copyOf.get(descriptor.digest) ?? {
        content: [planned(target, 'manifest', descriptor, 'present')],
        below: [],
      },
  );
  // A layer that several images share is copied once, by the first of them.
  const distinct = new Map<Digest, PlannedContent>();
  for (const { content } of distinctResults<PlannedDocument>(documents)) {
    for (const each of content) if (!distinct.has(each.digest)) distinct.set(each.digest, each);
  }
  return [...distinct.values()];
}

function planCopies(
  target: Target,
  entries: readonly SourcedEntry[],
  options: ContentOptions,
): Promise<PlannedDocument[]> {
  return walkGraph<PlannedDocument>(
    entries,
    {
      read: readNode,
      visit: async ({ document, descriptor, source, below }, tasks) => {
        const blobs = document.kind === 'index' ? [] : childrenToCopy(document, options);
        const plannedBlobs = await Promise.all(
          blobs.map(async (blob) => {
            const isPresent = await tasks.run(() => target.hasBlob(blob, tasks));
            return planned(target, 'blob', blob, isPresent ? 'present' : mountOrUpload(source, target));
          }),
        );
        return { content: [...plannedBlobs, planned(target, 'manifest', descriptor, 'put')], below };
      },
    },
    { ...options, depth: 1 },
  );
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
