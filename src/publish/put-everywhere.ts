import { checkCancelled } from '../content/cancellation.js';
import type { OnEvent } from '../content/events.js';
import type { TaskOptions } from '../content/limit.js';
import type { Target } from '../content/target.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { isMultiarchError } from '../oci/errors.js';
import { describeFailedTag, withFailedTags } from '../oci/failed-tags.js';
import { CleanUp } from './clean-up.js';
import { moveBack, type FailedWrite, type MovedTag } from './move-back.js';
import { putInTurn } from './put-in-turn.js';
import { settleWrite } from './settle-write.js';
import type { TagChange } from './tag-change.js';
import type { Destination, TagState } from './target-state.js';

/** A destination, and what the push does to its tag. */
interface Put {
  readonly target: Target;
  readonly destination: Destination;
  readonly before: TagState;
  /** `undefined` for a destination without a tag. */
  readonly change: TagChange | undefined;
}

interface PutOptions extends TaskOptions {
  readonly onEvent?: OnEvent | undefined;
}

/**
 * Puts a document in every destination, one after the other. A write that failed is done if its destination has the
 * document: only the response was lost. After any other failure, the tags that have moved are moved back.
 *
 * @param write puts the document in a destination
 * @returns the tag changes, in the order in which they became durable
 * @throws what `write` throws, with the tags that had moved
 */
export async function putEverywhere(
  document: ManifestOrIndex,
  puts: readonly Put[],
  write: (destination: Destination) => Promise<void>,
  options: PutOptions,
): Promise<TagChange[]> {
  const { limit, signal, onEvent } = options;
  const { digest } = document;
  const done: TagChange[] = [];
  const moved: MovedTag[] = [];
  /** The tag whose write failed. */
  let last: FailedWrite | undefined;
  const cleanUp = new CleanUp(signal);
  const put = async (each: Put): Promise<void> => {
    if (each.change?.outcome === 'unchanged') return;
    checkCancelled(signal);
    const { target, destination, change } = each;
    const written = { target, selector: destination.tag ?? digest, digest };
    const failure = await settleWrite(written, () => write(destination), { ...options, cleanUp });
    if (failure === undefined) return;
    if (change !== undefined) last = { ...each, tag: change.tag, found: failure.found };
    throw failure.error;
  };
  const onCommitted = ({ target, destination, before, change }: Put): void => {
    if (change === undefined) return;
    const { tag, outcome } = change;
    onEvent?.({ kind: 'tagged', repository: target.label, tag, digest, outcome });
    done.push(change);
    if (outcome === 'moved') moved.push({ destination, tag, before });
  };
  try {
    await putInTurn(puts, { put, onCommitted }, options);
    return done;
  } catch (error) {
    const tags = await moveBack(document, moved, last, {
      limit,
      signal: cleanUp.start(),
      error,
      // A registry may delete the manifest with its tag, and other tags with it.
      mayDelete: (target) =>
        !puts.some((each) => each.target === target && each.change?.outcome === 'unchanged'),
    });
    if (isMultiarchError(error)) throw withFailedTags(error, tags);
    for (const tag of tags) onEvent?.({ kind: 'warning', message: describeFailedTag(tag) });
    throw error;
  } finally {
    cleanUp.stop();
  }
}
