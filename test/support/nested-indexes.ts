import type { MemoryStore } from '../../src/content/memory-store.js';
import { documentDescriptor, type IndexDocument } from '../../src/oci/document.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { OCI_INDEX } from '../../src/oci/media-type.js';
import { createIndexDocument } from '../../src/oci/serialise.js';

/** The number of entries of each of {@link nestedIndexes}. */
const TIMES = 60;

/**
 * Nested indexes around an image, each of which lists the next one many times: with four levels, a few kilobytes refer to
 * millions of images. The outermost index is last.
 */
export function nestedIndexes(image: Descriptor, levels: number): IndexDocument[] {
  const indexes: IndexDocument[] = [];
  let within = image;
  for (let level = 0; level < levels; level += 1) {
    const manifests = Array.from({ length: TIMES }, () => within);
    const index = createIndexDocument({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
    indexes.push(index);
    within = documentDescriptor(index);
  }
  return indexes;
}

/** Puts {@link nestedIndexes} of an image in a store into the store. Returns the outermost index. */
export async function storeNested(
  store: MemoryStore,
  image: Descriptor,
  levels: number,
): Promise<IndexDocument> {
  const indexes = nestedIndexes(image, levels);
  for (const index of indexes) await store.writeManifest(index);
  const outermost = indexes.at(-1);
  if (outermost === undefined) throw new Error('no index');
  return outermost;
}
