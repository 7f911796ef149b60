import { withoutBudget } from '../content/budget.js';
import { unlimited, type TaskOptions } from '../content/limit.js';
import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import {
  documentDescriptor,
  type ManifestOrIndex,
  MAX_MANIFEST_PULL,
  MAX_MANIFEST_PUSH,
} from '../oci/document.js';
import { InvalidError, MissingContentError } from '../oci/errors.js';
import { isIndexType } from '../oci/media-type.js';
import type { Subject } from './collect-referrers.js';
import { checkExpectedTag, type ExpectedTag } from './expected-tag.js';
import { copyGraph, tryWrite, type CopyGraphOptions } from './copy-graph.js';
import { checkSources, warnOfDockerType } from './check-layouts.js';
import { copyReferrers } from './copy-referrers.js';
import {
  digestOfState,
  missingChildren,
  readTagStates,
  type SourcedEntry,
  type Destination,
  type TagStates,
} from './target-state.js';
import { inTagOrder } from './put-in-turn.js';
import { repositoryLabel, tagChange, type TagChange } from './tag-change.js';
import { putEverywhere } from './put-everywhere.js';

export interface PublishRequest {
  /** An index, or an image. */
  readonly document: ManifestOrIndex;
  /** The entries of an index. For an image, the image itself. */
  readonly children: readonly SourcedEntry[];
  /**
   * At least one, the one that names the index first. When every target has all content, the tags move in this order,
   * `latest` last.
   */
  readonly destinations: readonly Destination[];
  /** Children that this run has already read from a target. @default none */
  readonly presentDigests?: ReadonlyMap<Source, ReadonlySet<Digest>>;
  /** The digest that the first destination's tag must have. @default any */
  readonly expectCurrent?: ExpectedTag | undefined;
  /** The result of {@link readTagStates}, if it was called while the sources were read. */
  readonly tagStates?: Promise<TagStates>;
  /** Manifests and indexes whose referrers (signatures, SBOMs) are copied too. @default none */
  readonly subjects?: readonly Subject[];
  /**
   * Called once, before the first tag moves, with all tags in the order in which they will move; not if no tag will move. It
   * must not throw.
   */
  readonly beforeTags?: (changes: readonly PlannedChange[]) => Promise<void>;
}

/** What a push will do to the tag of a destination. */
export interface PlannedChange {
  readonly destination: Destination;
  readonly change: TagChange;
}

/** A child that a target lacked and now has. */
export interface PushedChild {
  readonly repository: string;
  readonly digest: Digest;
}

/** What was published. */
export interface Publication {
  readonly descriptor: Descriptor;
  /** In the order of the index. For an image, the image itself. */
  readonly pushed: readonly PushedChild[];
  /** The referrers that were copied, in no particular order. Absent if none were requested. */
  readonly referrers?: readonly Digest[];
  /** In the order in which they moved. */
  readonly tags: readonly TagChange[];
}

/**
 * Publishes an index or an image: copies what the targets lack, then puts the document under each tag in sequence, and
 * commits each target after its last tag. A tag that has this digest already is left alone. After a failure, no further
 * tag moves, and the tags that have moved are moved back.
 *
 * @throws ConflictError if the first destination's tag is not as expected, and what the Source and the Target throw; with
 *   `tags` if a tag had moved
 */
export async function publish(request: PublishRequest, options: CopyGraphOptions = {}): Promise<Publication> {
  const { document, subjects } = request;
  const { states: firstStates, missing } = await checkRequest(request, options);
  const referrers = new Set<Digest>();
  for (const { target, children: absent } of missing) {
    await copyGraph(target, absent, options, document.digest);
    if (subjects === undefined) continue;
    for (const digest of await copyReferrersOf(request, target, subjects, options)) referrers.add(digest);
  }

  let states = firstStates;
  // Copying may have taken long, so read again right before the tags move what they point to.
  if (subjects !== undefined || missing.some((each) => each.children.length > 0)) {
    await checkFirstTag(request, options);
    states = await readTagStates(request.destinations, options);
  }
  // No limit stops between two tags.
  const tags = await withoutBudget(() => putDocument(request, states, options));
  return {
    descriptor: documentDescriptor(document),
    pushed: missing.flatMap(({ target, children: copied }) =>
      copied.map(({ descriptor }) => ({ repository: repositoryLabel(target), digest: descriptor.digest })),
    ),
    ...(subjects !== undefined && { referrers: [...referrers] }),
    tags,
  };
}

