import type { Source } from '../content/source.js';
import type { Draft, Entry } from '../drafts/draft.js';
import { draftProblemLines, draftProblems } from '../drafts/draft-problems.js';
import { embeddedManifest, entryDescriptor } from '../drafts/entry.js';
import { imagePlatforms } from '../oci/attestation.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { familiarLocation, parseImageLocation, type TargetLocation } from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import { checkRequiredPlatforms } from '../oci/required-platforms.js';
import type { Subject } from '../publish/collect-referrers.js';
import type { CopyGraphOptions } from '../publish/copy-graph.js';
import type { ExpectedTag } from '../publish/expected-tag.js';
import { planPush, type PushPlan } from '../publish/plan.js';
import { publishableIndex } from '../publish/publishable.js';
import type { SourcedEntry, TagStates } from '../publish/target-state.js';
import type { Access } from '../registry/requests.js';
import type { ClientContext } from './client-context.js';
import { checkDigests, expectedTag, openDestinations, type OpenDestinations } from './destinations.js';
import {
  expectedTagOf,
  platformsOf,
  type CallOptions,
  type ImageTarget,
  type PlatformInput,
} from './inputs.js';
import { inspectDraft } from './inspection.js';
import { draftLocation } from './locations.js';
import { publishRecorded, rebaseDraft, type PreparedPush, type PushResult } from './push-record.js';
import { unlessItFails } from './unless-it-fails.js';

/** What `Multiarch.push` takes. */
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

/** What was read of the targets before the push, so that nothing is requested twice. */
interface PrefetchedState {
  readonly presentDigests: ReadonlyMap<Source, ReadonlySet<Digest>>;
  readonly tagStates: Promise<TagStates>;
}

/** A draft to publish. */
export interface DraftPush {
  readonly target: TargetLocation;
  readonly draft: Draft;
  readonly destinations: OpenDestinations;
  readonly settings: PushSettings;
  /** Whether the draft stays in the store if the push fails, so that hints can name commands that change it. */
  readonly isSaved: boolean;
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
  const target = draftLocation(context, name);
  const draft = await context.store.load(target);
  const tags = [...(draft.tags ?? []), ...(settings.tags ?? [])];
  const destinations = await openDestinations(context, target, tags, { access });
  return { target, draft, destinations, settings, isSaved: true };
}

/** Publishes a draft of the store, and deletes it if the settings say so. */
export async function pushSavedDraft(context: ClientContext, push: DraftPush): Promise<PushResult> {
  const { target, settings } = push;
  if (settings.purge === true) await context.store.checkRemovable();
  const result = await publishDraft(context, push);
  if (settings.purge === true) {
    const problem = `the draft ${familiarLocation(target)} is not deleted`;
    await unlessItFails(context, problem, () => context.store.remove(target, context));
  } else await rebaseDraft(context, target, result.descriptor.digest);
  return result;
}

/** Publishes a draft, and records what its tags pointed to before. The store of drafts is left alone. */
export async function publishDraft(context: ClientContext, push: DraftPush): Promise<PushResult> {
  const prepared = await preparePush(context, push);
  return publishRecorded(context, push.target, prepared, moveOptions(context, push.settings));
}

/** Returns what {@link publishDraft} would do. Nothing is written. */
export async function planDraft(context: ClientContext, push: DraftPush): Promise<PushPlan> {
  return planPush(await preparePush(context, push), moveOptions(context, push.settings));
}

/** Returns how content is moved and events are reported in this call. */
export function moveOptions(
  { limit, signal, onEvent }: ClientContext,
  { allowNondistributable }: Pick<PushOptions, 'allowNondistributable'>,
): CopyGraphOptions {
  return { limit, signal, onEvent, nondistributable: allowNondistributable === true ? 'copy' : 'skip' };
}

/** Checks everything that can be checked without the target. */
export async function preparePush(
  context: ClientContext,
  { target, draft, destinations, settings, isSaved, prefetched }: DraftPush,
): Promise<PreparedPush> {
  const { require, expectCurrent, referrers } = settings;
  const problems = draftProblems(draft);
  const warnings = problems.filter(({ kind }) => kind === 'platform-unknown' || kind === 'platform-shared');
  for (const message of draftProblemLines(warnings)) context.onEvent?.({ kind: 'warning', message });
  const document = publishableIndex(draft, { ...settings, isSaved, problems });
  checkDigests(destinations, document, `the draft ${draft.target} makes`);
  if (require.length > 0) {
    const images = (await inspectDraft(context, draft).images()).map((image) => image.descriptor);
    checkRequiredPlatforms(require, imagePlatforms(images), familiarLocation(target));
  }
  const expected = expectCurrent === undefined ? draft.base : expectedTag(expectCurrent, destinations);
  const children = await Promise.all(draft.entries.map((entry) => childOf(context, entry)));
  return {
    document,
    children,
    destinations,
    ...(referrers === true && { subjects: subjectsOf(document, children) }),
    expectCurrent: expected,
    ...prefetched,
  };
}

/** Returns the images with their own sources. The index may have been published before in any of them. */
function subjectsOf(index: ManifestOrIndex, children: readonly SourcedEntry[]): Subject[] {
  const sources = new Set(children.map(({ source }) => source));
  return [
    ...children.map(({ descriptor: { digest }, source }) => ({ digest, source })),
    ...[...sources].map((source) => ({ digest: index.digest, source })),
  ];
}

async function childOf(context: ClientContext, entry: Entry): Promise<SourcedEntry> {
  const source = await context.transports.open(parseImageLocation(entry.source));
  const document = embeddedManifest(entry);
  return { descriptor: entryDescriptor(entry), source, ...(document !== undefined && { document }) };
}
