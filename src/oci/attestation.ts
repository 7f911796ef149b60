import type { Descriptor } from './descriptor.js';
import { documentDescriptor, type ManifestOrIndex } from './document.js';
import type { Digest } from './digest.js';
import { OCI_CONFIG, OCI_EMPTY } from './media-type.js';
import type { Platform } from './platform.js';

/** The annotation by which BuildKit marks an index entry as an attestation. */
export const REFERENCE_TYPE = 'vnd.docker.reference.type';
/** The annotation with the digest of the attested image. */
export const REFERENCE_DIGEST = 'vnd.docker.reference.digest';
/** The value of {@link REFERENCE_TYPE} for provenance and SBOM attestations. */
export const ATTESTATION_MANIFEST = 'attestation-manifest';

/** Reports whether an index entry is an attestation, such as BuildKit's provenance, rather than an image. */
export function isAttestation({ annotations }: Descriptor): boolean {
  return annotations?.[REFERENCE_TYPE] !== undefined;
}

/** Reports whether an index entry may be an image, as opposed to a provenance or SBOM attestation or an artifact. */
export function mayBeImage({ annotations, artifactType }: Descriptor): boolean {
  return annotations?.[REFERENCE_TYPE] !== ATTESTATION_MANIFEST && artifactType === undefined;
}

/** The media types of the layers of attestations: in-toto statements, plain or in an envelope (DSSE). */
const IN_TOTO_TYPE = /^application\/vnd\.in-toto(?:\.[^+]*)?\+/;

/** Reports whether a document is an attestation or another artifact, by its content. */
export function isArtifact(document: ManifestOrIndex): boolean {
  if (document.kind === 'index') return document.value.artifactType !== undefined;
  const { config, layers } = document.value;
  return (
    documentDescriptor(document).artifactType !== undefined ||
    config.mediaType === OCI_EMPTY ||
    layers.some(({ mediaType }) => IN_TOTO_TYPE.test(mediaType))
  );
}

/** The artifact type of BuildKit's attestations that are attached by referrers. */
const ATTESTATION_TYPE = 'application/vnd.docker.attestation.manifest.v1+json';

/** Reports whether a manifest is an attestation that an index can list: its layers are in-toto statements. */
export function isAttestationManifest(document: ManifestOrIndex): boolean {
  if (document.kind === 'index') return false;
  const { artifactType, layers } = document.value;
  if (artifactType === ATTESTATION_TYPE) return true;
  return layers.length > 0 && layers.every(({ mediaType }) => IN_TOTO_TYPE.test(mediaType));
}

/** Reports whether a referrer may be such a manifest. Lists of older clients have no artifact types. */
export function mayBeAttestation({ artifactType }: Descriptor): boolean {
  return (
    artifactType === undefined ||
    artifactType === ATTESTATION_TYPE ||
    artifactType === OCI_CONFIG ||
    artifactType === OCI_EMPTY ||
    IN_TOTO_TYPE.test(artifactType)
  );
}

/**
 * Returns the index entry for an attestation that is a referrer of an image, as `docker buildx imagetools create` writes it.
 */
export function attestationEntry(referrer: Descriptor, image: Digest): Descriptor {
  const { mediaType, digest, size, annotations } = referrer;
  return {
    mediaType,
    digest,
    size,
    annotations: {
      ...annotations,
      [REFERENCE_DIGEST]: image,
      [REFERENCE_TYPE]: ATTESTATION_MANIFEST,
    },
    platform: { architecture: 'unknown', os: 'unknown' },
  };
}

/** Returns the digest of the image that an attestation is for, unchecked; `undefined` for any other entry. */
export function attestedDigest(descriptor: Descriptor): string | undefined {
  return isAttestation(descriptor) ? descriptor.annotations?.[REFERENCE_DIGEST] : undefined;
}

/** Platforms of the images in an index, in order. Skips attestations and entries without a platform. */
export function imagePlatforms(manifests: readonly Descriptor[]): readonly Platform[] {
  return manifests.flatMap((entry) => (isAttestation(entry) ? [] : (entry.platform ?? [])));
}
