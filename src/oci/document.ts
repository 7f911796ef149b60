import type { Descriptor } from './descriptor.js';
import type { Digest } from './digest.js';
import type { ImageIndex } from './image-index.js';
import type { ImageManifest } from './image-manifest.js';
import { DOCKER_CONFIG, OCI_CONFIG, OCI_EMPTY, OCI_MANIFEST } from './media-type.js';
import type { MediaType } from './media-type.js';

/** An image manifest or an image index: a parsed value beside the exact bytes that it was read from. */
export type Document = IndexDocument | ManifestDocument;

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
export function documentDescriptor(document: Document): Descriptor {
  const { mediaType, digest, bytes } = document;
  const artifactType = artifactTypeOf(document);
  return { mediaType, digest, size: bytes.length, ...(artifactType === undefined ? {} : { artifactType }) };
}

/** Configs that say nothing of what an artifact is. Docker once gave images a config of no particular type. */
const UNTELLING = new Set<MediaType>([OCI_CONFIG, DOCKER_CONFIG, OCI_EMPTY, 'application/octet-stream']);

function artifactTypeOf({ kind, mediaType, value }: Document): MediaType | undefined {
  if (value.artifactType !== undefined || kind === 'index' || mediaType !== OCI_MANIFEST) {
    return value.artifactType;
  }
  return UNTELLING.has(value.config.mediaType) ? undefined : value.config.mediaType;
}
