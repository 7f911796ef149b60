import type { Descriptor } from '../oci/descriptor.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { InvalidError } from '../oci/errors.js';
import type { ReadOptions, Source } from './source.js';

/**
 * Reads a manifest that an index lists, and checks its size against the index: clients reject an index with wrong sizes,
 * but most registries do not check them (image-spec, "Content Descriptors", "size").
 * @throws InvalidError if the size differs, and what the source throws
 */
export async function readChild(
  source: Source,
  descriptor: Descriptor,
  options?: ReadOptions,
): Promise<ManifestOrIndex> {
  const { digest, size } = descriptor;
  const document = await source.readManifest(digest, { ...options, isListed: true });
  if (document.bytes.length === size) return document;
  throw new InvalidError(
    `${source.label}@${digest} has ${document.bytes.length} bytes, but its index says ${size}`,
  );
}
