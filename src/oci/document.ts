import type { Descriptor } from './descriptor.js';
import type { Digest } from './digest.js';
import type { ImageIndex } from './image-index.js';
import type { ImageManifest } from './image-manifest.js';
import { DOCKER_CONFIG, OCI_CONFIG, OCI_EMPTY, OCI_MANIFEST, type MediaType } from './media-type.js';

/** The largest manifest or index that registries accept (distribution and Amazon ECR), in bytes. */
export const MAX_MANIFEST_PUSH = 4 * 1024 * 1024;

/** The largest manifest or index that is read, in bytes: some registries serve larger ones than they accept. */
export const MAX_MANIFEST_PULL = 8 * 1024 * 1024;

/** The maximum depth of nested image indexes. No known index is deeper. */
export const MAX_NESTED_INDEXES = 4;

/** An image manifest or an image index: the parsed value with the exact bytes that it was read from. */
export type ManifestOrIndex = IndexDocument | ManifestDocument;

/** The members that image manifests and image indexes have in common. */
export interface DocumentBase {
  /** As read. Never serialised again from `value`: other white space or key order would change the digest. */
  readonly bytes: Uint8Array;
  readonly mediaType: MediaType;
  readonly digest: Digest;
}

/** An image index or Docker manifest list with its exact bytes. */
export interface IndexDocument extends DocumentBase {
  readonly kind: 'index';
  readonly value: ImageIndex;
}

/** An image manifest with its exact bytes. */
export interface ManifestDocument extends DocumentBase {
  readonly kind: 'manifest';
  readonly value: ImageManifest;
}

/**
 * Returns the descriptor of a document, as an index entry contains it. It has no platform, which only the config
 * gives. An artifact has an `artifactType` (image-spec, "Guidelines for Artifact Usage").
 */
export function documentDescriptor(document: ManifestOrIndex): Descriptor {
  const { mediaType, digest, bytes } = document;
  const artifactType = artifactTypeOf(document);
  return { mediaType, digest, size: bytes.length, ...(artifactType === undefined ? {} : { artifactType }) };
}

/** Config media types that do not identify an artifact type. Old versions of Docker use `application/octet-stream`. */
const GENERIC_CONFIG_TYPES = new Set<MediaType>([
  OCI_CONFIG,
  DOCKER_CONFIG,
  OCI_EMPTY,
  'application/octet-stream',
]);

function artifactTypeOf({ kind, mediaType, value }: ManifestOrIndex): MediaType | undefined {
  if (value.artifactType !== undefined || kind === 'index' || mediaType !== OCI_MANIFEST) {
    return value.artifactType;
  }
  return GENERIC_CONFIG_TYPES.has(value.config.mediaType) ? undefined : value.config.mediaType;
}

/**
 * Returns the content that a document needs, in order and with duplicates: the entries of an index; the config and the
 * layers of a manifest. The layers can include non-distributable ones (`isNonDistributableType`). The `subject` is not
 * a child: it may be missing (image-spec, "subject").
 */
export function childrenOf(document: ManifestOrIndex): readonly Descriptor[] {
  if (document.kind === 'index') return document.value.manifests;
  return [document.value.config, ...document.value.layers];
}
