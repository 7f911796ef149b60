import { childrenOf, type ManifestOrIndex } from '../oci/document.js';
import type { Digest } from '../oci/digest.js';
import { InvalidError } from '../oci/errors.js';
import { isNonDistributableType } from '../oci/media-type.js';

/**
 * Checks, as registries do, that everything a manifest points to has been stored before the manifest itself.
 * Non-distributable layers may be missing (image-spec, "Non-Distributable Layers").
 *
 * @param sizeOf returns the size in bytes of the content stored under a digest; `undefined` if it is missing
 * @throws InvalidError with every digest that is missing, or stored with another size than the document says
 */
export async function checkChildren(
  document: ManifestOrIndex,
  label: string,
  sizeOf: (digest: Digest) => Promise<number | undefined>,
): Promise<void> {
  const children = childrenOf(document).filter((child) => !isNonDistributableType(child.mediaType));
  const sizes = await Promise.all(children.map((child) => sizeOf(child.digest)));
  const wrong = children.flatMap((child, position) => {
    const size = sizes[position];
    if (size === undefined) return [child.digest];
    return size === child.size ? [] : [`${child.digest} (${size} bytes here, ${child.size} expected)`];
  });
  if (wrong.length === 0) return;
  throw new InvalidError(
    `${document.digest} points to content that ${label} does not hold: ${[...new Set(wrong)].join(', ')}`,
    { hint: 'Copy what it points to first.' },
  );
}
