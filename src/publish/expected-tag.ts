import { unlimited } from '../content/limit.js';
import type { Digest } from '../oci/digest.js';
import { ConflictError } from '../oci/errors.js';
import type { Destination, PlanOptions } from './target-state.js';

/** What a tag must stand for when it is moved: this digest, or nothing yet. */
export type ExpectedTag = Digest | 'none';

/**
 * Refuses to go on where a tag is not as the caller believes: someone else has published meanwhile. A tag that stands
 * for the new index already is fine, so that a job that is run again succeeds. Registries cannot compare and set, so
 * a moment stays between this look and the move.
 *
 * @param next the digest that the tag is to stand for
 * @throws ConflictError with both digests, UnauthorizedError where the registry does not let us see the tag
 */
export async function checkExpectedTag(
  { target, tag }: Destination,
  expected: ExpectedTag,
  next: Digest,
  options: PlanOptions = {},
): Promise<void> {
  if (tag === undefined) return;
  const { limit = unlimited } = options;
  const current = (await limit(() => target.find(tag, options)))?.digest ?? 'none';
  if (current === expected || current === next) return;
  const said = (state: ExpectedTag): string => (state === 'none' ? 'no image' : state);
  throw new ConflictError(
    `${target.label}:${tag} was expected to hold ${said(expected)}, but holds ${said(current)}`,
    {
      hint: 'Look at what was published meanwhile, and start again from it; or use --expect-current any.',
    },
  );
}
