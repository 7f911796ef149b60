import type { Target } from '../content/target.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { formatRepository, type RefName } from '../oci/reference.js';
import { digestOfState, type Destination, type TagState } from './target-state.js';

/** What a push did to one tag. */
export interface TagChange {
  readonly repository: string;
  readonly tag: RefName;
  /** The tag's digest before the push; absent if the tag did not exist. */
  readonly previous?: Digest;
  readonly outcome: 'unchanged' | 'moved';
}

/** What publishing a document does to a destination's tag; `undefined` for a destination without a tag. */
export function tagChange(
  document: ManifestOrIndex,
  { target, tag }: Destination,
  before: TagState,
): TagChange | undefined {
  if (tag === undefined) return undefined;
  const previous = digestOfState(before);
  return {
    repository: repositoryLabel(target),
    tag,
    ...(previous !== undefined && { previous }),
    outcome: previous === document.digest ? 'unchanged' : 'moved',
  };
}

/** The full name of a repository, as docker prints it, or the path of a layout. */
export function repositoryLabel(target: Pick<Target, 'label' | 'repository'>): string {
  return target.repository === undefined ? target.label : formatRepository(target.repository);
}
