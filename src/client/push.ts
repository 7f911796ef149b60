import type { Source } from '../content/source.js';
import type { Draft, Entry } from '../drafts/draft.js';
import { entryDescriptor } from '../drafts/entry-descriptor.js';
import { heldManifest } from '../drafts/held-manifest.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { ArgumentError, InvalidError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  nameIn,
  parseImageLocation,
  withTag,
  type TargetLocation,
} from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import { isTag } from '../oci/reference.js';
import { checkRequiredPlatforms } from '../oci/required-platforms.js';
import { planPush, type PushPlan } from '../publish/plan.js';
import type { ExpectedTag } from '../publish/expected-tag.js';
import type { MoveOptions } from '../publish/move-content.js';
import type { SourcedEntry, Destination, TagStates } from '../publish/target-state.js';
import type { Publication, PublishRequest } from '../publish/publish.js';
import { publishableIndex } from '../publish/publishable.js';
import { pushReport, type PushReport } from '../publish/push-report.js';
import type { Access } from '../registry/requests.js';
import { publishRecorded, rebaseDraft } from './push-record.js';
import type { ClientContext } from './client-context.js';
import { imagePlatforms } from '../oci/attestation.js';

export interface PushOptions {
  /**
   * Further tags of the target's repository, or references elsewhere; moved in this order, after the target's own. A
   * tag `latest` moves last, wherever it is.
   */
  readonly tags?: readonly string[] | undefined;
  /** Remove the draft when the push is done. @default false */
  readonly purge?: boolean | undefined;
  /** @default false */
  readonly allowDuplicatePlatforms?: boolean | undefined;
  /** Platforms that the index must have, asked before anything is written. @default none */
  readonly require?: readonly Platform[] | undefined;
  /**
   * What the target's own tag must stand for: this digest, nothing yet, or anything. A tag that stands for the new index
   * already is always fine.
   * @default what it stood for when the draft was started from it, else 'any'
   */
  readonly expectCurrent?: ExpectedTag | 'any' | undefined;
  /** Signatures, SBOMs and the like that refer to the images, or to the index, go along. @default false */
  readonly referrers?: boolean | undefined;
  /** Move layers too that are not for distribution, where their sources hold them. @default false */
  readonly allowNondistributable?: boolean | undefined;
}

export interface PushResult extends Publication {
  /** The same for other programs, with names in full. */
  readonly report: PushReport;
}

/** What a run has learned of its targets before it publishes, so that nothing is asked twice. */
export interface PrefetchedState {
  readonly presentDigests: ReadonlyMap<Source, ReadonlySet<Digest>>;
  readonly tagStates: Promise<TagStates>;
}

/** A destination with its name. */
interface OpenDestination extends Destination {
  readonly location: TargetLocation;
}

/** The list's own destination first. */
export type OpenDestinations = readonly [OpenDestination, ...OpenDestination[]];

/** A draft on its way out. */
export interface DraftPush {
  readonly target: TargetLocation;
  readonly draft: Draft;
  readonly destinations: OpenDestinations;
  readonly options: PushOptions;
  readonly prefetched?: PrefetchedState;
}

/** Publishes a draft, and writes down what its tags stood for before. */
export async function publishDraft(run: ClientContext, push: DraftPush): Promise<PushResult> {
  const { target, destinations, options } = push;
  const request = await publishRequest(run, push);
  const publication = await publishRecorded(run, target, request, destinations, moveOptions(run, options));
  if (options.purge === true) await run.store.remove(target, { signal: run.signal });
  else await rebaseDraft(run, target, publication.descriptor.digest);
  return { ...publication, report: pushReport({ document: request.document, publication, destinations }) };
}

/** What {@link publishDraft} would do. Nothing is written, here or there. */
export async function planDraft(run: ClientContext, push: DraftPush): Promise<PushPlan> {
  return planPush(await publishRequest(run, push), moveOptions(run, push.options));
}

