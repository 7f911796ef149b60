import type { Draft } from '../drafts/draft.js';
import type { Annotations, Descriptor } from '../oci/descriptor.js';
import type { MediaType } from '../oci/media-type.js';
import type { LoosePlatform, Platform } from '../oci/platform.js';
import type { AttestationsMode } from './select-entries.js';

/** The description of a multi-arch image in a file. All strings in it are valid. */
export interface Assembly {
  /** An image location (`parseImageLocation`). Absent if the file only lists descriptors. */
  readonly target?: string;
  /** Additional tags, moved in this order: a tag of the target's repository, or a reference. */
  readonly tags: readonly string[];
  readonly format?: Draft['format'];
  /** Annotations of the index itself. */
  readonly annotations?: Annotations;
  readonly artifactType?: MediaType;
  readonly subject?: Descriptor;
  /** Whether attestations are kept, if the file specifies it. */
  readonly attestations?: AttestationsMode;
  /** Platforms that the index must have. */
  readonly require: readonly Platform[];
  /** The images in the order of the index, at least one. A template has been expanded to one image for each platform. */
  readonly images: readonly AssemblyImage[];
}

/** A descriptor whose other members, where they are missing, are those of the image. */
export type ListedDescriptor = Pick<Descriptor, 'digest'> & Partial<Descriptor>;

/** A source of an assembly, and how its images are used. */
export interface AssemblyImage {
  /** An image location (`parseImageLocation`), or a digest in the target's repository. */
  readonly source: string;
  /** Overrides the platform of the source's image. An error if the source has several images. */
  readonly platform?: LoosePlatform;
  /** The descriptor for the index, from an existing index or a list of descriptors. */
  readonly descriptor?: ListedDescriptor;
  /** The platforms to keep of the source. All must exist. */
  readonly platforms?: readonly Platform[];
  /** Annotations of the source's entries. */
  readonly annotations?: Annotations;
}
