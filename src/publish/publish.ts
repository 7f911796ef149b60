import { unlimited } from '../content/limit.js';
import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { documentDescriptor, type IndexDocument } from '../oci/document.js';
import { formatRepository, type Tag } from '../oci/reference.js';
import { checkExpectedTag, type ExpectedTag } from './expected-tag.js';
import { moveContent, type MoveOptions } from './move-content.js';
import {
  missingChildren,
  observeTags,
  type Child,
  type Destination,
  type PlanOptions,
  type TagStates,
} from './plan.js';
import { inMovingOrder } from './tag-order.js';

export interface PublishRequest {
  readonly index: IndexDocument;
  readonly children: readonly Child[];
  /**
   * At least one, the one that the list is named by first. The tags move in this order, `latest` last, when all content
   * is in every target.
   */
  readonly destinations: readonly Destination[];
  /** Children that this run has already read from a target itself. @default none */
  readonly seen?: ReadonlyMap<Target, ReadonlySet<Digest>>;
  /** What the first destination's tag must stand for. @default anything */
  readonly expectCurrent?: ExpectedTag | undefined;
  /** What {@link observeTags} found, where it was asked while the sources were read. */
  readonly tagStates?: Promise<TagStates>;
  /** Hears of each tag as soon as it stands for the index, so that what was done is known where a later one fails. */
  readonly onTagChange?: (destination: Destination, change: TagChange) => void;
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
  /** In the order in which they moved. */
  readonly tags: readonly TagChange[];
}

/**
 * Publishes an index: what the targets lack is moved there, then the index is put under each tag, one after the other.
 * A tag that has this digest already is left alone. When anything fails, no tag that comes after it has moved.
 *
 * @throws ConflictError where the first destination's tag is not as expected, and what the Source and the Target throw
 */
export async function publish(request: PublishRequest, options: MoveOptions = {}): Promise<Publication> {
  const { index, children, destinations } = request;
  await expectFirst(request, options);
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

  // Moving took its time: once more, right before the tag moves.
  if (missing.some(({ children: lacking }) => lacking.length > 0)) await expectFirst(request, options);

  const tags: TagChange[] = [];
  for (const destination of inMovingOrder(destinations)) {
    const change = await putIndex(index, destination, states.get(destination), options);
    if (change === undefined) continue;
    request.onTagChange?.(destination, change);
    tags.push(change);
  }
  return {
    descriptor: documentDescriptor(index),
    pushed: missing.flatMap(({ target, children: lacking }) =>
      lacking.map(({ descriptor }) => ({ repository: placeName(target), digest: descriptor.digest })),
    ),
    tags,
  };
}

/** @throws ConflictError where the first destination's tag is not as the request expects */
export async function expectFirst(
  { index, destinations: [first], expectCurrent }: PublishRequest,
  options: PlanOptions,
): Promise<void> {
  if (first === undefined || expectCurrent === undefined) return;
  await checkExpectedTag(first, expectCurrent, index.digest, options);
}

async function putIndex(
  index: IndexDocument,
  destination: Destination,
  before: Descriptor | undefined,
  { limit = unlimited, signal, onEvent }: MoveOptions,
): Promise<TagChange | undefined> {
  const { target, tag } = destination;
  const change = tagChange(index, destination, before);
  if (change?.outcome !== 'unchanged') {
    await limit(() => target.writeManifest(index, { signal, ...(tag !== undefined && { tag }) }));
  }
  if (change !== undefined) {
    onEvent?.({
      kind: 'tagged',
      repository: target.label,
      tag: change.tag,
      digest: index.digest,
      outcome: change.outcome,
    });
  }
  return change;
}

/** What publishing an index does to a destination's tag; nothing where there is none. */
export function tagChange(
  index: IndexDocument,
  { target, tag }: Destination,
  before: Descriptor | undefined,
): TagChange | undefined {
  if (tag === undefined) return undefined;
  return {
    repository: placeName(target),
    tag,
    ...(before !== undefined && { previous: before.digest }),
    outcome: before?.digest === index.digest ? 'unchanged' : 'moved',
  };
}

/** A target in full, as docker prints a repository; a layout by its path. */
export function placeName(target: Target): string {
  return target.repository === undefined ? target.label : formatRepository(target.repository);
}
