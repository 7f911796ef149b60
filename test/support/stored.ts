import type { MemoryStore } from '../../src/content/memory-store.js';
import type { ManifestOrIndex } from '../../src/oci/document.js';
import { parseDocument } from '../../src/oci/parse.js';
import { parseTag } from '../../src/oci/reference.js';
import type { TinyImage, TinyIndex } from './tiny-image.mjs';

/** Puts an image, or an index with all its images, into a store, optionally under a tag. Returns its document. */
export async function storeContent(
  store: MemoryStore,
  content: TinyImage | TinyIndex,
  tag?: string,
): Promise<ManifestOrIndex> {
  const top = 'images' in content ? content : content.manifest;
  if ('images' in content) {
    for (const image of content.images) await storeContent(store, image);
  } else {
    for (const blob of [content.config, ...content.layers]) store.addBlob(blob.bytes, blob.mediaType);
  }
  const document = parseDocument(top.bytes, { mediaType: top.mediaType });
  await store.writeManifest(document, tag === undefined ? {} : { tag: parseTag(tag) });
  return document;
}
