import type { Digest } from './digest.js';
import type { MediaType } from './media-type.js';
import { readPlatform, type PlatformJson, type Platform } from './platform.js';

/** Annotations of an index, a manifest or a descriptor (image-spec, "Annotations"). */
export type Annotations = Readonly<Record<string, string>>;

/** The annotation with the tag of an entry in an image layout (image-spec, "Pre-Defined Annotation Keys"). */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** A typed, sized and hashed pointer to content (image-spec, "OCI Content Descriptors"). */
export interface Descriptor {
  readonly mediaType: MediaType;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Annotations;
  /** The content itself, base64. Not checked when read: in some published documents it is other content. */
  readonly data?: string;
  readonly artifactType?: MediaType;
  /** Only in the `manifests` of an index. */
  readonly platform?: Platform;
}

/** The JSON of a descriptor that matches its schema. */
export interface DescriptorJson {
  readonly mediaType: MediaType;
  readonly digest: Digest;
  readonly size: number;
  readonly urls?: readonly string[] | null;
  readonly annotations?: Annotations | null;
  readonly data?: string;
  readonly artifactType?: MediaType;
  readonly platform?: PlatformJson;
}

/** Converts descriptor JSON; drops empty members and incomplete platforms. */
export function readDescriptor(json: DescriptorJson): Descriptor {
  const { mediaType, digest, size, urls, annotations, data, artifactType } = json;
  const platform = json.platform === undefined ? undefined : readPlatform(json.platform);
  return {
    mediaType,
    digest,
    size,
    ...(urls && urls.length > 0 ? { urls } : {}),
    ...(annotations ? { annotations } : {}),
    ...(data === undefined ? {} : { data }),
    ...(artifactType ? { artifactType } : {}),
    ...(platform === undefined ? {} : { platform }),
  };
}
