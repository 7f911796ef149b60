import { isDeepStrictEqual } from 'node:util';

import { blocksPush, draftProblems } from '../drafts/draft-problems.js';
import type { Draft } from '../drafts/draft.js';
import type { Digest } from '../oci/digest.js';
import { ArgumentError, ConflictError, FailedError } from '../oci/errors.js';
import { familiarLocation } from '../oci/image-location.js';
import type { PushPlan } from '../publish/plan.js';
import type { Access } from '../registry/requests.js';
import type { ClientContext } from './client-context.js';
import { createSettings, type CreateOptions } from './create-options.js';
import { checkCurrent, readForDraft, type ReadDraft } from './create.js';
import { stateOf, type DraftState } from './draft-state.js';
import { openDestinations, startTagStates } from './destinations.js';
import { findDraft } from './find-draft.js';
import type { ImageTarget } from './inputs.js';
import { publishLocation } from './locations.js';
import { rebaseDraft, type PushResult } from './push-record.js';
import { planDraft, publishDraft, pushSettings, type DraftPush, type PushOptions } from './push.js';
import { readManifests, type SourceInput } from './sources.js';
import { unlessItFails } from './unless-it-fails.js';

/** The draft, and what was published of it. */
export interface CreateAndPushResult extends DraftState {
  /** What the push of the draft did. */
  readonly publication: PushResult;
}

/** What `Multiarch.createAndPush` takes. */
export interface CreateAndPushOptions extends CreateOptions, PushOptions {
  /** Keep the draft after the push. Excludes `purge`. @default false */
  readonly keepDraft?: boolean | undefined;
}

/**
 * Creates a draft and publishes it. What was read of the target's repository for the draft is not read again. The draft is
 * saved before the push if it may add to another one, so that parallel additions count. A new draft that is kept is saved
 * after the push: one that a killed process had left would make the next call fail.
 */
export async function createAndPush(
  context: ClientContext,
  name: ImageTarget,
  sources: readonly SourceInput[],
  options: CreateAndPushOptions,
): Promise<CreateAndPushResult> {
  const prepared = await prepare(context, name, sources, options, 'push');
  const isKept = options.keepDraft === true;
  const isKeptLater = isKept && prepared.current === undefined && options.amend !== true;
  const isSaved = prepared.current !== undefined || (isKept && !isKeptLater);
  const saved = isSaved ? await save(context, prepared) : undefined;
  const draft = saved?.draft ?? prepared.compose(prepared.current);
  warnOfDroppedVariants(context, draft);
  const push = { ...prepared.push, draft };
  const publication =
    saved === undefined
      ? await publishDraft(context, push)
      : await publishSaved(context, push, saved.before, isKept);
  if (isKeptLater) await keep(context, push, publication.descriptor.digest);
  return { ...stateOf(draft), publication };
}

/** Returns what {@link createAndPush} would do. No draft is changed and nothing is written. */
export async function planCreateAndPush(
  context: ClientContext,
  name: ImageTarget,
  sources: readonly SourceInput[],
  options: CreateAndPushOptions,
): Promise<PushPlan> {
  const { compose, current, push } = await prepare(context, name, sources, options, 'pull');
  return planDraft(context, { ...push, draft: compose(current) });
}

/**
 * Reads and composes a new draft that is published at once, and is not saved.
 * @throws ConflictError if a draft of this name exists
 */
export async function prepareUnsaved(
  context: ClientContext,
  name: ImageTarget,
  sources: readonly SourceInput[],
  options: CreateAndPushOptions,
  access: Access,
): Promise<DraftPush> {
  const { compose, current, push } = await prepare(context, name, sources, options, access);
  const draft = compose(current);
  warnOfDroppedVariants(context, draft);
  return { ...push, draft };
}

function warnOfDroppedVariants(context: ClientContext, draft: Draft): void {
  for (const { kind, message } of draftProblems(draft)) {
    if (kind === 'variant-dropped') context.onEvent?.({ kind: 'warning', message });
  }
}

