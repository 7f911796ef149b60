import type { ReadOptions } from '../content/source.js';
import type { IndexDocument } from '../oci/document.js';
import { addReferrer, asReferrersList } from '../oci/referrers.js';
import type { Tag } from '../oci/reference.js';
import type { OpenLayout } from './archive-layout.js';
import { findTag } from './layout-index.js';
import { LayoutReader } from './layout-reader.js';

/**
 * Joins a list of referrers that is to be put under its tag with the one that is there by now: another process may have
 * added to it, and neither is to undo what the other did.
 *
 * @param path of the archive, for messages
 * @throws InvalidError where the tag holds something else
 */
export async function mergeReferrers(
  list: IndexDocument,
  tag: Tag,
  { index, files }: OpenLayout,
  path: string,
  options: ReadOptions,
): Promise<IndexDocument> {
  const entry = findTag(index, tag, path);
  if (entry === undefined || entry.digest === list.digest) return list;
  const layout = new LayoutReader({ label: path, files });
  // Theirs is what is added to: it may hold what is unknown here, and ours was made from what it was before.
  const theirs = asReferrersList(await layout.readManifest(entry.digest, options), `${path}:${tag}`);
  return list.value.manifests.reduce((merged, referrer) => addReferrer(merged, referrer), theirs);
}
