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
import type { Tag } from '../oci/reference.js';
import { putInTurn } from '../publish/put-in-turn.js';
import { rebaseDraft, unlessItFails } from './push-record.js';
import type { ClientContext } from './client-context.js';

export interface UndoOptions {
  /** Find out what would be done, and write nothing. @default false */
  readonly dryRun?: boolean | undefined;
}

/** A push that was taken back. */
export interface UndoResult {
  /** The index that the push had published. */
  readonly undone: Digest;
  /** In the order in which they were put back: that of the push, from its end. */
  readonly tags: readonly UndoneTag[];
}

export interface UndoneTag {
  /** In full: `docker.io/library/app:1.2`, `oci:DIR:TAG`. */
  readonly reference: string;
  /** `kept` where the tag did not exist before the push: registries do not let a tag be taken away from its image. */
  readonly outcome: 'moved' | 'unchanged' | 'kept';
  /** What it stands for in the end; absent where it is kept. */
  readonly digest?: Digest;
}

/** What is to be done about one tag. */
type Step =
  | { readonly outcome: 'kept'; readonly reference: string }
  | { readonly outcome: 'unchanged'; readonly reference: string; readonly digest: Digest }
  | {
      readonly outcome: 'moved';
      readonly reference: string;
      readonly digest: Digest;
      readonly target: Target;
      readonly tag: Tag;
      readonly document: ManifestOrIndex;
    };

/**
 * Takes back the last push of a list that this machine has recorded: puts each tag back to what it stood for before,
 * from the manifest that the target still holds, byte for byte. All is looked at before anything is written. Then the
 * record is removed, so that the next call takes back the push before.
 *
 * @throws NotFoundError where no push is recorded, no tag existed before, or what one stood for is gone; ConflictError
 *   where a tag has moved since; InvalidError where the history is damaged
 */
export async function undoPush(
  run: ClientContext,
  target: TargetLocation,
  options: UndoOptions = {},
): Promise<UndoResult> {
  const push = (await run.history.load(target)).at(-1);
  const name = familiarLocation(target);
  if (push === undefined) {
    throw new NotFoundError(`no push of ${name} is recorded on this machine`, {
      hint: `By hand: multiarch create ${name} --from REPOSITORY@DIGEST --push, with the digest that it held before.`,
    });
  }
  const steps = await Promise.all(push.tags.toReversed().map((tag) => stepFor(run, push, tag, options)));
  if (steps.every(({ outcome }) => outcome === 'kept')) {
    throw new NotFoundError(
      `there is nothing to put back: ${steps.map(({ reference }) => reference).join(', ')} did not exist before`,
      { hint: goneHint(target) },
    );
  }
  if (options.dryRun !== true) {
    await putBack(run, steps);
    await finish(run, target, push, steps);
  }
  return {
    undone: push.digest,
    tags: steps.map(({ reference, outcome, ...step }) => ({
      reference,
      outcome,
      ...('digest' in step && { digest: step.digest }),
    })),
  };
}

async function stepFor(
  run: ClientContext,
  { digest: pushed }: PushRecord,
  { reference, previous }: RecordedTag,
  { dryRun = false }: UndoOptions,
): Promise<Step> {
  if (previous === undefined) return { outcome: 'kept', reference };
  const location = parseImageLocation(reference);
  if (!isTargetLocation(location)) return { outcome: 'kept', reference };
  const { tag } = nameIn(location);
  if (tag === undefined) return { outcome: 'kept', reference };
  const { limit, signal } = run;
  const target = await run.transports.openTarget(location, dryRun ? 'pull' : 'push');
  const current = (await limit(() => target.find(tag, { signal })))?.digest;
  if (current === previous) return { outcome: 'unchanged', reference, digest: previous };
  if (current !== pushed) {
    throw new ConflictError(
      `${reference} has moved since that push: it holds ${current ?? 'no image'}, not ${pushed}`,
      { hint: 'Look at what was published meanwhile. Nothing was put back.' },
    );
  }
  try {
    const document = await limit(() => target.readManifest(previous, { signal }));
    return { outcome: 'moved', reference, digest: previous, target, tag, document };
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    throw new NotFoundError(`what ${reference} held before is gone: ${error.message}`, {
      hint: `${keeping(location)} Nothing was put back: publish the image anew.`,
      exchange: error.exchange,
      cause: error,
    });
  }
}

/** What to do about an image that is to go, now that a tag alone is not taken away. */
function goneHint({ transport }: TargetLocation): string {
  if (transport === 'registry') return "If the image is to go, delete it with the registry's own tools.";
  return `If the image is to go, and nothing else is there, delete the ${transport === 'oci' ? 'directory' : 'file'}.`;
}

/** Why a place may no longer hold what a tag stood for before. */
function keeping({ transport }: TargetLocation): string {
  if (transport === 'oci-archive') return 'An archive is written without what no tag stands for any more.';
  const place = transport === 'registry' ? 'A registry' : 'What tidies up a layout';
  return `${place} may delete what has no tag.`;
}

/** Writes what is to be written, the steps one after the other. */
async function putBack({ limit, signal, onEvent }: ClientContext, steps: readonly Step[]): Promise<void> {
  for (const { outcome, reference } of steps) {
    if (outcome !== 'kept') continue;
    const message = `${reference} did not exist before that push, and stays: tags are moved, and none is taken away`;
    onEvent?.({ kind: 'warning', message });
  }
  const moves = steps.filter((step) => step.outcome === 'moved');
  await putInTurn(
    moves,
    {
      put: ({ target, tag, document }) => limit(() => target.writeManifest(document, { tag, signal })),
      onCommitted: ({ target: { label: repository }, tag, digest }) =>
        onEvent?.({ kind: 'tagged', repository, tag, digest, outcome: 'moved' }),
    },
    { limit, signal },
  );
}

async function finish(
  run: ClientContext,
  target: TargetLocation,
  push: PushRecord,
  steps: readonly Step[],
): Promise<void> {
  const problem = `this push is still recorded as the last one of ${familiarLocation(target)}`;
  await unlessItFails(run, problem, () => run.history.removeLast(target, push));
  const own = steps.find(({ reference }) => reference === formatImageLocation(target));
  if (own !== undefined && own.outcome !== 'kept') await rebaseDraft(run, target, own.digest, push.digest);
}