/** A draft whose sources have been read, and where it is to be published. */
interface PreparedDraft extends ReadDraft {
  /** The existing draft. */
  readonly current: Draft | undefined;
  readonly push: Omit<DraftPush, 'draft'>;
}

/** A draft in the store, and what the store had before. */
interface SavedDraft {
  readonly draft: Draft;
  readonly before: Draft | undefined;
}

/** Saves the draft; `undefined`, with a warning, if the store cannot be written. */
async function save(
  context: ClientContext,
  { compose, current, push: { target } }: PreparedDraft,
): Promise<SavedDraft | undefined> {
  let before: Draft | undefined;
  try {
    const draft = await context.store.update(
      target,
      (existing) => {
        before = existing;
        return compose(existing);
      },
      context,
    );
    return { draft, before };
  } catch (error) {
    if (!(error instanceof FailedError)) throw error;
    const outcome = current === undefined ? 'is not kept' : 'stays as it was';
    const message = `the draft ${familiarLocation(target)} ${outcome}: ${error.message}`;
    context.onEvent?.({ kind: 'warning', message });
    return undefined;
  }
}

/** Saves a new draft that has been published, unless another process has created one of its name. */
async function keep(
  context: ClientContext,
  { target, draft }: Pick<DraftPush, 'target' | 'draft'>,
  published: Digest,
): Promise<void> {
  const kept = draft.base === undefined ? draft : { ...draft, base: published };
  await unlessItFails(context, `the draft ${familiarLocation(target)} is not kept`, async () => {
    await context.store.update(target, (existing) => {
      if (existing === undefined) return kept;
      throw new ConflictError('another process has created a draft of this name');
    });
  });
}

/** Publishes a draft of the store. On failure, the store has what it had before. */
async function publishSaved(
  context: ClientContext,
  push: DraftPush,
  before: Draft | undefined,
  isKept: boolean,
): Promise<PushResult> {
  const { target, draft } = push;
  /** Replaces the draft unless another process has changed it. */
  const replace = async (next: Draft | undefined): Promise<void> => {
    await context.store.update(target, (current) => (isDeepStrictEqual(current, draft) ? next : current));
  };
  try {
    const publication = await publishDraft(context, push);
    const problem = `the draft ${familiarLocation(target)} is not deleted`;
    if (isKept) await rebaseDraft(context, target, publication.descriptor.digest);
    else await unlessItFails(context, problem, () => replace(undefined));
    return publication;
  } catch (error) {
    // Without the signal, since a cancelled call leaves no draft either. The user has to see the first error.
    await replace(before).catch(() => {});
    throw error;
  }
}

/** Reads what a draft that is published at once needs, targets and sources in parallel. */
async function prepare(
  context: ClientContext,
  name: ImageTarget,
  sources: readonly SourceInput[],
  options: CreateAndPushOptions,
  access: Access,
): Promise<PreparedDraft> {
  if (options.keepDraft === true && options.purge === true) {
    throw new ArgumentError('--keep-draft and --purge exclude each other');
  }
  const target = publishLocation(context, name);
  const settings = createSettings(options);
  const pushing = pushSettings(options);
  const current = await findDraft(context, target);
  checkCurrent(target, current, settings);
  // Opened before anything is read, so that the first token covers all requests.
  const tags = [...(current?.tags ?? []), ...(options.draftTags ?? []), ...(pushing.tags ?? [])];
  const destinations = await openDestinations(context, target, tags, { access });
  // During a wait for sources, others may move the tags.
  const early = options.wait === undefined ? startTagStates(context, destinations) : undefined;
  const draft = await readForDraft(context, target, current, sources, settings);
  const tagStates = early ?? startTagStates(context, destinations);
  // Commands can change a draft that is saved as it was, with the same problems.
  const isSaved = current !== undefined && draftProblems(current).some(blocksPush);
  const prefetched = { presentDigests: readManifests(draft.read), tagStates };
  return {
    ...draft,
    current,
    push: { target, destinations, settings: pushing, prefetched, isSaved },
  };
}
