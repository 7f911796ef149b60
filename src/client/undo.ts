import { withoutBudget } from '../content/budget.js';
import type { Target } from '../content/target.js';
import type { PushRecord, RecordedTag } from '../drafts/history-file.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { ConflictError, isMultiarchError, NotFoundError, type FailedTag } from '../oci/errors.js';
import { withFailedTags } from '../oci/failed-tags.js';
import {
  familiarLocation,
  formatImageLocation,
  isTargetLocation,
  nameIn,
  parseImageLocation,
  type TargetLocation,
} from '../oci/image-location.js';
import { formatRepository, type RefName } from '../oci/reference.js';
import { CleanUp } from '../publish/clean-up.js';
import { putInTurn } from '../publish/put-in-turn.js';
import { settleWrite, type Current } from '../publish/settle-write.js';
import { lastPushes, type LastPush } from './last-push.js';
import { isUnfinished, tagReader, type ReadTag } from './push-journal.js';
import { rebaseDraft } from './push-record.js';
import { unlessItFails } from './unless-it-fails.js';
import type { ClientContext } from './client-context.js';
import type { CallOptions } from './inputs.js';

/** What `Multiarch.undo` takes. */
export interface UndoOptions extends CallOptions {
  /** Return what would be done, and write nothing. @default false */
  readonly dryRun?: boolean | undefined;
}

/** A push that was undone, with those of the lists that were pushed together with it. */
export interface UndoResult {
  /** The index that the push of the named list published. */
  readonly undone: Digest;
  /** In the order in which they were moved back: the order of the push, reversed. */
  readonly tags: readonly UndoneTag[];
}

/** What an undo did to one tag. */
export interface UndoneTag {
  /** In full: `docker.io/library/app:1.2`, `oci:DIR:TAG`. */
  readonly reference: string;
  /** `kept` if the push created the tag: not every registry can delete a tag without its image. */
  readonly outcome: 'moved' | 'unchanged' | 'kept';
  /** What it points to afterwards; absent if it is kept or does not exist. */
  readonly digest?: Digest;
  /** What it pointed to before the undo, if it is moved. */
  readonly previous?: Digest;
}

/** What to do about one tag. */
interface Step extends UndoneTag {
  /** Set if the tag is moved. */
  readonly move?: {
    readonly target: Target;
    readonly tag: RefName;
    readonly document: ManifestOrIndex;
    /** What the tag points to. */
    readonly from: Digest;
  };
}

/**
 * Undoes the last recorded push of a draft: moves each tag back to its previous digest, from the manifest that the target
 * still has, byte for byte. Everything is checked before anything is written. The record is then removed, so that the next
 * call undoes the push before. A push that was killed counts if one of its tags has moved, which the tags show. Lists that were
 * pushed together are undone together.
 *
 * @throws NotFoundError if no push is recorded, no tag existed before, or the previous manifest is gone; ConflictError if
 *   a tag has moved since, or a push is running; InvalidError if the history is damaged; what the targets throw, with what
 *   each tag points to if a tag had been moved
 */
