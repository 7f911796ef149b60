import type { Digest } from '../oci/digest.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Tag } from '../oci/reference.js';

/** How a blob came to be in its target. */
export type BlobOutcome = 'present' | 'mounted' | 'copied';

/** What the work reports while it runs. `cli` shows it; a program may ignore it. */
export type WorkEvent =
  /** A source was read; `entries` are the descriptors it gives. */
  | { readonly kind: 'resolved'; readonly source: string; readonly entries: readonly Descriptor[] }
  /** These sources are not there yet, and are asked for again in a while. */
  | { readonly kind: 'waiting'; readonly sources: readonly string[] }
  | { readonly kind: 'blob-started'; readonly digest: Digest; readonly size: number }
  /** `bytes` more bytes of the blob went out; negative when an upload starts over. */
  | { readonly kind: 'blob-progress'; readonly digest: Digest; readonly bytes: number }
  | {
      readonly kind: 'blob-done';
      readonly digest: Digest;
      readonly size: number;
      readonly outcome: BlobOutcome;
    }
  /** A child manifest that the target lacked is there now, under its digest. */
  | { readonly kind: 'child-pushed'; readonly repository: string; readonly digest: Digest }
  | {
      readonly kind: 'tagged';
      readonly repository: string;
      readonly tag: Tag;
      readonly digest: Digest;
      readonly outcome: 'unchanged' | 'moved';
    }
  /** Whose login a registry is asked with, and the file, program or variable it is from; neither, where it is asked without one. */
  | {
      readonly kind: 'login';
      readonly registry: string;
      readonly username: string | undefined;
      readonly origin: string | undefined;
    }
  /** Something that does not stop the work but that a person should know. */
  | { readonly kind: 'warning'; readonly message: string };

export type OnEvent = (event: WorkEvent) => void;
