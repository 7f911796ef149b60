import type { HttpResponse } from '../../http/message.js';

/** The limits that a registry states for the chunks of an upload, in bytes. */
export interface ChunkLimits {
  /** The minimum size of every chunk but the last. */
  readonly min: number;
  readonly max: number;
}

/**
 * The size of the chunks after a larger request was rejected, in bytes: below the usual limits of clouds, 10 MB and more.
 * If it is rejected too, it is divided by {@link SHRINK_FACTOR}: 1 MiB is the default limit of nginx.
 */
const FIRST_SMALLER_BYTES = 8 << 20;
const SHRINK_FACTOR = 8;
/** The limit of S3, where many registries store each chunk as a part. */
const MAX_CHUNKS = 10_000;

/**
 * Reads the limits from the response that opens a session: `OCI-Chunk-Min-Length` (distribution-spec, "Pushing a blob in
 * chunks") and `OCI-Chunk-Max-Length`, which is proposed for the specification and used by registries behind Cloudflare.
 */
export function chunkLimits({ headers }: Pick<HttpResponse, 'headers'>): ChunkLimits {
  return {
    min: parseLength(headers['oci-chunk-min-length']) ?? 0,
    max: parseLength(headers['oci-chunk-max-length']) ?? Infinity,
  };
}

/** Chooses between one request and chunks for the blobs of a repository, and learns from what was rejected. */
export class ChunkSizes {
  readonly #preferred: number | undefined;
  readonly #warn: (message: string) => void;
  /** Messages that were reported, so that each is reported once. */
  readonly #reported = new Set<string>();
  /** After a request was rejected as too large. */
  #smaller: number | undefined;
  #rejected = 0;
  #isUnsupported = false;

  /**
   * @param preferred the maximum size of a request that the user chose, in bytes
   * @param warn reports what differs from that. The subject of the sentence is the registry.
   */
  constructor(preferred: number | undefined, warn: (message: string) => void) {
    this.#preferred = preferred;
    this.#warn = warn;
  }

  /** Returns the size of the chunks for a blob; `undefined` if it is sent in one request. */
  of(blobSize: number, { min, max }: ChunkLimits): number | undefined {
    const preferred = this.#isUnsupported ? Infinity : (this.#preferred ?? Infinity);
    if (preferred < min && preferred < blobSize) {
      this.#report(
        `accepts chunks of ${min} bytes and more: they are larger than the chosen ${preferred} bytes`,
      );
    }
    const wanted = Math.min(preferred, this.#smaller ?? Infinity);
    // A larger request is rejected, so the maximum takes precedence.
    const size = Math.min(Math.max(wanted, min), max);
    return size < blobSize ? size : undefined;
  }

  /**
   * Chooses smaller chunks after a request of this size was rejected as too large.
   * @returns whether that makes a difference
   */
  shrink(rejected: number, blobSize: number, limits: ChunkLimits): boolean {
    // The request that closes a session has no body: the whole blob is too large.
    if (rejected === 0) return false;
    // The upload of another blob may have met the limit before.
    if (rejected <= (this.#smaller ?? Infinity)) {
      let smaller = FIRST_SMALLER_BYTES;
      while (smaller >= rejected) smaller /= SHRINK_FACTOR;
      const next = Math.max(limits.min, Math.floor(smaller));
      if (next < 1 || next >= rejected || next * MAX_CHUNKS < blobSize) return false;
      this.#smaller = next;
      this.#rejected = rejected;
    }
    return (this.of(blobSize, limits) ?? blobSize) < rejected;
  }

  /** Reports smaller chunks once one was accepted. */
  accepted(): void {
    if (this.#smaller === undefined) return;
    this.#report(
      `rejects requests of ${this.#rejected} bytes (413): larger blobs are sent in chunks of ${this.#smaller} bytes`,
    );
  }

  /** Sends whole blobs from now on, because the registry does not accept chunks. @returns whether that makes a difference */
  disable(blobSize: number, limits: ChunkLimits): boolean {
    this.#isUnsupported = true;
    const isWhole = this.of(blobSize, limits) === undefined;
    if (isWhole) this.#report('does not accept blobs in chunks: they are sent whole');
    return isWhole;
  }

  #report(message: string): void {
    if (this.#reported.has(message)) return;
    this.#reported.add(message);
    this.#warn(message);
  }
}

function parseLength(text: string | undefined): number | undefined {
  const value = /^\d{1,15}$/.test(text?.trim() ?? '') ? Number(text) : 0;
  return value > 0 ? value : undefined;
}