/** Copies referrers. A registry may require that their subject exists; then the document is written first, without a tag. */
async function copyReferrersOf(
  { document }: PublishRequest,
  target: Target,
  subjects: readonly Subject[],
  options: CopyGraphOptions,
): Promise<readonly Digest[]> {
  const { limit = unlimited, signal } = options;
  try {
    return await copyReferrers(target, subjects, options);
  } catch (error) {
    if (!(error instanceof MissingContentError) || !error.missing.has(document.digest)) throw error;
    await limit(() => target.writeManifest(document, { signal }));
    return copyReferrers(target, subjects, options);
  }
}

/** The tags of all destinations, and what each distinct target lacks. */
interface TargetStates {
  readonly states: TagStates;
  readonly missing: readonly { readonly target: Target; readonly children: readonly SourcedEntry[] }[];
}

/**
 * Checks a request before the first write, and looks up what the targets have.
 * @throws InvalidError for a manifest that is too large for a target; ConflictError if the first destination's tag is
 *   not as expected
 */
export async function checkRequest(
  request: PublishRequest,
  options: CopyGraphOptions,
): Promise<TargetStates> {
  const { document, children, destinations, presentDigests, tagStates } = request;
  const targets = [...new Set(destinations.map(({ target }) => target))];
  for (const target of targets) checkSizes(target, [documentDescriptor(document)]);
  await checkFirstTag(request, options);
  const [states, missing] = await Promise.all([
    tagStates ?? readTagStates(destinations, options),
    Promise.all(
      targets.map(async (target) => {
        const present = presentDigests?.get(target) ?? new Set<Digest>();
        return { target, children: await missingChildren(target, children, present, options) };
      }),
    ),
  ]);
  for (const { target, children: absent } of missing) {
    checkSizes(
      target,
      absent.map(({ descriptor }) => descriptor),
    );
    await checkSources(absent, children, options);
  }
  const changed = destinations.filter(
    (destination) => digestOfState(states.get(destination)) !== document.digest,
  );
  warnOfDockerType([...new Set(changed.map(({ target }) => target))], document, options.onEvent);
  return { states, missing };
}

/**
 * Checks sizes before anything is copied: a registry rejects a large manifest only after its content has been uploaded, and a
 * layout would keep one that cannot be read.
 */
function checkSizes(target: Target, manifests: readonly Descriptor[]): void {
  const isRegistry = target.repository !== undefined;
  const limit = isRegistry ? MAX_MANIFEST_PUSH : MAX_MANIFEST_PULL;
  const large = manifests.find(({ size }) => size > limit);
  if (large === undefined) return;
  const what = isIndexType(large.mediaType) ? 'the image index' : 'the manifest';
  const reason = isRegistry ? `registries such as ${target.label} accept` : `${target.label} can hold`;
  throw new InvalidError(`${what} ${large.digest} is ${large.size} bytes long; ${reason} at most ${limit}`);
}

async function checkFirstTag(
  { document, destinations: [first], expectCurrent }: PublishRequest,
  options: TaskOptions,
): Promise<void> {
  if (first === undefined || expectCurrent === undefined) return;
  await checkExpectedTag(first, expectCurrent, document.digest, options);
}

/** Puts the document in every destination once its content is present. Returns the tag changes. */
async function putDocument(
  { document, children, destinations, beforeTags }: PublishRequest,
  states: TagStates,
  copyOptions: CopyGraphOptions,
): Promise<TagChange[]> {
  const { limit = unlimited, signal } = copyOptions;
  const puts = inTagOrder(destinations).map((destination) => ({
    target: destination.target,
    destination,
    before: states.get(destination),
    change: tagChange(document, destination, states.get(destination)),
  }));
  const changes = puts.flatMap(({ destination, change }) =>
    change === undefined ? [] : [{ destination, change }],
  );
  if (changes.some(({ change }) => change.outcome === 'moved')) await beforeTags?.(changes);
  const write = async ({ target, tag }: Destination): Promise<void> => {
    const options = { signal, ...(tag !== undefined && { tag }) };
    const missing = await limit(() => tryWrite(target, document, options));
    if (missing === undefined) return;
    // The children of an image are blobs: its only entry is the image itself.
    const lost = children.filter(
      ({ descriptor }) => document.kind === 'manifest' || missing.has(descriptor.digest),
    );
    await copyGraph(target, lost, copyOptions, document.digest);
    await limit(() => target.writeManifest(document, options));
  };
  return putEverywhere(document, puts, write, copyOptions);
}
