/** Annotations of an index, a manifest or a descriptor (image-spec, "Annotations"). */
export type Annotations = Readonly<Record<string, string>>;

/** BuildKit's mark on an index entry that is not an image but a statement about one. */
export const REFERENCE_TYPE = 'vnd.docker.reference.type';
/** The digest of the image that such an entry speaks about. */
export const REFERENCE_DIGEST = 'vnd.docker.reference.digest';
/** The value of {@link REFERENCE_TYPE} for provenance and SBOM statements. */
export const ATTESTATION_MANIFEST = 'attestation-manifest';
/** The tag of an entry in the index.json of an image layout (image-spec, "Pre-Defined Annotation Keys"). */
export const REF_NAME = 'org.opencontainers.image.ref.name';
