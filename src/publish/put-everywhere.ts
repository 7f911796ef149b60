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

/** A document, a destination of it, and what the push does to its tag. */
export interface Put {
  readonly document: ManifestOrIndex;
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
 * Puts documents in their destinations, one after the other. A write that failed is done if its destination has the
 * document: only the response was lost. After any other failure, the tags that have moved are moved back.
 *
 * @param write puts a document in its destination
 * @returns what was put under a tag, in the order in which it became durable
 * @throws what `write` throws, with the tags that had moved
 */
export async function putEverywhere<P extends Put>(
  puts: readonly P[],
  write: (put: P) => Promise<void>,
  options: PutOptions,
): Promise<P[]> {
  const { limit, signal, onEvent } = options;
  const done: P[] = [];
  const moved: MovedTag[] = [];
  /** The tag whose write failed. */
  let last: FailedWrite | undefined;
  const cleanUp = new CleanUp(signal);
  const put = async (each: P): Promise<void> => {
    if (each.change?.outcome === 'unchanged') return;
    checkCancelled(signal);
    const { target, destination, change } = each;
    const { digest } = each.document;
    const written = { target, selector: destination.tag ?? digest, digest };
    const failure = await settleWrite(written, () => write(each), { ...options, cleanUp });
    if (failure === undefined) return;
    if (change !== undefined) last = { ...each, tag: change.tag, found: failure.found };
    throw failure.error;
  };
  const onCommitted = (each: P): void => {
    const { document, target, destination, before, change } = each;
    if (change === undefined) return;
    const { tag, outcome } = change;
    onEvent?.({ kind: 'tagged', repository: target.label, tag, digest: document.digest, outcome });
    done.push(each);
    if (outcome === 'moved') moved.push({ document, destination, tag, before });
  };
  try {
    await putInTurn(puts, { put, onCommitted }, options);
    return done;
  } catch (error) {
    const tags = await moveBack(moved, last, {
      limit,
      signal: cleanUp.start(),
      error,
      // A registry may delete the manifest with its tag, and other tags of it too.
      mayDelete: ({ destination: { target }, document: { digest } }) =>
        !puts.some(
          (each) =>
            each.target === target && each.document.digest === digest && each.change?.outcome === 'unchanged',
        ),
    });
    if (isMultiarchError(error)) throw withFailedTags(error, tags);
    for (const tag of tags) onEvent?.({ kind: 'warning', message: describeFailedTag(tag) });
    throw error;
  } finally {
    cleanUp.stop();
  }
}
