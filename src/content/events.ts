import type { Digest } from '../oci/digest.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { RefName } from '../oci/reference.js';

/** How a blob got into its target. */
export type BlobOutcome = 'present' | 'mounted' | 'copied';

/** Progress reports. The command line displays them; other programs may ignore them. */
export type WorkEvent =
  /** A source was read; `entries` are the descriptors that it adds to the index. */
  | { readonly kind: 'resolved'; readonly source: string; readonly entries: readonly Descriptor[] }
  /** These sources do not exist yet, and are polled again later. */
  | { readonly kind: 'waiting'; readonly sources: readonly string[] }
  | { readonly kind: 'blob-started'; readonly digest: Digest; readonly size: number }
  /** `bytes` more bytes of the blob were sent; negative if an upload restarts. */
  | { readonly kind: 'blob-progress'; readonly digest: Digest; readonly bytes: number }
  | {
      readonly kind: 'blob-done';
      readonly digest: Digest;
      readonly size: number;
      readonly outcome: BlobOutcome;
    }
  /**
   * The upload of a blob failed, and is tried again after a wait: with what has not arrived if the target says so, else
   * from its start.
   */
  | {
      readonly kind: 'upload-retried';
      readonly digest: Digest;
      readonly reason: string;
      readonly waitMilliseconds: number;
    }
  /** The download of a blob broke off, and is resumed after a wait. */
  | {
      readonly kind: 'download-retried';
      readonly digest: Digest;
      readonly reason: string;
      readonly waitMilliseconds: number;
    }
  /** The write of a manifest failed, and is tried again after a wait. */
  | {
      readonly kind: 'write-retried';
      /** The name of the manifest in its repository. */
      readonly name: string;
      readonly reason: string;
      readonly waitMilliseconds: number;
    }
  /** A child manifest was pushed by digest. */
  | { readonly kind: 'child-pushed'; readonly repository: string; readonly digest: Digest }
  | {
      readonly kind: 'tagged';
      readonly repository: string;
      readonly tag: RefName;
      readonly digest: Digest;
      readonly outcome: 'unchanged' | 'moved';
    }
  /**
   * The login used for a registry, and the file, program or variable that it comes from; both undefined for anonymous
   * access.
   */
  | {
      readonly kind: 'login';
      readonly registry: string;
      readonly username: string | undefined;
      readonly origin: string | undefined;
    }
  /** A tag was read from a mirror of its registry, whose own tag may have moved since. */
  | {
      readonly kind: 'mirrored';
      /** In full: `docker.io/library/app:1.2`. */
      readonly reference: string;
      /** The host of the mirror. */
      readonly mirror: string;
      readonly digest: Digest;
    }
  /** The registry names a token server on another host, which gets the login. */
  | { readonly kind: 'token-server'; readonly registry: string; readonly host: string }
  /** The cache of manifests and configs cannot be read or written, so registries are asked. */
  | { readonly kind: 'cache-failed'; readonly reason: string }
  /**
   * Another process holds a lock that is needed. Emitted when the wait begins, after 5 s, and each time it has doubled; and with
   * `isOver` when the lock was taken.
   */
  | ({ readonly kind: 'lock-waiting' } & LockWait)
  /** The docker daemon has sent nothing for this long. Emitted after 5 s, and again each time the wait has doubled. */
  | {
      readonly kind: 'daemon-waiting';
      /** The address of the daemon. */
      readonly host: string;
      readonly image: string;
      readonly milliseconds: number;
    }
  /** A problem that does not stop the work. */
  | { readonly kind: 'warning'; readonly message: string };

/** A wait for a lock between processes. */
export interface LockWait {
  readonly path: string;
  /** The process that holds the lock, if it says so. */
  readonly holder: { readonly pid: number; readonly host: string } | undefined;
  readonly milliseconds: number;
  /** Whether the lock was taken. */
  readonly isOver: boolean;
}

/** Returns a function that reports a {@link LockWait} as an event. */
export function lockReports(onEvent: OnEvent | undefined): (wait: LockWait) => void {
  return (wait) => onEvent?.({ kind: 'lock-waiting', ...wait });
}

/** Receives the events of calls. */
export type OnEvent = (event: WorkEvent) => void;
