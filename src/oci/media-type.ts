/** A media type in an OCI document (RFC 6838), without parameters. */
export type MediaType = string;

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar';
export const DOCKER_LAYER_GZIP = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
export const DOCKER_SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json';
export const DOCKER_SCHEMA1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

/** The `Accept` list of every manifest request. Complete, because registries convert types that are not listed. */
export const ACCEPTED_MANIFESTS: readonly MediaType[] = [
  OCI_INDEX,
  OCI_MANIFEST,
  DOCKER_LIST,
  DOCKER_MANIFEST,
];

/** Reports whether the type is an OCI image index or a Docker manifest list. */
export function isIndexType(mediaType: MediaType): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_LIST;
}

/** Reports whether the type is an OCI image manifest or a Docker schema 2 manifest. */
export function isManifestType(mediaType: MediaType): boolean {
  return mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST;
}

/** Reports whether the type is an image config, which contains a platform. */
export function isImageConfigType(mediaType: MediaType): boolean {
  return mediaType === OCI_CONFIG || mediaType === DOCKER_CONFIG;
}

export function isSchema1Type(mediaType: MediaType): boolean {
  return mediaType === DOCKER_SCHEMA1 || mediaType === DOCKER_SCHEMA1_SIGNED;
}

/**
 * Reports whether the type is a non-distributable layer, which the registry may lack (image-spec, "Non-Distributable
 * Layers"; Docker: foreign layers).
 */
export function isNonDistributableType(mediaType: MediaType): boolean {
  return (
    mediaType.startsWith('application/vnd.oci.image.layer.nondistributable.') ||
    mediaType.startsWith('application/vnd.docker.image.rootfs.foreign.')
  );
}
