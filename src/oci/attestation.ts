import type { Descriptor } from './descriptor.js';
import type { Platform } from './platform.js';

/** BuildKit's mark on an index entry that is not an image but a statement about one. */
export const REFERENCE_TYPE = 'vnd.docker.reference.type';
/** The digest of the image that such an entry speaks about. */
export const REFERENCE_DIGEST = 'vnd.docker.reference.digest';
/** The value of {@link REFERENCE_TYPE} for provenance and SBOM statements. */
export const ATTESTATION_MANIFEST = 'attestation-manifest';
/** Whether an entry of an index is a statement about an image, such as BuildKit's provenance, rather than an image. */
export function isAttestation({ annotations }: Descriptor): boolean {
  return annotations?.[REFERENCE_TYPE] !== undefined;
}
/** The digest that a statement names as that of its image, as written; `undefined` for what is no statement. */
export function attestedDigest(descriptor: Descriptor): string | undefined {
  return isAttestation(descriptor) ? descriptor.annotations?.[REFERENCE_DIGEST] : undefined;
}
/** What the images of an index run on, in its order. Statements about them do not count, nor what says no platform. */
export function imagePlatforms(manifests: readonly Descriptor[]): readonly Platform[] {
  return manifests.flatMap((entry) => (isAttestation(entry) ? [] : (entry.platform ?? [])));
}
