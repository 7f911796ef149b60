import type { Descriptor } from '../oci/descriptor.js';
import { type ManifestOrIndex, MAX_NESTED_INDEXES } from '../oci/document.js';
import { InvalidError } from '../oci/errors.js';

/**
 * Holds indexes within indexes to a depth that clients and registries can live with.
 * @param above how many indexes the document was reached through
 * @param label the place that the document is in
 * @throws InvalidError for an index that is too deep
 */
export function checkNesting(document: ManifestOrIndex, above: number, label: string): void {
  if (document.kind === 'manifest' || above < MAX_NESTED_INDEXES) return;
  throw new InvalidError(`${label} nests image indexes more than ${MAX_NESTED_INDEXES} deep`);
}

/**
 * Work on manifests and indexes, done once for each, however many indexes point to it: a few kilobytes of indexes that
 * list one another several times would otherwise stand for millions of images.
 */
export class OncePerManifest<T> {
  readonly #known = new Map<string, Promise<T>>();

  /** What was begun for this manifest, else the work, begun now. */
  do({ digest, size }: Descriptor, work: () => Promise<T>): Promise<T> {
    // One of another size is a mistake in the index, and only reading it tells.
    const key = `${digest} ${size}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const begun = work();
    this.#known.set(key, begun);
    return begun;
  }
}
