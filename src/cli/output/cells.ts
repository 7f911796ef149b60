import type { Inspection } from '../../client/inspection.js';
import {
  ATTESTATION_MANIFEST,
  REFERENCE_TYPE,
  attestedDigest,
  isAttestation,
} from '../../oci/attestation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { parseImageConfig } from '../../oci/image-config.js';
import {
  isImageConfigType,
  isIndexType,
  isManifestType,
  isNonDistributableType,
} from '../../oci/media-type.js';
import { formatPlatformFull, type LoosePlatform } from '../../oci/platform.js';
import { printable } from '../../oci/errors.js';

/**
 * The name of an inspected document, with a mark for drafts.
 * @param isEntry whether it is an image of an index; then the name is that of its source
 */
export function nameCell({ name, state }: Inspection, isEntry: boolean): string {
  return printable(state === 'draft' && !isEntry ? `${name} (draft)` : name);
}

/** A platform in full, or `-` if unknown. */
export function platformCell(platform: LoosePlatform | undefined): string {
  const isKnown = platform?.os !== undefined || platform?.architecture !== undefined;
  return isKnown ? printable(formatPlatformFull(platform)) : '-';
}

/** The media type of a layer, with a mark for non-distributable ones. */
export function layerCell({ mediaType }: Descriptor): string {
  return printable(isNonDistributableType(mediaType) ? `${mediaType} (non-distributable)` : mediaType);
}

/** The type of an index entry: `image`, `index`, `attestation`, `artifact TYPE`, or another media type. */
export function entryType({ mediaType, artifactType, annotations }: Descriptor): string {
  const type = annotations?.[REFERENCE_TYPE];
  if (type !== undefined) return printable(type === ATTESTATION_MANIFEST ? 'attestation' : type);
  if (artifactType !== undefined) return printable(`artifact ${artifactType}`);
  if (isIndexType(mediaType)) return 'index';
  return isManifestType(mediaType) ? 'image' : printable(mediaType);
}

/**
 * Returns a function that gives the image of an attestation, if it is in the same index. Attestations of attestations are
 * not supported.
 */
export function attestedImages<T extends { readonly descriptor: Descriptor }>(
  entries: readonly T[],
): (attestation: Descriptor) => T | undefined {
  const images = new Map<string | undefined, T>();
  for (const entry of entries) {
    const { descriptor } = entry;
    if (!isAttestation(descriptor) && !images.has(descriptor.digest)) images.set(descriptor.digest, entry);
  }
  return (attestation) => images.get(attestedDigest(attestation));
}

/**
 * The platform of an image, possibly incomplete: as its index states it, else as its config does. Empty for other
 * documents.
 * @param isEntry whether the image is an entry of an index; then the config is not read
 */
export async function inspectedPlatform(inspection: Inspection, isEntry: boolean): Promise<LoosePlatform> {
  const { name, descriptor, document } = inspection;
  if (descriptor.platform !== undefined) return descriptor.platform;
  if (isEntry || document.kind === 'index' || !isImageConfigType(document.value.config.mediaType)) return {};
  return parseImageConfig(await inspection.config(), `the config of ${name}`);
}
