import type { Descriptor } from './descriptor.js';
import type { Digest } from './digest.js';
import type { ImageIndex } from './image-index.js';
import type { ImageManifest } from './image-manifest.js';
import { DOCKER_CONFIG, OCI_CONFIG, OCI_EMPTY, OCI_MANIFEST, type MediaType } from './media-type.js';

/** The largest manifest or index that registries take in (distribution and Amazon ECR), in bytes. */
export const MAX_MANIFEST_PUSH = 4 * 1024 * 1024;

/** The largest manifest or index that is read, in bytes: some registries hold more than they would take in. */
export const MAX_MANIFEST_PULL = 8 * 1024 * 1024;

/** How many image indexes may be within one another: nothing real goes deeper. */
export const MAX_NESTED_INDEXES = 4;

/** An image manifest or an image index: a parsed value beside the exact bytes that it was read from. */
export type ManifestOrIndex = IndexDocument | ManifestDocument;

interface DocumentBase {
  /** As read. Never made again from `value`: other spaces or key order would be another digest. */
  readonly bytes: Uint8Array;
  readonly mediaType: MediaType;
  readonly digest: Digest;
}

export interface IndexDocument extends DocumentBase {
  readonly kind: 'index';
  readonly value: ImageIndex;
}

export interface ManifestDocument extends DocumentBase {
  readonly kind: 'manifest';
  readonly value: ImageManifest;
}

/**
 * The descriptor of a document: what an index entry, or a tag, says of it. Without a platform, which only the config
 * knows. An artifact is marked as one (image-spec, "Guidelines for Artifact Usage").
 */
export function documentDescriptor(document: ManifestOrIndex): Descriptor {
  const { mediaType, digest, bytes } = document;
  const artifactType = artifactTypeOf(document);
  return { mediaType, digest, size: bytes.length, ...(artifactType === undefined ? {} : { artifactType }) };
}

/** Configs that say nothing of what an artifact is. Docker once gave images a config of no particular type. */
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
 * What a document cannot be without, in its order and with its repetitions: the entries of an index; the config and
 * the layers of a manifest. Among the layers may be some that are not for distribution (`isNonDistributableType`).
 * Not `subject`: it is what the document speaks about, and may be missing (image-spec, "subject").
 */
export function childrenOf(document: ManifestOrIndex): readonly Descriptor[] {
  if (document.kind === 'index') return document.value.manifests;
  return [document.value.config, ...document.value.layers];
}
