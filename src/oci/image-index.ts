import { type Annotations, readDescriptor, type Descriptor, type DescriptorJson } from './descriptor.js';
import type { MediaType } from './media-type.js';

/** An OCI image index or a Docker manifest list (image-spec, "OCI Image Index"). */
export interface ImageIndex {
  readonly schemaVersion: 2;
  /** Missing in many published OCI indexes; always written by this library. */
  readonly mediaType?: MediaType;
  readonly artifactType?: MediaType;
  /** Docker 25 writes `null` for an empty list; it is read as `[]`. */
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/** The JSON of an index that matches its schema. */
export interface ImageIndexJson {
  readonly mediaType?: MediaType;
  readonly artifactType?: MediaType;
  readonly manifests: readonly DescriptorJson[] | null;
  readonly subject?: DescriptorJson;
  readonly annotations?: Annotations | null;
}

/** Converts index JSON; drops empty members. */
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
