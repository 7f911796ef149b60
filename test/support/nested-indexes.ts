import type { MemoryStore } from '../../src/content/memory-store.js';
import { documentDescriptor, type IndexDocument } from '../../src/oci/document.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { OCI_INDEX } from '../../src/oci/media-type.js';
import { createIndexDocument } from '../../src/oci/serialise.js';

/** How often each of {@link nestedIndexes} lists what it holds. */
const TIMES = 60;

/**
 * Indexes within one another around an image, each of which lists the next one many times: with four of them, a few
 * kilobytes reach millions of images. The outermost comes last.
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

/** As {@link nestedIndexes}, of an image that the store holds, and put into it; gives the outermost. */
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
