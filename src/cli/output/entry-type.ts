import type { Descriptor } from '../../oci/descriptor.js';
import { isIndexType, isManifestType } from '../../oci/media-type.js';
import {
  ATTESTATION_MANIFEST,
  REFERENCE_TYPE,
  attestedDigest,
  isAttestation,
} from '../../oci/attestation.js';

/** What an entry of an index is, in a word or two. */
export function entryType({ mediaType, artifactType, annotations }: Descriptor): string {
  const type = annotations?.[REFERENCE_TYPE];
  if (type !== undefined) return type === ATTESTATION_MANIFEST ? 'attestation' : type;
  if (artifactType !== undefined) return `artifact ${artifactType}`;
  if (isIndexType(mediaType)) return 'index';
  return isManifestType(mediaType) ? 'image' : mediaType;
}

/** The image that a statement is about, where it is in the same index. Statements about statements are not known. */
export function attestedImage<T extends { readonly descriptor: Descriptor }>(
  statement: Descriptor,
  entries: readonly T[],
): T | undefined {
  const digest = attestedDigest(statement);
  if (digest === undefined) return undefined;
  return entries.find(({ descriptor }) => descriptor.digest === digest && !isAttestation(descriptor));
}
