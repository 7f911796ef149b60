import { unlimited } from '../content/limit.js';
import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { documentDescriptor, type IndexDocument } from '../oci/document.js';
import type { Tag } from '../oci/reference.js';
import { moveContent, type MoveOptions } from './move-content.js';
import { missingChildren, observeTags, type Child, type Destination, type TagStates } from './plan.js';

export interface PublishRequest {
  readonly index: IndexDocument;
  readonly children: readonly Child[];
  /** At least one. The tags move in this order, after all content is in every target. */
  readonly destinations: readonly Destination[];
  /** Children that this run has already read from a target itself. @default none */
  readonly seen?: ReadonlyMap<Target, ReadonlySet<Digest>>;
  /** What {@link observeTags} found, where it was asked while the sources were read. */
  readonly tagStates?: Promise<TagStates>;
}

/** What a push did to one tag. */
export interface TagChange {
  readonly repository: string;
  readonly tag: Tag;
  /** What the tag stood for before; absent where there was no such tag. */
  readonly previous?: Digest;
  readonly outcome: 'unchanged' | 'moved';
}

/** A child that a target lacked and now has. */
export interface PushedChild {
  readonly repository: string;
  readonly digest: Digest;
}

export interface Publication {
  readonly descriptor: Descriptor;
  /** In the order of the index. */
  readonly pushed: readonly PushedChild[];
  readonly tags: readonly TagChange[];
}

/**
 * Publishes an index: what the targets lack is moved there, then the index is put under each tag, one after the other.
 * A tag that has this digest already is left alone. When anything fails, no tag that comes after it has moved.
 *
 * @throws what the Source and the Target throw
 */
export async function publish(request: PublishRequest, options: MoveOptions = {}): Promise<Publication> {
  const { index, children, destinations } = request;
  const targets = [...new Set(destinations.map(({ target }) => target))];
  const [states, missing] = await Promise.all([
    request.tagStates ?? observeTags(destinations, options),
    Promise.all(
      targets.map(async (target) => ({
        target,
        children: await missingChildren(target, children, request.seen?.get(target) ?? new Set(), options),
      })),
    ),
  ]);
  for (const { target, children: lacking } of missing) await moveContent(target, lacking, options);

  const tags: TagChange[] = [];
  for (const destination of destinations) {
    const change = await putIndex(index, destination, states.get(destination), options);
    if (change !== undefined) tags.push(change);
  }
  return {
    descriptor: documentDescriptor(index),
    pushed: missing.flatMap(({ target, children: lacking }) =>
      lacking.map(({ descriptor }) => ({ repository: target.label, digest: descriptor.digest })),
    ),
    tags,
  };
}

async function putIndex(
  index: IndexDocument,
  { target, tag }: Destination,
  before: Descriptor | undefined,
  { limit = unlimited, signal, onEvent }: MoveOptions,
): Promise<TagChange | undefined> {
  if (tag === undefined) {
    await limit(() => target.writeManifest(index, { signal }));
    return undefined;
  }
  const outcome = before?.digest === index.digest ? 'unchanged' : 'moved';
  if (outcome === 'moved') await limit(() => target.writeManifest(index, { tag, signal }));
  onEvent?.({ kind: 'tagged', repository: target.label, tag, digest: index.digest, outcome });
  return {
    repository: target.label,
    tag,
    ...(before === undefined ? {} : { previous: before.digest }),
    outcome,
  };
}
