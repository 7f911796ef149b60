import type { Source } from '../content/source.js';
import type { Draft, Entry } from '../drafts/draft.js';
import { embeddedManifest, entryDescriptor } from '../drafts/entry.js';
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
import type { CopyGraphOptions } from '../publish/copy-graph.js';
import type { SourcedEntry, Destination, TagStates } from '../publish/target-state.js';
import type { Publication, PublishRequest } from '../publish/publish.js';
import { publishableIndex } from '../publish/publishable.js';
import { pushReport, type PushReport } from '../publish/push-report.js';
import type { Access } from '../registry/requests.js';
import { publishRecorded, rebaseDraft } from './push-record.js';
import type { ClientContext } from './client-context.js';
import {
  expectedTagOf,
  platformsOf,
  type CallOptions,
  type ImageTarget,
  type PlatformInput,
} from './inputs.js';
import { imagePlatforms } from '../oci/attestation.js';

export interface PushOptions extends CallOptions {
  /**
   * Further tags of the target's repository, references elsewhere, or images in objects; moved in this order, after the
   * target's own tag. A tag `latest` moves last, wherever it stands.
   */
  readonly tags?: readonly ImageTarget[] | undefined;
  /** Delete the draft after the push. @default false */
  readonly purge?: boolean | undefined;
  /** @default false */
  readonly allowDuplicatePlatforms?: boolean | undefined;
  /** Platforms that the index must have, checked before anything is written. @default none */
  readonly require?: readonly PlatformInput[] | undefined;
  /**
   * What the target's own tag must point to: a digest, `none` for a tag that must not exist, or `any`. A tag that points to
   * the new index already is always accepted.
   * @default what it pointed to when the draft was started from it, else 'any'
   */
  readonly expectCurrent?: string | undefined;
  /** Also copy the referrers of the images and of the index: signatures, SBOMs and the like. @default false */
  readonly referrers?: boolean | undefined;
  /** Also copy non-distributable layers, if their sources have them. @default false */
  readonly allowNondistributable?: boolean | undefined;
}

/** {@link PushOptions}, checked and parsed. */
export interface PushSettings extends Omit<PushOptions, 'require' | 'expectCurrent'> {
  readonly require: readonly Platform[];
  readonly expectCurrent: ExpectedTag | 'any' | undefined;
}

export interface PushResult extends Publication {
  /** The same as plain data, with names in full. */
  readonly report: PushReport;
}

/** What was read of the targets before the push, so that nothing is requested twice. */
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

/** A draft to publish. */
export interface DraftPush {
  readonly target: TargetLocation;
  readonly draft: Draft;
  readonly destinations: OpenDestinations;
  readonly options: PushSettings;
  readonly prefetched?: PrefetchedState;
}

/** @throws ArgumentError for a platform or digest that is malformed */
export function pushSettings(options: PushOptions): PushSettings {
  return {
    ...options,
    require: platformsOf(options.require),
    expectCurrent: options.expectCurrent === undefined ? undefined : expectedTagOf(options.expectCurrent),
  };
}

/** Loads a draft and opens its destinations. @param access 'pull' if nothing will be written */
export async function openDraftPush(
  context: ClientContext,
  name: ImageTarget,
  options: PushOptions,
  access: Access,
): Promise<DraftPush> {
  const settings = pushSettings(options);
  const target = context.draftTarget(name);
  const draft = await context.store.load(target);
  const tags = [...(draft.tags ?? []), ...(settings.tags ?? [])];
  const destinations = await openDestinations(context, target, tags, access);
  return { target, draft, destinations, options: settings };
}

/** Publishes a draft, and records what its tags pointed to before. */
export async function publishDraft(context: ClientContext, push: DraftPush): Promise<PushResult> {
  const { target, destinations, options } = push;
  const request = await publishRequest(context, push);
  const publication = await publishRecorded(
    context,
    target,
    request,
    destinations,
    moveOptions(context, options),
  );
  if (options.purge === true) await context.store.remove(target, { signal: context.signal });
  else await rebaseDraft(context, target, publication.descriptor.digest);
  return { ...publication, report: pushReport({ document: request.document, publication, destinations }) };
}

