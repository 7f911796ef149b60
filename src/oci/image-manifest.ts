import { type Annotations, readDescriptor, type Descriptor, type DescriptorJson } from './descriptor.js';
import type { MediaType } from './media-type.js';

/** An OCI image manifest or a Docker schema 2 manifest (image-spec, "OCI Image Manifest"). */
export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType?: MediaType;
  readonly artifactType?: MediaType;
  readonly config: Descriptor;
  /** BuildKit writes `null` for an empty list; it is read as `[]`. */
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/** The JSON of a manifest that matches its schema. */
export interface ImageManifestJson {
  readonly mediaType?: MediaType;
  readonly artifactType?: MediaType;
  readonly config: DescriptorJson;
  readonly layers: readonly DescriptorJson[] | null;
  readonly subject?: DescriptorJson;
  readonly annotations?: Annotations | null;
}

/** Converts manifest JSON; drops empty members. */
export function readImageManifest(json: ImageManifestJson): ImageManifest {
  const { mediaType, artifactType, config, layers, subject, annotations } = json;
  return {
    schemaVersion: 2,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(artifactType ? { artifactType } : {}),
    config: readDescriptor(config),
    layers: (layers ?? []).map(readDescriptor),
    ...(subject === undefined ? {} : { subject: readDescriptor(subject) }),
    ...(annotations ? { annotations } : {}),
  };
}
