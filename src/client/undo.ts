import { findTag } from '../content/find-tag.js';
import type { Target } from '../content/target.js';
import type { PushRecord, RecordedTag } from '../drafts/history-file.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { ConflictError, NotFoundError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  isTargetLocation,
  nameIn,
  parseImageLocation,
  type TargetLocation,
} from '../oci/image-location.js';
import { formatRepository, type RefName } from '../oci/reference.js';
import { putInTurn } from '../publish/put-in-turn.js';
import { rebaseDraft, unlessItFails } from './push-record.js';
import type { ClientContext } from './client-context.js';
import type { CallOptions } from './inputs.js';

/** What `Multiarch.undo` takes. */
export interface UndoOptions extends CallOptions {
  /** Return what would be done, and write nothing. @default false */
  readonly dryRun?: boolean | undefined;
}

/** A push that was undone. */
export interface UndoResult {
  /** The index that the push published. */
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
  /** What it points to afterwards; absent if it is kept. */
  readonly digest?: Digest;
}

/** What to do about one tag. */
interface Step extends UndoneTag {
  /** Set if the tag is moved. */
  readonly move?: { readonly target: Target; readonly tag: RefName; readonly document: ManifestOrIndex };
}

/**
 * Undoes the last recorded push of a draft: moves each tag back to its previous digest, from the manifest that the target
 * still has, byte for byte. Everything is checked before anything is written. The record is then removed, so that the next
 * call undoes the push before.
 *
 * @throws NotFoundError if no push is recorded, no tag existed before, or the previous manifest is gone; ConflictError if
 *   a tag has moved since; InvalidError if the history is damaged
 */
export async function undoPush(
  context: ClientContext,
  target: TargetLocation,
  options: UndoOptions,
): Promise<UndoResult> {
  const push = (await context.history.load(target)).at(-1);
  const name = familiarLocation(target);
  if (push === undefined) {
    throw new NotFoundError(`no push of ${name} is recorded on this machine`, {
      hint: `By hand, with the previous digest: multiarch copy ${sourceName(target)}@DIGEST ${name}`,
    });
  }
  const steps = await Promise.all(push.tags.toReversed().map((tag) => stepFor(context, push, tag, options)));
  if (steps.every(({ outcome }) => outcome === 'kept')) {
    throw new NotFoundError(
      `nothing to undo: ${steps.map(({ reference }) => reference).join(', ')} did not exist before`,
      { hint: goneHint(target) },
    );
  }
  if (options.dryRun !== true) {
    await moveBack(context, steps);
    await finish(context, target, push, steps);
  }
  return {
    undone: push.digest,
    tags: steps.map(({ reference, outcome, digest }) => ({
      reference,
      outcome,
      ...(digest !== undefined && { digest }),
    })),
  };
}

async function stepFor(
  context: ClientContext,
  { digest: pushed }: PushRecord,
  { reference, previous }: RecordedTag,
  { dryRun = false }: UndoOptions,
): Promise<Step> {
  const location = parseImageLocation(reference);
  const tag = isTargetLocation(location) ? nameIn(location).tag : undefined;
  if (previous === undefined || !isTargetLocation(location) || tag === undefined) {
    return { outcome: 'kept', reference };
  }
  const { limit, signal } = context;
  const target = await context.transports.openTarget(location, dryRun ? 'pull' : 'push');
  const current = (await limit(() => findTag(target, tag, { signal })))?.digest;
  if (current === previous) return { outcome: 'unchanged', reference, digest: previous };
  if (current !== pushed) {
    throw new ConflictError(
      `${reference} has moved since that push: it points to ${current ?? 'no image'}, not ${pushed}`,
      { hint: 'Check what has been published since. No tag was moved.' },
    );
  }
  try {
    const document = await limit(() => target.readManifest(previous, { signal }));
    return { outcome: 'moved', reference, digest: previous, move: { target, tag, document } };
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

/** Moves the tags, one after the other. */
async function moveBack({ limit, signal, onEvent }: ClientContext, steps: readonly Step[]): Promise<void> {
  for (const { outcome, reference } of steps) {
    if (outcome !== 'kept') continue;
    const message = `${reference} was created by that push and is left in place; undo never deletes tags`;
    onEvent?.({ kind: 'warning', message });
  }
  await putInTurn(
    steps.flatMap(({ move }) => move ?? []),
    {
      put: ({ target, tag, document }) => limit(() => target.writeManifest(document, { tag, signal })),
      onCommitted: ({ target: { label: repository }, tag, document: { digest } }) =>
        onEvent?.({ kind: 'tagged', repository, tag, digest, outcome: 'moved' }),
    },
    { limit, signal },
  );
}

async function finish(
  context: ClientContext,
  target: TargetLocation,
  push: PushRecord,
  steps: readonly Step[],
): Promise<void> {
  const problem = `this push is still recorded as the last one of ${familiarLocation(target)}`;
  await unlessItFails(context, problem, () => context.history.removeLast(target, push));
  const digest = steps.find(({ reference }) => reference === formatImageLocation(target))?.digest;
  if (digest !== undefined) await rebaseDraft(context, target, digest, push.digest);
}