/** How content is moved and events are told in this run. */
export function moveOptions(
  { limit, signal, onEvent }: ClientContext,
  { allowNondistributable }: Pick<PushOptions, 'allowNondistributable'>,
): MoveOptions {
  return { limit, signal, onEvent, nondistributable: allowNondistributable === true ? 'move' : 'leave' };
}

/** All that can be checked without a target is checked here. */
async function publishRequest(
  run: ClientContext,
  { target, draft, destinations, options, prefetched }: DraftPush,
): Promise<PublishRequest> {
  const index = publishableIndex(draft, options);
  checkDigests(destinations, index, `the draft ${draft.target} makes`);
  const name = familiarLocation(target);
  checkRequiredPlatforms(options.require ?? [], imagePlatforms(index.value.manifests), name);
  const expectCurrent =
    options.expectCurrent === undefined ? draft.base : expectedTag(options.expectCurrent, destinations);
  const children = await Promise.all(draft.entries.map((entry) => childOf(run, entry)));
  return {
    document: index,
    children,
    destinations,
    ...(options.referrers === true && { subjects: subjectsOf(index, children) }),
    expectCurrent,
    ...prefetched,
  };
}

/** The images with their own sources; the index may have been published before in any of them. */
function subjectsOf(
  index: ManifestOrIndex,
  children: readonly SourcedEntry[],
): NonNullable<PublishRequest['subjects']> {
  const sources = new Set(children.map(({ source }) => source));
  return [
    ...children.map(({ descriptor: { digest }, source }) => ({ digest, source })),
    ...[...sources].map((source) => ({ digest: index.digest, source })),
  ];
}

/**
 * What the first destination's tag is expected to stand for; nothing for anything.
 * @throws ArgumentError where it has no tag
 */
export function expectedTag(
  expectCurrent: ExpectedTag | 'any' | undefined,
  [{ tag, location }]: OpenDestinations,
): ExpectedTag | undefined {
  if (expectCurrent === undefined || expectCurrent === 'any') return undefined;
  if (tag !== undefined) return expectCurrent;
  throw new ArgumentError(
    `${familiarLocation(location)} has no tag that could stand for ${expectCurrent} now`,
    {
      hint: 'Only what is published under a tag can have an expectation.',
    },
  );
}

/** @param made what messages say before the document: `the draft app:1 makes` */
export function checkDigests(
  destinations: OpenDestinations,
  { kind, digest }: ManifestOrIndex,
  made: string,
): void {
  if (destinations.every((destination) => (destination.digest ?? digest) === digest)) return;
  const what = kind === 'index' ? 'an index' : 'an image';
  throw new InvalidError(`${made} ${what} with the digest ${digest}`, {
    hint: 'Publish it to a tag, or to the digest that it has.',
  });
}

async function childOf(run: ClientContext, entry: Entry): Promise<SourcedEntry> {
  const source = await run.transports.open(parseImageLocation(entry.source));
  const document = heldManifest(entry);
  return { descriptor: entryDescriptor(entry), source, ...(document !== undefined && { document }) };
}

/**
 * The target's own tag first, then the further ones: a bare tag is one of the target's repository or layout.
 * @param access 'pull' where nothing will be written
 */
export async function openDestinations(
  run: ClientContext,
  target: TargetLocation,
  tags: readonly string[] = [],
  access: Access = 'push',
): Promise<OpenDestinations> {
  const open = async (location: TargetLocation): Promise<OpenDestination> => {
    const { tag, digest } = nameIn(location);
    const place = await run.transports.openTarget(location, access);
    // A digest names the content itself; a tag beside it would be moved without being asked for.
    if (digest !== undefined) return { location, target: place, digest };
    return tag === undefined ? { location, target: place } : { location, target: place, tag };
  };
  const further = tags.map((tag) => (isTag(tag) ? withTag(target, tag) : run.targetLocation(tag)));
  const distinct = new Map(further.map((location) => [formatImageLocation(location), location]));
  distinct.delete(formatImageLocation(target));
  return Promise.all([open(target), ...[...distinct.values()].map(open)]);
}
