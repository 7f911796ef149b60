import { unlimited, type TaskOptions } from '../content/limit.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { OtherDigestError, type FailedTag } from '../oci/errors.js';
import type { RefName } from '../oci/reference.js';
import { mayBeDone, readCurrent, type Current } from './settle-write.js';
import { repositoryLabel } from './tag-change.js';
import { digestOfState, type Destination, type TagState } from './target-state.js';

/** A tag that a push has moved. */
export interface MovedTag {
  /** What was pushed. */
  readonly document: ManifestOrIndex;
  readonly destination: Destination;
  readonly tag: RefName;
  readonly before: TagState;
}

/** A tag whose write failed, and what it points to since. */
export interface FailedWrite extends MovedTag {
  readonly found: Current;
}

interface MoveBackOptions extends TaskOptions {
  /** Why the push failed. */
  readonly error: unknown;
  /** Reports whether a tag may be deleted if the push created it. */
  readonly mayDelete: (tag: MovedTag) => boolean;
}

/**
 * Moves tags back to what they pointed to before a push, the last one first, and deletes those that did not exist. Each tag
 * is read right before, and left alone if it no longer points to what was pushed. Never throws.
 *
 * @param moved in the order in which they moved
 * @param last the tag whose write failed, if any; it may have moved
 * @returns what each tag points to now; without `last` if it has not moved
 */
export async function moveBack(
  moved: readonly MovedTag[],
  last: FailedWrite | undefined,
  options: MoveBackOptions,
): Promise<FailedTag[]> {
  const { error } = options;
  const ownOf = ({ document }: MovedTag): Set<string> =>
    new Set([document.digest, ...(error instanceof OtherDigestError ? [error.stored] : [])]);
  const isLastMoved = last !== undefined && mayHaveMoved(last.found, ownOf(last), error);
  const all = [...moved, ...(isLastMoved ? [last] : [])].toReversed();
  const documents = all.map((each) => readPrevious(each, options));
  const tags: FailedTag[] = [];
  for (const [position, each] of all.entries()) {
    const { document, destination, tag, before } = each;
    const own = ownOf(each);
    let current = await readCurrent(destination.target, tag, options);
    if (own.has(current ?? '')) {
      await restore(each, await documents[position], options);
      current = await readCurrent(destination.target, tag, options);
    }
    const previous = digestOfState(before);
    const digest = current === 'unknown' ? document.digest : current;
    tags.push({
      reference: `${repositoryLabel(destination.target)}:${tag}`,
      outcome: outcomeOf(current, before, own),
      ...(digest !== undefined && { digest }),
      ...(previous !== undefined && { previous }),
    });
  }
  return tags;
}

/** Reports whether the tag of a write that failed may have moved. */
function mayHaveMoved(found: Current, own: ReadonlySet<string>, error: unknown): boolean {
  return found === 'unknown' ? mayBeDone(error) : own.has(found ?? '');
}

function outcomeOf(current: Current, before: TagState, own: ReadonlySet<string>): FailedTag['outcome'] {
  if (current === 'unknown') return 'unknown';
  if (before !== 'denied' && current === digestOfState(before)) return 'restored';
  return own.has(current ?? '') ? 'moved' : 'replaced';
}

/** Tries to move a tag back, or to delete it. */
async function restore(
  moved: MovedTag,
  previous: ManifestOrIndex | undefined,
  { mayDelete, limit = unlimited, signal }: MoveBackOptions,
): Promise<void> {
  const { destination, tag, before } = moved;
  const { target } = destination;
  try {
    if (previous !== undefined) {
      await limit(() => target.writeManifest(previous, { tag, signal }));
      await limit(async () => target.commit?.({ signal }));
    } else if (before === undefined && mayDelete(moved)) {
      await limit(async () => target.delete?.(tag, { signal }));
    }
  } catch {
    // The tag is read again to see the outcome. The error of the push is the one to report.
  }
}

/** Reads what a tag pointed to before; `undefined` if it pointed to nothing, or the target no longer has it. */
async function readPrevious(
  { destination: { target }, before }: MovedTag,
  { limit = unlimited, signal }: TaskOptions,
): Promise<ManifestOrIndex | undefined> {
  const digest = digestOfState(before);
  if (digest === undefined) return undefined;
  try {
    return await limit(() => target.readManifest(digest, { signal }));
  } catch {
    return undefined;
  }
}
