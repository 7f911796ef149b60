import { unlimited } from '../content/limit.js';
import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex, MAX_MANIFEST_PUSH } from '../oci/document.js';
import { InvalidError } from '../oci/errors.js';
import { formatRepository, type Tag } from '../oci/reference.js';
import type { Subject } from './collect-referrers.js';
import { checkExpectedTag, type ExpectedTag } from './expected-tag.js';
import { moveContent, type MoveOptions } from './move-content.js';
import { moveReferrers } from './move-referrers.js';
import {
  missingChildren,
  readTagStates,
  type SourcedEntry,
  type Destination,
  type PlanOptions,
  type TagStates,
} from './target-state.js';
import { putInTurn, inTagOrder } from './put-in-turn.js';

export interface PublishRequest {
  /** An index, or an image. */
  readonly document: ManifestOrIndex;
  /** The entries of an index. Of an image, the image itself: it stands for its config and layers. */
  readonly children: readonly SourcedEntry[];
  /**
   * At least one, the one that the list is named by first. The tags move in this order, `latest` last, when all content
   * is in every target.
   */
  readonly destinations: readonly Destination[];
  /** Children that this run has already read from a target itself. @default none */
  readonly presentDigests?: ReadonlyMap<Source, ReadonlySet<Digest>>;
  /** What the first destination's tag must stand for. @default anything */
  readonly expectCurrent?: ExpectedTag | undefined;
  /** What {@link readTagStates} found, where it was asked while the sources were read. */
  readonly tagStates?: Promise<TagStates>;
  /** Manifests and indexes whose signatures, SBOMs and the like go along, and where those are. @default none */
  readonly subjects?: readonly Subject[];
  /** Hears of each tag as soon as it stands for what is published, so that what was done is known where a later one fails. */
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
  /** In the order of the index. Of an image, itself. */
  readonly pushed: readonly PushedChild[];
  /** What was moved since it refers to what was published; in no particular order. Absent where it was not asked for. */
  readonly referrers?: readonly Digest[];
  /** In the order in which they moved. */
  readonly tags: readonly TagChange[];
}

/**
 * Publishes an index or an image: what the targets lack is moved there, then the document is put under each tag, one after
 * the other, and each target commits after its last one. A tag that has this digest already is left alone. When anything
 * fails, no tag that comes after it has moved.
 *
 * @throws ConflictError where the first destination's tag is not as expected, and what the Source and the Target throw
 */
export async function publish(request: PublishRequest, options: MoveOptions = {}): Promise<Publication> {
  const { document, children, destinations, subjects } = request;
  checkSizes(request);
  await expectFirst(request, options);
  const targets = [...new Set(destinations.map(({ target }) => target))];
  const [states, missing] = await Promise.all([
    request.tagStates ?? readTagStates(destinations, options),
    Promise.all(
      targets.map(async (target) => ({
        target,
        children: await missingChildren(
          target,
          children,
          request.presentDigests?.get(target) ?? new Set(),
          options,
        ),
      })),
    ),
  ]);
  const referrers = new Set<Digest>();
  for (const { target, children: lacking } of missing) {
    await moveContent(target, lacking, options, document.digest);
    if (subjects === undefined) continue;
    for (const digest of await moveReferrers(target, subjects, options)) referrers.add(digest);
  }

  // Moving took its time: once more, right before the tag moves.
  if (subjects !== undefined || missing.some(({ children: lacking }) => lacking.length > 0)) {
    await expectFirst(request, options);
  }
  const tags = await putDocument(request, states, options);
  return {
    descriptor: documentDescriptor(document),
    pushed: missing.flatMap(({ target, children: lacking }) =>
      lacking.map(({ descriptor }) => ({ repository: repositoryLabel(target), digest: descriptor.digest })),
    ),
    ...(subjects !== undefined && { referrers: [...referrers] }),
    tags,
  };
}

/**
 * Registries would refuse it only after all that it points to has been uploaded.
 * @throws InvalidError where what is to be published, or a manifest of it that is at hand, is too large for a registry
 */
export function checkSizes({ document, children, destinations }: PublishRequest): void {
  const registry = destinations.find(({ target }) => target.repository !== undefined)?.target;
  if (registry === undefined) return;
  for (const { bytes, digest } of [document, ...children.flatMap((child) => child.document ?? [])]) {
    if (bytes.length <= MAX_MANIFEST_PUSH) continue;
    throw new InvalidError(
      `${digest} is ${bytes.length} bytes long; registries such as ${registry.label} take ${MAX_MANIFEST_PUSH} at most`,
    );
  }
}

/** @throws ConflictError where the first destination's tag is not as the request expects */
export async function expectFirst(
  { document, destinations: [first], expectCurrent }: PublishRequest,
  options: PlanOptions,
): Promise<void> {
  if (first === undefined || expectCurrent === undefined) return;
  await checkExpectedTag(first, expectCurrent, document.digest, options);
}

/** Puts the document everywhere, all that it points to being there. Gives what became of the tags. */
async function putDocument(
  { document, destinations, onTagChange }: PublishRequest,
  states: TagStates,
  options: MoveOptions,
): Promise<TagChange[]> {
  const { limit = unlimited, signal, onEvent } = options;
  const { digest } = document;
  const tags: TagChange[] = [];
  const puts = inTagOrder(destinations).map((destination) => ({
    target: destination.target,
    destination,
    change: tagChange(document, destination, states.get(destination)),
  }));
  const put = async ({ destination: { target, tag }, change }: (typeof puts)[number]): Promise<void> => {
    if (change?.outcome === 'unchanged') return;
    await limit(() => target.writeManifest(document, { signal, ...(tag !== undefined && { tag }) }));
  };
  const onLasting = ({ destination, change }: (typeof puts)[number]): void => {
    if (change === undefined) return;
    const { tag, outcome } = change;
    onEvent?.({ kind: 'tagged', repository: destination.target.label, tag, digest, outcome });
    onTagChange?.(destination, change);
    tags.push(change);
  };
  await putInTurn(puts, { put, onCommitted: onLasting }, options);
  return tags;
}

/** What publishing a document does to a destination's tag; nothing where there is none. */
export function tagChange(
  document: ManifestOrIndex,
  { target, tag }: Destination,
  before: Descriptor | undefined,
): TagChange | undefined {
  if (tag === undefined) return undefined;
  return {
    repository: repositoryLabel(target),
    tag,
    ...(before !== undefined && { previous: before.digest }),
    outcome: before?.digest === document.digest ? 'unchanged' : 'moved',
  };
}

/** A target in full, as docker prints a repository; a layout by its path. */
export function repositoryLabel(target: Target): string {
  return target.repository === undefined ? target.label : formatRepository(target.repository);
}
