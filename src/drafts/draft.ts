import type { Annotations, Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { MediaType } from '../oci/media-type.js';
import type { Platform } from '../oci/platform.js';

/** An image index being put together on this machine (docker: local manifest list). */
export interface Draft {
  readonly version: 1;
  /** Where the index will be published, in full as `formatImageLocation` writes it: `docker.io/library/app:1.2`. Names the draft. */
  readonly target: string;
  /** The index's own media type. `auto` takes it from the first entry, as docker does. */
  readonly format: 'auto' | 'oci' | 'docker';
  readonly artifactType?: MediaType;
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
  /** Further tags of the target's repository, or references elsewhere: a push moves them after the target's own. */
  readonly tags?: readonly string[];
  /** What the target's tag stood for when the draft was started from it: a push refuses where it has moved since. */
  readonly base?: Digest;
  readonly entries: readonly Entry[];
}

/** A descriptor in a draft with the source it came from. */
export interface Entry {
  /** As `formatImageLocation` writes it. Several entries share a source when it was an index. */
  readonly source: string;
  /** As it was read: platform from the source index or the image's config. */
  readonly descriptor: Descriptor;
  /** What `annotate` changed; survives a refresh of the source. */
  readonly override?: EntryOverride;
  /**
   * The child manifest's exact text, so that a draft can be inspected without its registry. Absent where the
   * source was an index: its children are not read, since the index says all that an entry needs.
   */
  readonly manifest?: string;
}

/** Laid over the descriptor as it was read: first `unset` takes away, then the rest is put on top. */
export interface EntryOverride {
  /** An empty text changes nothing; `os.features` are added to those that were read. */
  readonly platform?: Partial<Platform>;
  readonly annotations?: Annotations;
  /** What of the descriptor as read no longer counts. */
  readonly unset?: {
    readonly platform?: readonly (keyof Platform)[];
    readonly annotations?: readonly string[];
  };
}
