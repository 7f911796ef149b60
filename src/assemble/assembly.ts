import type { Draft } from '../drafts/draft.js';
import type { Annotations, Descriptor } from '../oci/descriptor.js';
import type { MediaType } from '../oci/media-type.js';
import type { LoosePlatform, Platform } from '../oci/platform.js';

/** What one multi-arch image is to be put together from, as a file says it. All texts in it have been checked. */
export interface Assembly {
  /** As `parseImageLocation` reads it. Absent where the file only lists descriptors. */
  readonly target?: string;
  /** Further tags in the order in which they move: a tag alone, or a reference elsewhere. */
  readonly tags: readonly string[];
  readonly format?: Draft['format'];
  /** Of the index itself. */
  readonly annotations?: Annotations;
  readonly artifactType?: MediaType;
  readonly subject?: Descriptor;
  /** Whether statements about the images come along, where the file says so. */
  readonly attestations?: 'keep' | 'drop';
  /** Platforms that must be there in the end. */
  readonly require: readonly Platform[];
  /** At least one, in the order in which they will stand. Templates have become one image for each platform. */
  readonly images: readonly AssemblyImage[];
}

/** A source of an assembly, and what becomes of what it gives. */
export interface AssemblyImage {
  /** As `parseImageLocation` reads it, or a digest alone: one in the repository of the target. */
  readonly source: string;
  /** Laid over what the one image there says itself; where the source gives several images, it fits none of them. */
  readonly platform?: LoosePlatform;
  /** What the index is to hold of it, word for word, as a ready index or a list of descriptors has it. */
  readonly descriptor?: Descriptor;
  /** What is to be kept of the source; each must be there. */
  readonly platforms?: readonly Platform[];
  /** Of the entries that the source gives. */
  readonly annotations?: Annotations;
}
