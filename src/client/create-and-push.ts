import { readTagStates, type TagStates } from '../publish/target-state.js';
import type { PushPlan } from '../publish/plan.js';
import type { Access } from '../registry/requests.js';
import type { ClientContext } from './client-context.js';
import {
  checkStart,
  composeDraft,
  createSettings,
  readForDraft,
  restoreDraft,
  saveDraft,
  type CreateOptions,
  type CreateSettings,
  type DraftState,
} from './create.js';
import type { ImageTarget } from './inputs.js';
import {
  openDestinations,
  planDraft,
  publishDraft,
  pushSettings,
  type DraftPush,
  type PrefetchedState,
  type PushOptions,
  type PushResult,
} from './push.js';
import { readManifests, type ReadSource, type SourceInput } from './sources.js';
import type { StartingPoint } from './starting-point.js';

/** The draft, and what was published of it. */
export interface CreateAndPushResult extends DraftState {
  readonly publication: PushResult;
}

interface Prepared extends Pick<DraftPush, 'target' | 'destinations' | 'options'> {
  readonly settings: CreateSettings;
  readonly read: readonly ReadSource[];
  readonly start: StartingPoint | undefined;
  readonly prefetched: PrefetchedState;
}

/** Creates a draft and publishes it. What was read of the target's repository for the draft is not read again. */
export async function createAndPush(
  context: ClientContext,
  name: ImageTarget,
  sources: readonly SourceInput[],
  options: CreateOptions & PushOptions,
): Promise<CreateAndPushResult> {
  const { target, settings, read, start, ...push } = await prepare(context, name, sources, options, 'push');
  const before = await context.store.find(target);
  const state = await saveDraft(context, target, read, settings, start);
  try {
    const publication = await publishDraft(context, { target, draft: state.draft, ...push });
    return { ...state, publication };
  } catch (error) {
    await restoreDraft(context, target, state.draft, before);
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
  const { target, settings, read, start, ...push } = await prepare(context, name, sources, options, 'pull');
  const current = await context.store.find(target);
  const draft = composeDraft(target, current, read, settings, start);
  return planDraft(context, { target, draft, ...push });
}

/** Reads what a draft that is published at once needs, targets and sources in parallel. */
async function prepare(
  context: ClientContext,
  name: ImageTarget,
  sources: readonly SourceInput[],
  options: CreateOptions & PushOptions,
  access: Access,
): Promise<Prepared> {
  const target = context.draftTarget(name);
  const settings = createSettings(options);
  const pushing = pushSettings(options);
  const current = await checkStart(context, target, settings);
  // Opened before anything is read, so that the first token covers all requests.
  const tags = [...(current?.tags ?? []), ...(options.draftTags ?? []), ...(pushing.tags ?? [])];
  const destinations = await openDestinations(context, target, tags, access);
  const { limit, signal } = context;
  const observe = (): Promise<TagStates> => readTagStates(destinations, { limit, signal });
  // During a wait for sources, others may move the tags.
  const early = options.wait === undefined ? observe() : undefined;
  early?.catch(() => {});
  const [start, read] = await readForDraft(context, target, sources, settings);
  const tagStates = early ?? observe();
  // Awaited once the draft is saved; an earlier failure must not leave an unhandled rejection.
  tagStates.catch(() => {});
  const prefetched = { presentDigests: readManifests(read), tagStates };
  return { target, destinations, settings, options: pushing, read, start, prefetched };
}