export async function undoPush(
  context: ClientContext,
  target: TargetLocation,
  options: UndoOptions,
): Promise<UndoResult> {
  const { dryRun = false } = options;
  const readTag = tagReader(context, dryRun ? 'pull' : 'push');
  const pushes = await lastPushes(context, target, readTag);
  const name = familiarLocation(target);
  const [own] = pushes;
  if (own === undefined) {
    throw new NotFoundError(`no push of ${name} is recorded on this machine`, {
      hint: `By hand, with the previous digest: multiarch copy ${sourceName(target)}@DIGEST ${name}`,
    });
  }
  const lists = await Promise.all(
    pushes.map(async (last): Promise<UndoneList> => {
      const reversed = last.push.tags.toReversed();
      const undoing = { dryRun, readTag };
      return {
        last,
        steps: await Promise.all(reversed.map((tag) => stepFor(context, last.push, tag, undoing))),
      };
    }),
  );
  const steps = inUndoOrder(lists);
  if (steps.every(({ outcome, digest }) => outcome === 'kept' || digest === undefined)) {
    throw new NotFoundError(
      `nothing to undo: ${steps.map(({ reference }) => reference).join(', ')} did not exist before`,
      { hint: goneHint(target) },
    );
  }
  if (!dryRun) {
    const settled = [];
    for (const list of lists) settled.push({ ...list, last: await settle(context, list) });
    // No limit stops between two tags.
    await withoutBudget(() => moveBack(context, steps));
    for (const list of settled) await finish(context, list);
  }
  return {
    undone: own.push.digest,
    tags: steps.map(({ reference, outcome, digest, previous }) => ({
      reference,
      outcome,
      ...(digest !== undefined && { digest }),
      ...(previous !== undefined && { previous }),
    })),
  };
}

/** A push that is undone, and what is done about its tags. */
interface UndoneList {
  readonly last: LastPush;
  readonly steps: readonly Step[];
}

/** The order of the push, reversed: the tags named `latest` of all lists first. */
function inUndoOrder(lists: readonly UndoneList[]): Step[] {
  const steps = lists.toReversed().flatMap((list) => list.steps);
  if (lists.length === 1) return steps;
  const isLatest = ({ reference }: Step): boolean => reference.endsWith(':latest');
  return [...steps.filter(isLatest), ...steps.filter((step) => !isLatest(step))];
}

/**
 * Records of an unfinished push what its tags show: which have moved, and that it has ended. An undo that is killed after it
 * has moved the tags back is then repeated, where an unfinished push would seem to have moved none. Never throws.
 * @returns the pushes that are recorded then
 */
async function settle(context: ClientContext, { last, steps }: UndoneList): Promise<LastPush> {
  const { target, push, ineffective } = last;
  if (!isUnfinished(push)) return last;
  const absent = new Set(
    steps.flatMap(({ outcome, digest, reference }) =>
      outcome === 'unchanged' && digest === undefined ? [reference] : [],
    ),
  );
  const { unfinished: _u, process: _p, ...finished } = push;
  const ended = { ...finished, tags: push.tags.filter(({ reference }) => !absent.has(reference)) };
  // A list none of whose tags has moved: a push without tags is not recorded.
  if (ended.tags.length === 0) return last;
  let settled = last;
  const problem = `an undo of ${familiarLocation(target)} that is killed cannot be repeated`;
  await unlessItFails(context, problem, async () => {
    await context.history.replaceLast(target, [push, ...ineffective], [ended]);
    settled = { target, push: ended, ineffective: [] };
  });
  return settled;
}

async function stepFor(
  context: ClientContext,
  push: PushRecord,
  { reference, previous, replaced }: RecordedTag,
  { dryRun, readTag }: { readonly dryRun: boolean; readonly readTag: ReadTag },
): Promise<Step> {
  const { digest: pushed } = push;
  const location = parseImageLocation(reference);
  const tag = isTargetLocation(location) ? nameIn(location).tag : undefined;
  if (!isTargetLocation(location) || tag === undefined || (previous === undefined && !isUnfinished(push))) {
    return { outcome: 'kept', reference };
  }
  const { limit, signal } = context;
  const target = await context.transports.openTarget(location, dryRun ? 'pull' : 'push');
  const current = await readTag(reference);
  if (previous === undefined) {
    return current === undefined ? { outcome: 'unchanged', reference } : { outcome: 'kept', reference };
  }
  if (current === previous) return { outcome: 'unchanged', reference, digest: previous };
  if (current === undefined || (current !== pushed && current !== replaced)) {
    throw new ConflictError(
      `${reference} has moved since that push: it points to ${current ?? 'no image'}, not ${pushed}`,
      { hint: 'Check what has been published since. No tag was moved.' },
    );
  }
  try {
    const document = await limit(() => target.readManifest(previous, { signal }));
    const move = { target, tag, document, from: current };
    return { outcome: 'moved', reference, digest: previous, previous: current, move };
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    throw new NotFoundError(`the previous image of ${reference} is gone: ${error.message}`, {
      hint: `${retention(location)} No tag was moved. Publish the image again.`,
      exchange: error.exchange,
      cause: error,
    });
  }
}

