import type { RecordedTag } from '../drafts/history-file.js';
import type { Digest } from '../oci/digest.js';
import { MultiarchError } from '../oci/errors.js';
import { familiarLocation, formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import type { CopyGraphOptions } from '../publish/copy-graph.js';
import type { Destination } from '../publish/target-state.js';
import { publish, type Publication, type PublishRequest, type TagChange } from '../publish/publish.js';
import type { ClientContext } from './client-context.js';

/** A destination with its name. */
type LocatedDestination = Destination & { readonly location: ImageLocation };

interface OpenPushRecord {
  readonly add: (destination: Destination, change: TagChange) => void;
  /** Saves the record if a tag has moved. Never throws: the push itself has succeeded. */
  readonly save: () => Promise<void>;
}

/**
 * Publishes, and records what the tags pointed to before, even if only some of them moved.
 * @param target the name of the record
 */
export async function publishRecorded(
  context: ClientContext,
  target: ImageLocation,
  request: PublishRequest,
  destinations: readonly LocatedDestination[],
  options: CopyGraphOptions,
): Promise<Publication> {
  const record = recordPush(context, target, request.document.digest, destinations);
  try {
    return await publish({ ...request, onTagChange: record.add }, options);
  } finally {
    await record.save();
  }
}

/**
 * Starts the record of a push, which `undo` reads. A push that moves no tag is not recorded: repeated, it would hide the
 * push that moved them.
 */
function recordPush(
  context: ClientContext,
  target: ImageLocation,
  digest: Digest,
  destinations: readonly LocatedDestination[],
): OpenPushRecord {
  const tags: RecordedTag[] = [];
  let hasMoved = false;
  return {
    add: (destination, { previous, outcome }) => {
      const location = destinations.find((open) => open === destination)?.location;
      // Another process cannot open an object, so `undo` could not move its tag.
      if (location === undefined || location.transport === 'object') return;
      tags.push({ reference: formatImageLocation(location), ...(previous !== undefined && { previous }) });
      hasMoved ||= outcome === 'moved';
    },
    save: async () => {
      if (!hasMoved) return;
      await unlessItFails(
        context,
        `multiarch undo will not know of this push of ${familiarLocation(target)}`,
        () => context.history.add(target, { digest, tags }),
      );
    },
  };
}

/**
 * Records in a draft that was started from its target's tag what the tag points to now, so that its next push expects that.
 * Never throws.
 *
 * @param from only if the draft expects this digest
 */
export async function rebaseDraft(
  context: ClientContext,
  target: ImageLocation,
  base: Digest,
  from?: Digest,
): Promise<void> {
  const isBased = (known: Digest | undefined): boolean =>
    known !== undefined && known !== base && (from === undefined || known === from);
  const problem = `the draft ${familiarLocation(target)} does not record that its tag points to ${base} now`;
  await unlessItFails(context, problem, async () => {
    // Read without the lock first, since most drafts have no base.
    if (!isBased((await context.store.find(target))?.base)) return;
    await context.store.update(target, (draft) =>
      draft !== undefined && isBased(draft.base) ? { ...draft, base } : draft,
    );
  });
}

/** Runs bookkeeping that follows a successful push: failures become warnings. */
export async function unlessItFails(
  context: ClientContext,
  problem: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof MultiarchError)) throw error;
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    context.onEvent?.({ kind: 'warning', message: `${problem}: ${error.message}${hint}` });
  }
}
