import { withoutBudget } from '../content/budget.js';
import { allOf, unlimited, type TaskOptions } from '../content/limit.js';
import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { documentDescriptor, MAX_MANIFEST_PULL, MAX_MANIFEST_PUSH } from '../oci/document.js';
import { InvalidError, MissingContentError } from '../oci/errors.js';
import { isIndexType } from '../oci/media-type.js';
import type { Subject } from './collect-referrers.js';
import { checkExpectedTag, type ExpectedTag } from './expected-tag.js';
import { copyGraph, type CopyGraphOptions } from './copy-graph.js';
import { checkSources, warnOfDockerType } from './check-layouts.js';
import { copyReferrers } from './copy-referrers.js';
import {
  digestOfState,
  missingChildren,
  readTagStates,
  type SourcedEntry,
  type TagStates,
} from './target-state.js';
import { repositoryLabel, type TagChange } from './tag-change.js';
import { putDocument, putDocuments, type PutRequest } from './put-documents.js';

export interface PublishRequest extends PutRequest {
  /** Children that this run has already read from a target. @default none */
  readonly presentDigests?: ReadonlyMap<Source, ReadonlySet<Digest>>;
  /** The digest that the first destination's tag must have. @default any */
  readonly expectCurrent?: ExpectedTag | undefined;
  /** The result of {@link readTagStates}, if it was called while the sources were read. */
  readonly tagStates?: Promise<TagStates>;
  /** Manifests and indexes whose referrers (signatures, SBOMs) are copied too. @default none */
  readonly subjects?: readonly Subject[];
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
  const [publication] = await publishTogether([request], options);
  return publication;
}

/**
 * Publishes several indexes as {@link publish} does, all or none: first the content of all, then each index by digest, then
 * all tags in the order of the requests, with those named `latest` last. After a failure no tag of any of them has moved,
 * or those that have moved are moved back.
 */
export async function publishTogether<R extends readonly [PublishRequest, ...PublishRequest[]]>(
  requests: R,
  options: CopyGraphOptions = {},
): Promise<{ readonly [I in keyof R]: Publication }> {
  const checked = await allOf(requests.map((request) => checkRequest(request, options)));
  const copied: CopiedContent[] = [];
  for (const [position, request] of requests.entries()) {
    copied.push(await copyContent(request, checked[position]?.missing ?? [], options));
  }
  if (requests.length > 1) {
    for (const [position, request] of requests.entries()) {
      await putByDigest(request, checked[position]?.states ?? new Map<never, never>(), options);
    }
  }
  let states = checked.map((each) => each.states);
  // Copying may have taken long, so read again right before the tags move what they point to.
  if (requests.length > 1 || copied.some(({ isLong }) => isLong)) {
    for (const request of requests) await checkFirstTag(request, options);
    states = await allOf(requests.map(({ destinations }) => readTagStates(destinations, options)));
  }
  // No limit stops between two tags.
  const put = await withoutBudget(() => putDocuments(requests, states, options));
  const publications = requests.map((request, position): Publication => {
    const { pushed = [], referrers } = copied[position] ?? {};
    return {
      descriptor: documentDescriptor(request.document),
      pushed,
      ...(referrers !== undefined && { referrers }),
      tags: put.flatMap((each) => (each.request === request ? (each.change ?? []) : [])),
    };
  });
  return publications as { readonly [I in keyof R]: Publication };
}

/** What was copied for a request. */
interface CopiedContent extends Pick<Publication, 'pushed' | 'referrers'> {
  /** Whether copying may have taken long. */
  readonly isLong: boolean;
}

/** Copies what the targets lack, and the referrers. */
async function copyContent(
  request: PublishRequest,
  missing: TargetStates['missing'],
  options: CopyGraphOptions,
): Promise<CopiedContent> {
  const { document, subjects } = request;
  const referrers = new Set<Digest>();
  for (const { target, children: absent } of missing) {
    await copyGraph(target, absent, options, document.digest);
    if (subjects === undefined) continue;
    for (const digest of await copyReferrersOf(request, target, subjects, options)) referrers.add(digest);
  }
  return {
    isLong: subjects !== undefined || missing.some((each) => each.children.length > 0),
    pushed: missing.flatMap(({ target, children: copied }) =>
      copied.map(({ descriptor }) => ({ repository: repositoryLabel(target), digest: descriptor.digest })),
    ),
    ...(subjects !== undefined && { referrers: [...referrers] }),
  };
}

/**
 * Puts a document by digest in the registries where a tag is about to move to it, so that a registry that rejects it does so
 * before any tag has moved. A layout or an archive would keep it without a name.
 */
async function putByDigest(
  request: PublishRequest,
  states: TagStates,
  options: CopyGraphOptions,
): Promise<void> {
  const { document, destinations } = request;
  const moving = destinations.filter(
    (destination) =>
      destination.tag !== undefined && digestOfState(states.get(destination)) !== document.digest,
  );
  for (const target of new Set(moving.map((destination) => destination.target))) {
    if (target.repository !== undefined) await putDocument(request, { target }, options);
  }
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
