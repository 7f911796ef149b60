import { JoinedSignal } from '../content/cancellation.js';
import { findTag } from '../content/find-tag.js';
import {
  beginPush,
  isRunning,
  type PushGroup,
  type PushRecord,
  type RecordedTag,
} from '../drafts/history-file.js';
import type { Digest } from '../oci/digest.js';
import { isMultiarchError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  isTargetLocation,
  nameIn,
  parseImageLocation,
  type ImageLocation,
} from '../oci/image-location.js';
import type { PlannedChange } from '../publish/put-documents.js';
import { mayBeDone } from '../publish/settle-write.js';
import type { Access } from '../registry/requests.js';
import type { ClientContext } from './client-context.js';
import type { OpenDestinations } from './destinations.js';
import { unlessItFails } from './unless-it-fails.js';

/** In milliseconds. Short, since tags wait for it, and other processes hold the lock for moments only. */
const LOCK_TIMEOUT = 5_000;
/** The time limit for reading the tags of unfinished pushes, in milliseconds. */
const SETTLE_LIMIT = 5_000;

/** How many of the tags that an unfinished push was to move have its digest. */
type Extent = 'none' | 'some' | 'all';

/** An unfinished push, and how far it got. */
interface UnfinishedPush {
  readonly push: PushRecord;
  readonly extent: Extent;
  /** Whether its process is known to be running, so that the record is its own to change. */
  readonly isRunning: boolean;
}

/** Reads what a recorded tag points to now. */
export type ReadTag = (reference: string) => Promise<Digest | undefined>;

/**
 * The record of one push in the history. It is written before the first tag moves, so that `undo` knows of a push that is
 * killed. Nothing here makes a push fail: what cannot be recorded is a warning.
 */
export class PushJournal {
  readonly #context: ClientContext;
  readonly #target: ImageLocation;
  readonly #digest: Digest;
  readonly #destinations: OpenDestinations;
  readonly #together: PushGroup | undefined;
  #record: (PushRecord & { readonly unfinished: string }) | undefined;
  /** The IDs of the unfinished pushes that this one continues. */
  #continued: ReadonlySet<string | undefined> = new Set();

  /**
   * @param target the name of the record
   * @param together the lists that are pushed together with it
   */
  constructor(
    context: ClientContext,
    target: ImageLocation,
    push: { readonly digest: Digest; readonly destinations: OpenDestinations },
    together?: PushGroup,
  ) {
    this.#context = context;
    this.#target = target;
    this.#digest = push.digest;
    this.#destinations = push.destinations;
    this.#together = together;
  }

  /**
   * Records what the tags point to before they move. A push that moves no tag is not recorded: repeated, it would hide the
   * push that moved them.
   */
  async begin(changes: readonly PlannedChange[]): Promise<void> {
    const named = changes.flatMap(({ destination, change }) => {
      const location = this.#destinations.find((open) => open === destination)?.location;
      // Another process cannot open an object, so `undo` could not move its tag.
      if (location === undefined || location.transport === 'object') return [];
      return [{ reference: formatImageLocation(location), ...change }];
    });
    if (!named.some(({ outcome }) => outcome === 'moved')) return;
    const { history, signal } = this.#context;
    const problem = `multiarch undo will not know of this push of ${familiarLocation(this.#target)}`;
    await unlessItFails(this.#context, problem, async () => {
      const unfinished = await this.#unfinishedPushes();
      const halves = unfinished.flatMap(({ push, extent }) => (extent === 'some' ? [push] : []));
      const record = beginPush({
        digest: this.#digest,
        tags: named.map(({ reference, previous }) =>
          continued({ reference, previous }, this.#digest, halves),
        ),
        ...(this.#together !== undefined && { together: this.#together }),
      });
      // A push that is running changes its record itself.
      const ended = unfinished.filter((each) => !each.isRunning);
      const byId = new Map(ended.map(({ push, extent }) => [push.unfinished, extent]));
      await history.edit(
        this.#target,
        (pushes) => [...pushes.flatMap((push) => settled(push, byId.get(push.unfinished))), record],
        { signal, holderTimeout: LOCK_TIMEOUT },
      );
      this.#record = record;
      this.#continued = new Set(halves.map((push) => push.unfinished).filter((id) => byId.has(id)));
    });
  }

  /** Records that all tags have moved. */
  async complete(): Promise<void> {
    const record = this.#record;
    if (record === undefined) return;
    const { unfinished, process: _, ...finished } = record;
    const own = new Set(record.tags.map(({ reference }) => reference));
    const next = (push: PushRecord): PushRecord[] => {
      if (push.unfinished === unfinished) return [finished];
      // Another one may be running.
      if (!isUnfinished(push) || !this.#continued.has(push.unfinished)) return [push];
      const tags = push.tags.filter(({ reference }) => !own.has(reference));
      return tags.length === 0 ? [] : [{ ...push, tags }];
    };
    const problem = `this push of ${familiarLocation(this.#target)} stays recorded as unfinished`;
    await unlessItFails(this.#context, problem, () =>
      this.#context.history.edit(this.#target, (pushes) => {
        const isKnown = pushes.some((push) => push.unfinished === unfinished);
        return [...pushes.flatMap(next), ...(isKnown ? [] : [finished])];
      }),
    );
  }

