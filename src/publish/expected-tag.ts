import { findTag } from '../content/find-tag.js';
import { unlimited, type TaskOptions } from '../content/limit.js';
import type { Digest } from '../oci/digest.js';
import { ConflictError } from '../oci/errors.js';
import type { Destination } from './target-state.js';

/** The digest that a tag must have before it is moved; 'none' if it must not exist. */
export type ExpectedTag = Digest | 'none';

/**
 * Checks that a tag has not moved since the caller read it. A tag that already has the new digest passes, so that a job
 * can be run again. Registries have no compare-and-set: a tag moved between this check and the push goes unnoticed.
 *
 * @param next the digest that the tag is about to get
 * @throws ConflictError with both digests, UnauthorizedError if the registry denies access to the tag
 */
export async function checkExpectedTag(
  { target, tag }: Destination,
  expected: ExpectedTag,
  next: Digest,
  options: TaskOptions = {},
): Promise<void> {
  if (tag === undefined) return;
  const { limit = unlimited } = options;
  const current = (await limit(() => findTag(target, tag, options)))?.digest ?? 'none';
  if (current === expected || current === next) return;
  throw new ConflictError(
    `${target.label}:${tag} was expected to hold ${describe(expected)}, but holds ${describe(current)}`,
    {
      hint: 'Check what has been published since, and start from that; or use --expect-current any.',
    },
  );
}

function describe(state: ExpectedTag): string {
  return state === 'none' ? 'no image' : state;
}
