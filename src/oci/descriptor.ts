import type { Annotations } from './annotation.js';
import type { Digest } from './digest.js';
import type { MediaType } from './media-type.js';
import { readPlatform } from './platform-json.js';
import type { PlatformJson } from './platform-json.js';
import type { Platform } from './platform.js';

/** A typed, sized and hashed pointer to content (image-spec, "OCI Content Descriptors"). */
export interface Descriptor {
  readonly mediaType: MediaType;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Annotations;
  /** The content itself, base64. As read it is not yet checked: documents are found where it is something else. */
  readonly data?: string;
  readonly artifactType?: MediaType;
  /** Only in the `manifests` of an index. */
  readonly platform?: Platform;
}

/** A descriptor as JSON holds it, once its schema has allowed it. */
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

/** What is known of a descriptor; empty members and half a platform are as good as none. */
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