  /** Removes the record of a push that failed, or records that it has ended if a tag has moved or may have moved. */
  async fail(error: unknown): Promise<void> {
    const record = this.#record;
    if (record === undefined) return;
    const { process: _, ...ended } = record;
    const left = mayHaveMoved(error) ? [ended] : [];
    const problem = `this push of ${familiarLocation(this.#target)} stays recorded as running`;
    await unlessItFails(this.#context, problem, () =>
      this.#context.history.edit(this.#target, (pushes) =>
        pushes.flatMap((push) => (push.unfinished === record.unfinished ? left : [push])),
      ),
    );
  }

  /** The unfinished pushes of the target whose tags can be read, the oldest first. */
  async #unfinishedPushes(): Promise<readonly UnfinishedPush[]> {
    const pushes = (await this.#context.history.load(this.#target)).filter(isUnfinished);
    const limited = new JoinedSignal([this.#context.signal, AbortSignal.timeout(SETTLE_LIMIT)]);
    const known = await limited.during((signal) => {
      const readTag = tagReader({ ...this.#context, signal }, 'pull');
      return Promise.all(
        pushes.map(async (push) => {
          try {
            return [{ push, extent: await extentOf(push, readTag), isRunning: await isRunning(push) }];
          } catch {
            // It stays unfinished.
            return [];
          }
        }),
      );
    });
    return known.flat();
  }
}

/** Reports whether a recorded push was killed, or failed with an unknown outcome. */
export function isUnfinished(push: PushRecord): boolean {
  return push.unfinished !== undefined;
}

/** Reads the tags of a recorded push. @throws what `readTag` throws */
export async function extentOf(
  { digest, tags }: Pick<PushRecord, 'digest' | 'tags'>,
  readTag: ReadTag,
): Promise<Extent> {
  const planned = tags.filter(({ previous, replaced }) => (replaced ?? previous) !== digest);
  const current = await Promise.all(planned.map(({ reference }) => readTag(reference)));
  const moved = current.filter((each) => each === digest).length;
  if (moved === 0) return 'none';
  return moved === planned.length ? 'all' : 'some';
}

/** Returns a function that reads recorded tags, each of them once. It throws what the targets throw. */
export function tagReader(context: ClientContext, access: Access): ReadTag {
  const { limit, signal } = context;
  const known = new Map<string, Promise<Digest | undefined>>();
  const read: ReadTag = async (reference) => {
    const location = parseImageLocation(reference);
    const tag = isTargetLocation(location) ? nameIn(location).tag : undefined;
    if (!isTargetLocation(location) || tag === undefined) return undefined;
    const target = await context.transports.openTarget(location, access);
    return (await limit(() => findTag(target, tag, { signal })))?.digest;
  };
  return (reference) => {
    const reading = known.get(reference) ?? read(reference);
    known.set(reference, reading);
    return reading;
  };
}

/**
 * Returns the record of a tag. If an unfinished push has moved the tag, and not all of its other tags, what it replaced is
 * what `undo` has to restore.
 */
function continued(
  { reference, previous }: { readonly reference: string; readonly previous: Digest | undefined },
  digest: Digest,
  halves: readonly PushRecord[],
): RecordedTag {
  const half = halves.findLast(
    (push) => push.digest === previous && push.tags.some((tag) => tag.reference === reference),
  );
  if (half === undefined) return { reference, ...(previous !== undefined && { previous }) };
  const before = half.tags.find((tag) => tag.reference === reference)?.previous;
  return {
    reference,
    ...(before !== undefined && { previous: before }),
    ...(previous !== undefined && previous !== digest && previous !== before && { replaced: previous }),
  };
}

/** Returns what is left of a record, once it is known how far its push got. */
function settled(push: PushRecord, extent: Extent | undefined): PushRecord[] {
  if (!isUnfinished(push) || extent === undefined || extent === 'some') return [push];
  const { unfinished: _u, process: _p, ...finished } = push;
  return extent === 'none' ? [] : [finished];
}

function mayHaveMoved(error: unknown): boolean {
  if (isMultiarchError(error) && error.tags.some(({ outcome }) => outcome !== 'restored')) return true;
  return mayBeDone(error);
}
