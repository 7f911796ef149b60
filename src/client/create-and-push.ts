import { isDeepStrictEqual } from 'node:util';

import type { Draft } from '../drafts/draft.js';
import type { PushPlan } from '../publish/plan.js';
import type { Access } from '../registry/requests.js';
import type { ClientContext } from './client-context.js';
import { createSettings, type CreateOptions } from './create-options.js';
import { checkCurrent, readForDraft, stateOf, type DraftState, type ReadDraft } from './create.js';
import { openDestinations, startTagStates } from './destinations.js';
import type { ImageTarget } from './inputs.js';
import { draftLocation } from './locations.js';
import type { PushResult } from './push-record.js';
import { planDraft, publishDraft, pushSettings, type DraftPush, type PushOptions } from './push.js';
import { readManifests, type SourceInput } from './sources.js';

/** The draft, and what was published of it. */
export interface CreateAndPushResult extends DraftState {
  /** What the push of the draft did. */
  readonly publication: PushResult;
}

/** Creates a draft and publishes it. What was read of the target's repository for the draft is not read again. */
export async function createAndPush(
  context: ClientContext,
  name: ImageTarget,
  sources: readonly SourceInput[],
  options: CreateOptions & PushOptions,
): Promise<CreateAndPushResult> {
  const [{ compose }, push] = await prepare(context, name, sources, options, 'push');
  const { store } = context;
  const before = await store.find(push.target);
  const draft = await store.update(push.target, compose, context);
  try {
    return { ...stateOf(draft), publication: await publishDraft(context, { ...push, draft }) };
  } catch (error) {
    // Restores the draft unless it has changed since; without the signal, since a cancelled call leaves no draft either.
    const restore = (current: Draft | undefined): Draft | undefined =>
      isDeepStrictEqual(current, draft) ? before : current;
    // The user has to see the error that made this necessary.
    await store.update(push.target, restore).catch(() => {});
    throw error;
  }
}

/** Returns what {@link createAndPush} would do. No draft is changed and nothing is written. */
export async function planCreateAndPush(
  context: ClientContext,
  name: ImageTarget,
  sources: readonly SourceInput[],
  options: CreateOptions & PushOptions,
): Promise<PushPlan> {
  const [{ compose }, push] = await prepare(context, name, sources, options, 'pull');
  return planDraft(context, { ...push, draft: compose(await context.store.find(push.target)) });
}

/** Reads what a draft that is published at once needs, targets and sources in parallel. */
async function prepare(
  context: ClientContext,
  name: ImageTarget,
  sources: readonly SourceInput[],
  options: CreateOptions & PushOptions,
  access: Access,
): Promise<[ReadDraft, Omit<DraftPush, 'draft'>]> {
  const target = draftLocation(context, name);
  const settings = createSettings(options);
  const pushing = pushSettings(options);
  const current = await context.store.find(target);
  checkCurrent(target, current, settings);
  // Opened before anything is read, so that the first token covers all requests.
  const tags = [...(current?.tags ?? []), ...(options.draftTags ?? []), ...(pushing.tags ?? [])];
  const destinations = await openDestinations(context, target, tags, { access });
  // During a wait for sources, others may move the tags.
  const early = options.wait === undefined ? startTagStates(context, destinations) : undefined;
  const draft = await readForDraft(context, target, sources, settings);
  const tagStates = early ?? startTagStates(context, destinations);
  const prefetched = { presentDigests: readManifests(draft.read), tagStates };
  return [draft, { target, destinations, settings: pushing, prefetched }];
}
