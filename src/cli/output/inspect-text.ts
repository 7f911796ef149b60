import type { Inspection } from '../../client/inspection.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { isNonDistributableType } from '../../oci/media-type.js';
import { formatPlatformFull, type LoosePlatform } from '../../oci/platform.js';
import { printable } from '../../oci/errors.js';

// Texts out of documents go to a terminal here, so nothing in them may be what a terminal obeys.

/** What is shown, and whether it is a draft. */
export function nameCell({ name, origin }: Inspection): string {
  return origin === 'draft' ? `${name} (draft)` : name;
}

/** A platform in full, `-` where none is stated. */
export function platformCell(platform: LoosePlatform | undefined): string {
  const isStated = platform?.os !== undefined || platform?.architecture !== undefined;
  return isStated ? printable(formatPlatformFull(platform)) : '-';
}

/** A layer's media type, and whether it is not to be distributed. */
export function layerCell({ mediaType }: Descriptor): string {
  return printable(isNonDistributableType(mediaType) ? `${mediaType} (non-distributable)` : mediaType);
}
