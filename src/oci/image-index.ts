import { type Annotations, readDescriptor, type Descriptor, type DescriptorJson } from './descriptor.js';
import type { MediaType } from './media-type.js';

/** An OCI image index or a Docker manifest list (image-spec, "OCI Image Index"). */
export interface ImageIndex {
  readonly schemaVersion: 2;
  /** Absent in many OCI indexes that are found in registries; always written by us. */
  readonly mediaType?: MediaType;
  readonly artifactType?: MediaType;
  /** Docker 25 writes `null` for an empty list; reading gives `[]`. */
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/** An index as JSON holds it, once its schema has allowed it. */
export interface ImageIndexJson {
  readonly mediaType?: MediaType;
  readonly artifactType?: MediaType;
  readonly manifests: readonly DescriptorJson[] | null;
  readonly subject?: DescriptorJson;
  readonly annotations?: Annotations | null;
}

/** What is known of an index; empty members are as good as none. */
export function readImageIndex(json: ImageIndexJson): ImageIndex {
  const { mediaType, artifactType, manifests, subject, annotations } = json;
  return {
    schemaVersion: 2,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(artifactType ? { artifactType } : {}),
    manifests: (manifests ?? []).map(readDescriptor),
    ...(subject === undefined ? {} : { subject: readDescriptor(subject) }),
    ...(annotations ? { annotations } : {}),
  };
}