/** The repository, directory or file that the previous image is copied from. */
function sourceName(target: TargetLocation): string {
  if (target.transport === 'registry') return formatRepository(target.reference);
  return target.transport === 'object' ? 'SOURCE' : `${target.transport}:${target.path}`;
}

/** How to delete the image, since undo never deletes a tag. */
function goneHint({ transport }: TargetLocation): string {
  if (transport === 'registry') return "To remove the image, delete it with the registry's own tools.";
  return `To remove the image, delete the ${transport === 'oci' ? 'directory' : 'file'} if it contains nothing else.`;
}

/** Why a target may no longer have what a tag pointed to before. */
function retention({ transport }: TargetLocation): string {
  if (transport === 'oci-archive') return 'An archive is rewritten without untagged images.';
  return `${transport === 'registry' ? 'A registry' : 'A clean-up of the layout'} may delete untagged images.`;
}

/**
 * Moves the tags, one after the other. After a failure, the tags that have been moved stay so: the call can be repeated.
 * @throws what the targets throw, with what each tag points to if a tag had been moved
 */
async function moveBack({ limit, signal, onEvent }: ClientContext, steps: readonly Step[]): Promise<void> {
  for (const { outcome, reference } of steps) {
    if (outcome !== 'kept') continue;
    const message = `${reference} was created by that push and is left in place; undo never deletes tags`;
    onEvent?.({ kind: 'warning', message });
  }
  const moves = steps.flatMap(({ move, reference }) => (move === undefined ? [] : [{ ...move, reference }]));
  const done = new Set<string>();
  const found = new Map<string, Current>();
  const cleanUp = new CleanUp(signal);
  try {
    await putInTurn(
      moves,
      {
        put: async ({ target, tag, document, reference }) => {
          const failure = await settleWrite(
            { target, selector: tag, digest: document.digest },
            () => limit(() => target.writeManifest(document, { tag, signal })),
            { limit, signal, onEvent, cleanUp },
          );
          if (failure === undefined) return;
          found.set(reference, failure.found);
          throw failure.error;
        },
        onCommitted: ({ target: { label: repository }, tag, document: { digest }, reference }) => {
          done.add(reference);
          onEvent?.({ kind: 'tagged', repository, tag, digest, outcome: 'moved' });
        },
      },
      { limit, signal },
    );
  } catch (error) {
    if (!isMultiarchError(error)) throw error;
    const tags = moves.map(({ reference, document: { digest: previous }, from }): FailedTag => {
      const current = found.get(reference);
      if (done.has(reference) || current === previous) {
        return { reference, outcome: 'restored', digest: previous, previous };
      }
      if (current === undefined || current === 'unknown' || current === from) {
        return { reference, outcome: current === 'unknown' ? 'unknown' : 'moved', digest: from, previous };
      }
      return { reference, outcome: 'replaced', digest: current, previous };
    });
    throw tags.every(({ outcome }) => outcome === 'moved') ? error : withFailedTags(error, tags);
  } finally {
    cleanUp.stop();
  }
}

async function finish(context: ClientContext, { last, steps }: UndoneList): Promise<void> {
  const { target, push, ineffective } = last;
  const problem = `this push is still recorded as the last one of ${familiarLocation(target)}`;
  await unlessItFails(context, problem, () => context.history.replaceLast(target, [push, ...ineffective]));
  const digest = steps.find(({ reference }) => reference === formatImageLocation(target))?.digest;
  if (digest !== undefined) await rebaseDraft(context, target, digest, push.digest);
}
