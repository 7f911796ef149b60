import { REFERENCE_DIGEST, REFERENCE_TYPE } from './annotation.js';
import type { Descriptor } from './descriptor.js';
import type { Platform } from './platform.js';

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