/** Returns what {@link publishDraft} would do. Nothing is written. */
export async function planDraft(context: ClientContext, push: DraftPush): Promise<PushPlan> {
  return planPush(await publishRequest(context, push), moveOptions(context, push.options));
}

/** Returns how content is moved and events are reported in this call. */
export function moveOptions(
  { limit, signal, onEvent }: ClientContext,
  { allowNondistributable }: Pick<PushOptions, 'allowNondistributable'>,
): CopyGraphOptions {
  return { limit, signal, onEvent, nondistributable: allowNondistributable === true ? 'copy' : 'skip' };
}

/** Checks everything that can be checked without the target. */
async function publishRequest(
  context: ClientContext,
  { target, draft, destinations, options, prefetched }: DraftPush,
): Promise<PublishRequest> {
  const index = publishableIndex(draft, options);
  checkDigests(destinations, index, `the draft ${draft.target} makes`);
  const name = familiarLocation(target);
  checkRequiredPlatforms(options.require, imagePlatforms(index.value.manifests), name);
  const expectCurrent =
    options.expectCurrent === undefined ? draft.base : expectedTag(options.expectCurrent, destinations);
  const children = await Promise.all(draft.entries.map((entry) => childOf(context, entry)));
  return {
    document: index,
    children,
    destinations,
    ...(options.referrers === true && { subjects: subjectsOf(index, children) }),
    expectCurrent,
    ...prefetched,
  };
}

/** Returns the images with their own sources. The index may have been published before in any of them. */
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
 * Returns what the first destination's tag is expected to point to; `undefined` for anything.
 * @throws ArgumentError if it has no tag
 */
export function expectedTag(
  expectCurrent: ExpectedTag | 'any' | undefined,
  [{ tag, location }]: OpenDestinations,
): ExpectedTag | undefined {
  if (expectCurrent === undefined || expectCurrent === 'any') return undefined;
  if (tag !== undefined) return expectCurrent;
  throw new ArgumentError(`--expect-current needs a tag, and ${familiarLocation(location)} has none`, {
    hint: 'Publish to a tag, or leave out --expect-current.',
  });
}

/**
 * @param made what messages say before the document: `the draft app:1 makes`
 * @throws InvalidError if a destination has another digest
 */
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

async function childOf(context: ClientContext, entry: Entry): Promise<SourcedEntry> {
  const source = await context.transports.open(parseImageLocation(entry.source));
  const document = embeddedManifest(entry);
  return { descriptor: entryDescriptor(entry), source, ...(document !== undefined && { document }) };
}

/**
 * Opens the destination of the target's own tag, then the further ones. A bare tag is one of the target's repository or
 * layout.
 * @param access 'pull' if nothing will be written
 */
export async function openDestinations(
  context: ClientContext,
  target: TargetLocation,
  tags: readonly ImageTarget[] = [],
  access: Access = 'push',
): Promise<OpenDestinations> {
  const open = async (location: TargetLocation): Promise<OpenDestination> => {
    const { tag, digest } = nameIn(location);
    const opened = await context.transports.openTarget(location, access);
    // A digest names the content itself; a tag beside it would be moved unasked.
    if (digest !== undefined) return { location, target: opened, digest };
    return tag === undefined ? { location, target: opened } : { location, target: opened, tag };
  };
  const further = tags.map((tag) =>
    typeof tag === 'string' && isTag(tag) ? withTag(target, tag) : context.targetLocation(tag),
  );
  const distinct = new Map(further.map((location) => [formatImageLocation(location), location]));
  distinct.delete(formatImageLocation(target));
  return Promise.all([open(target), ...[...distinct.values()].map(open)]);
}
