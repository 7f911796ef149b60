import { isDeepStrictEqual } from 'node:util';

import { allOf } from '../content/limit.js';
import type { Draft } from '../drafts/draft.js';
import { ArgumentError } from '../oci/errors.js';
import { familiarLocation, formatImageLocation, type TargetLocation } from '../oci/image-location.js';
import { planPush, type PushPlan } from '../publish/plan.js';
import type { ClientContext } from './client-context.js';
import { createSettings, type CreateOptions } from './create-options.js';
import { checkCurrent, readForDraft } from './create.js';
import { prepareUnsaved, type CreateAndPushOptions, type CreateAndPushResult } from './create-and-push.js';
import { stateOf, type DraftState } from './draft-state.js';
import type { ImageTarget } from './inputs.js';
import { publishLocation } from './locations.js';
import { publishRecordedTogether, type NamedPush } from './push-record.js';
import { moveOptions, preparePush } from './push.js';
import type { SourceInput } from './sources.js';

/** One of several lists that are created together. */
export interface ListInput<Options extends CreateOptions = CreateOptions> {
  readonly name: ImageTarget;
  readonly sources: readonly SourceInput[];
  readonly options?: Options | undefined;
}

/** Creates the drafts of several lists: all or none. */
export async function createLists(
  context: ClientContext,
  lists: readonly ListInput[],
): Promise<readonly DraftState[]> {
  const opened = lists.map(({ name, sources, options = {} }) => {
    const target = publishLocation(context, name);
    return { target, sources, settings: createSettings(options) };
  });
  checkDistinct(opened.map(({ target }) => [target]));
  const read = await allOf(
    opened.map(async ({ target, sources, settings }) => {
      const current = await context.store.find(target);
      checkCurrent(target, current, settings);
      const { compose } = await readForDraft(context, target, current, sources, settings);
      // Composed once before anything is saved, since it checks the draft too.
      compose(current);
      return { target, compose };
    }),
  );
  const saved: SavedList[] = [];
  try {
    for (const { target, compose } of read) {
      let before: Draft | undefined;
      const update = (existing: Draft | undefined): Draft => compose((before = existing));
      saved.push({ target, draft: await context.store.update(target, update, context), before });
    }
  } catch (error) {
    for (const list of saved.toReversed()) await restore(context, list);
    throw error;
  }
  return saved.map(({ draft }) => stateOf(draft));
}

/** A draft that has been saved, and what the store had before. */
interface SavedList {
  readonly target: TargetLocation;
  readonly draft: Draft;
  readonly before: Draft | undefined;
}

/** Restores a draft, unless another process has changed it. Never throws: the first error is the one to report. */
async function restore(context: ClientContext, { target, draft, before }: SavedList): Promise<void> {
  // Without the signal, since a cancelled call leaves no draft either.
  await context.store
    .update(target, (current) => (isDeepStrictEqual(current, draft) ? before : current))
    .catch(() => {});
}

/** Creates several lists and publishes them: all, or no tag moves. No draft is read or kept. */
export async function createAndPushLists(
  context: ClientContext,
  lists: readonly ListInput<CreateAndPushOptions>[],
): Promise<readonly CreateAndPushResult[]> {
  const prepared = await prepareLists(context, lists, 'push');
  const [first, ...others] = prepared.map(({ named }) => named);
  if (first === undefined) return [];
  const options = moveOptions(context, lists[0]?.options ?? {});
  const results = await publishRecordedTogether(context, [first, ...others], options);
  return prepared.flatMap(({ draft }, position) => {
    const publication = results[position];
    return publication === undefined ? [] : [{ ...stateOf(draft), publication }];
  });
}

/** Returns what {@link createAndPushLists} would do. Nothing is written. */
export async function planLists(
  context: ClientContext,
  lists: readonly ListInput<CreateAndPushOptions>[],
): Promise<readonly PushPlan[]> {
  const prepared = await prepareLists(context, lists, 'pull');
  const options = moveOptions(context, lists[0]?.options ?? {});
  return allOf(prepared.map(({ named }) => planPush(named.push, options)));
}

interface PreparedList {
  readonly draft: Draft;
  readonly named: NamedPush;
}

/** Reads and checks all lists before anything is written. */
async function prepareLists(
  context: ClientContext,
  lists: readonly ListInput<CreateAndPushOptions>[],
  access: 'pull' | 'push',
): Promise<readonly PreparedList[]> {
  const prepared = await allOf(
    lists.map(async ({ name, sources, options = {} }) => {
      if (options.amend === true || options.keepDraft === true) {
        const flag = options.amend === true ? '--amend' : '--keep-draft';
        throw new ArgumentError(`${flag} cannot be used with --push and several lists`, {
          hint: 'Create the drafts without --push, and push each.',
        });
      }
      const unsaved = await prepareUnsaved(context, name, sources, options, access);
      const push = await preparePush(context, unsaved);
      return { draft: unsaved.draft, named: { target: unsaved.target, push } };
    }),
  );
  checkDistinct(
    prepared.map(({ named: { target, push } }) => [
      target,
      ...push.destinations.map(({ location }) => location),
    ]),
  );
  return prepared;
}

/** @throws ArgumentError if two lists have the same name or tag: one of them would be lost */
function checkDistinct(lists: readonly (readonly TargetLocation[])[]): void {
  const owners = new Map<string, number>();
  for (const [position, locations] of lists.entries()) {
    for (const location of locations) {
      const name = formatImageLocation(location);
      if ((owners.get(name) ?? position) !== position) {
        throw new ArgumentError(`two lists have the tag ${familiarLocation(location)}`, {
          hint: 'Give each list its own name and its own tags.',
        });
      }
      owners.set(name, position);
    }
  }
}
