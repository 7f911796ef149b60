import type { Descriptor } from '../oci/descriptor.js';
import type { RefName } from '../oci/reference.js';
import type { ReadOptions } from './source.js';
import type { Target } from './target.js';

/** Returns what a tag of a target points to, and writing it would replace; `undefined` if the tag does not exist. */
export function findTag(
  target: Target,
  tag: RefName,
  options?: ReadOptions,
): Promise<Descriptor | undefined> {
  return target.findTag === undefined ? target.find(tag, options) : target.findTag(tag, options);
}
