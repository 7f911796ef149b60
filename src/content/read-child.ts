import type { Descriptor } from '../oci/descriptor.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { InvalidError } from '../oci/errors.js';
import type { ReadManifestOptions, Source } from './source.js';

/**
 * Reads a manifest that an index lists, and checks its size against the index: clients reject an index with wrong sizes,
 * but most registries do not check them (image-spec, "Content Descriptors", "size").
 * @param options.allowKept set to false where a missing manifest is an outcome, not a failure. @default true
 * @throws InvalidError if the size differs, and what the source throws
 */
export async function readChild(
  source: Source,
  descriptor: Descriptor,
  { signal, allowKept = true }: ReadManifestOptions = {},
): Promise<ManifestOrIndex> {
  const { digest, size } = descriptor;
  const document = await source.readManifest(digest, { signal, allowKept });
  if (document.bytes.length === size) return document;
  throw new InvalidError(
    `${source.label}@${digest} has ${document.bytes.length} bytes, but its index says ${size}`,
  );
}
