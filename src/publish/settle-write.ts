import type { OnEvent } from '../content/events.js';
import { findTag } from '../content/find-tag.js';
import { unlimited, type TaskOptions } from '../content/limit.js';
import type { Selector } from '../content/source.js';
import type { Target } from '../content/target.js';
import { isDigest, type Digest } from '../oci/digest.js';
import { isMultiarchError } from '../oci/errors.js';
import type { CleanUp } from './clean-up.js';

/** What a tag points to: `undefined` if it does not exist, `unknown` if it cannot be read. */
export type Current = Digest | 'unknown' | undefined;

/** A write that failed, and what its tag points to since. */
export interface WriteFailure {
  readonly error: unknown;
  readonly found: Current;
}

interface SettleOptions extends TaskOptions {
  readonly onEvent?: OnEvent | undefined;
  readonly cleanUp: CleanUp;
}

/**
 * Writes a document under a tag, or by its digest, and reads back what a write that failed has left, also after a
 * cancellation. If its outcome is unknown and the target has the document, the write is done. A registry looks up a lost
 * response itself before it repeats a write; this is about writes that it has given up.
 *
 * @returns `undefined` if the document is written
 */
export async function settleWrite(
  {
    target,
    selector,
    digest,
  }: { readonly target: Target; readonly selector: Selector; readonly digest: Digest },
  write: () => Promise<unknown>,
  { limit, signal, onEvent, cleanUp }: SettleOptions,
): Promise<WriteFailure | undefined> {
  try {
    await write();
    return undefined;
  } catch (error) {
    // A target that commits does not have what is written to it before its commit.
    const found =
      target.commit === undefined
        ? await readCurrent(target, selector, { limit, signal: cleanUp.start() })
        : undefined;
    if (found !== digest || !mayBeDone(error)) return { error, found };
    cleanUp.stop();
    if (signal?.aborted !== true && error instanceof Error) {
      onEvent?.({ kind: 'warning', message: `${error.message}; it was written nevertheless` });
    }
    return undefined;
  }
}

/** Reports whether a write that failed may have been done. A target that rejected it says no, whatever it has stored. */
export function mayBeDone(error: unknown): boolean {
  return !isMultiarchError(error) || ['cancelled', 'failed', 'unavailable'].includes(error.kind);
}

/** Reads what a tag points to, or whether a digest exists. Never throws. */
export async function readCurrent(
  target: Target,
  selector: Selector,
  { limit = unlimited, signal }: TaskOptions,
): Promise<Current> {
  const options = { signal };
  try {
    const found = await limit(() =>
      isDigest(selector) ? target.find(selector, options) : findTag(target, selector, options),
    );
    return found?.digest;
  } catch {
    return 'unknown';
  }
}
