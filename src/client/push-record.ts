import type { RecordedTag } from '../drafts/history-file.js';
import type { Digest } from '../oci/digest.js';
import { MultiarchError } from '../oci/errors.js';
import { familiarLocation, formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import type { MoveOptions } from '../publish/move-content.js';
import type { Destination } from '../publish/target-state.js';
import { publish, type Publication, type PublishRequest, type TagChange } from '../publish/publish.js';
import type { ClientContext } from './client-context.js';

/** A destination with its name. */
type LocatedDestination = Destination & { readonly location: ImageLocation };

interface OpenPushRecord {
  readonly add: (destination: Destination, change: TagChange) => void;
  /** Writes it into the history where a tag has moved. Never throws: what is published, is published. */
  readonly save: () => Promise<void>;
}

/**
 * Publishes, and writes down what the tags stood for before, also where only some of them moved.
 * @param target the name that the record is kept under
 */
export async function publishRecorded(
  run: ClientContext,
  target: ImageLocation,
  request: PublishRequest,
  destinations: readonly LocatedDestination[],
  options: MoveOptions,
): Promise<Publication> {
  const record = recordPush(run, target, request.document.digest, destinations);
  try {
    return await publish({ ...request, onTagChange: record.add }, options);
  } finally {
    await record.save();
  }
}

/**
 * Begins the record of a push, which `undo` goes by. A push that finds all its tags where they belong is not recorded:
 * run once more, it would hide the push that moved them.
 */
function recordPush(
  run: ClientContext,
  target: ImageLocation,
  digest: Digest,
  destinations: readonly LocatedDestination[],
): OpenPushRecord {
  const tags: RecordedTag[] = [];
  let hasMoved = false;
  return {
    add: (destination, { previous, outcome }) => {
      const location = destinations.find((open) => open === destination)?.location;
      if (location === undefined) return;
      tags.push({ reference: formatImageLocation(location), ...(previous !== undefined && { previous }) });
      hasMoved ||= outcome === 'moved';
    },
    save: async () => {
      if (!hasMoved) return;
      await unlessItFails(
        run,
        `multiarch undo will not know of this push of ${familiarLocation(target)}`,
        () => run.history.add(target, { digest, tags }),
      );
    },
  };
}

/**
 * Tells a draft that was started from its target's tag what the tag stands for now, so that its next push expects that.
 * Never throws.
 *
 * @param from only where the draft expects this
 */
export async function rebaseDraft(
  run: ClientContext,
  target: ImageLocation,
  base: Digest,
  from?: Digest,
): Promise<void> {
  const isBased = (known: Digest | undefined): boolean =>
    known !== undefined && known !== base && (from === undefined || known === from);
  const problem = `the draft ${familiarLocation(target)} does not know that its tag stands for ${base} now`;
  await unlessItFails(run, problem, async () => {
    // Read first, since most drafts have no base, and then need no lock.
    if (!isBased((await run.store.find(target))?.base)) return;
    await run.store.update(target, (draft) =>
      draft !== undefined && isBased(draft.base) ? { ...draft, base } : draft,
    );
  });
}

/** For what is done when the tags have moved already: it failing must not look as if they had not. */
export async function unlessItFails(
  run: ClientContext,
  problem: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof MultiarchError)) throw error;
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    run.onEvent?.({ kind: 'warning', message: `${problem}: ${error.message}${hint}` });
  }
}
