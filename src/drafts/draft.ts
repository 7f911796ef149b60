import type { Annotations, Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { MediaType } from '../oci/media-type.js';
import type { Platform } from '../oci/platform.js';

/** An image index that is being assembled on this machine (docker: local manifest list). */
export interface Draft {
  readonly version: 1;
  /** The publish target and the draft's name, as `formatImageLocation` writes it: `docker.io/library/app:1.2`. */
  readonly target: string;
  /** The media type of the index. `auto` takes it from the source index, else from the first entry, as docker does. */
  readonly format: 'auto' | 'oci' | 'docker';
  readonly artifactType?: MediaType;
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
  /** More tags of the target's repository, or references elsewhere. A push moves them after the target's tag. */
  readonly tags?: readonly string[];
  /** The digest of the published index that the draft was started from. A push fails if the tag has moved since. */
  readonly base?: Digest;
  /** The index that is the draft's only source. A push publishes its exact bytes if the draft has the same content. */
  readonly index?: SourceIndex;
  readonly entries: readonly Entry[];
}

/** An index with its exact text. */
export interface SourceIndex {
  readonly mediaType: MediaType;
  readonly digest: Digest;
  readonly text: string;
}

/** A descriptor in a draft and the source it came from. */
export interface Entry {
  /** As `formatImageLocation` writes it. The entries of a source index share it. */
  readonly source: string;
  /** As read from the source, with the platform of the source index or of the image's config. */
  readonly descriptor: Descriptor;
  /** The changes made by `annotate`, which survive a refresh of the source. */
  readonly override?: EntryOverride;
  /**
   * The exact text of the manifest, so that a draft can be inspected without its registry. Absent if the source was an
   * index, whose children are not read.
   */
  readonly manifest?: string;
}

/** Changes to the descriptor of the source. `unset` is applied first. */
export interface EntryOverride {
  /** An empty string changes nothing; `os.features` are added to those of the source. */
  readonly platform?: Partial<Platform>;
  readonly annotations?: Annotations;
  /** Fields of the source's descriptor to remove. */
  readonly unset?: {
    readonly platform?: readonly (keyof Platform)[];
    readonly annotations?: readonly string[];
  };
}
