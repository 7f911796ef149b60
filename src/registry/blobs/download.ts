import { finished, Readable } from 'node:stream';

import type { Verifier } from '../../content/verified-stream.js';
import type { HttpResponse } from '../../http/message.js';
import { NetworkError } from '../../http/network-error.js';
import { Tries, type RetryPolicy } from '../../http/retry.js';
import { UnavailableError } from '../../oci/errors.js';

export interface DownloadOptions {
  /** The size of the content, in bytes. */
  readonly size: number;
  /** Checks the bytes of all parts together. */
  readonly verifier: Verifier;
  /** Requests the content from this offset on. */
  readonly open: (from: number) => Promise<HttpResponse>;
  /** Limits the tries that bring nothing. */
  readonly policy: RetryPolicy;
  /** Called before each wait. */
  readonly onRetry: (reason: string, waitMilliseconds: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The number of interruptions, each after some progress, after which a download fails. */
const MAX_BREAKS = 5;

/** Bytes that are read ahead, so that a reader that is slow at times does not slow down the server. */
const READ_AHEAD_BYTES = 256 * 1024;

/**
 * The body of a response as a stream that resumes after a lost connection (RFC 9110, section 14, "Range Requests").
 * Verifies the content. Destroying it frees the connection.
 */
export class Download extends Readable {
  readonly #options: DownloadOptions;
  #response: HttpResponse;
  /** Bytes emitted so far. */
  #position = 0;
  #positionAtBreak = 0;
  /** Interruptions after some progress. */
  #breaks = 0;
  /** The tries since then that brought nothing. */
  #tries: Tries | undefined;
  /** Whether the server was too slow before. */
  #wasSlow = false;
  /** Bytes at the start of the current response that were emitted before. */
  #skip = 0;

  /** @param first the response with the whole content */
  constructor(first: HttpResponse, options: DownloadOptions) {
    super({ highWaterMark: READ_AHEAD_BYTES });
    this.#options = options;
    this.#response = first;
    // It may fail before its reader is ready, as while an upload begins. A reader of a failed stream gets the error.
    this.on('error', () => {});
    this.#attach(first);
  }

  override _read(): void {
    this.#response.body.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#response.discard();
    done(error);
  }

  #attach(response: HttpResponse): void {
    const { body } = response;
    body.on('data', (chunk: Buffer) => {
      if (this.destroyed) return;
      const fresh = chunk.subarray(Math.min(this.#skip, chunk.length));
      this.#skip -= chunk.length - fresh.length;
      this.#position += fresh.length;
      if (fresh.length === 0) return;
      this.#verify((verifier) => verifier.add(fresh));
      if (!this.destroyed && !this.push(fresh)) body.pause();
    });
    finished(body, { writable: false }, (error) => {
      if (this.destroyed) return;
      // Of a chunked response, the end alone may be lost.
      const isWhole = this.#position === this.#options.size;
      if (isWhole || error === null || error === undefined) this.#end();
      else void this.#resume(error);
    });
  }

  #end(): void {
    this.#verify((verifier) => verifier.end());
    if (!this.destroyed) this.push(null);
  }

  /** Destroys the stream if a check fails. */
  #verify(check: (verifier: Verifier) => void): void {
    try {
      check(this.#options.verifier);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  async #resume(broken: Error): Promise<void> {
    const { open, policy, onRetry, signal } = this.#options;
    try {
      const delay = this.#delayAfter(broken);
      if (delay === undefined) throw broken;
      this.#response.discard();
      if (delay > 0) {
        onRetry(broken.message, delay);
        await policy.sleep(delay, signal);
      }
      if (this.destroyed) return;
      const response = await open(this.#position);
      this.#skip = skipFor(response, this.#position);
      this.#response = response;
      if (this.destroyed) response.discard();
      else this.#attach(response);
    } catch (error) {
      this.destroy(error instanceof Error ? error : broken);
    }
  }

  /** The wait before the download resumes, in milliseconds; `undefined` if it fails. */
  #delayAfter(broken: Error): number | undefined {
    if (!(broken instanceof UnavailableError || isPrematureClose(broken))) return undefined;
    const isSlow = broken instanceof NetworkError && broken.timeLimit;
    const hasProgress = this.#position > this.#positionAtBreak;
    // A server that is slow for the second time stays slow, and each time takes the whole limit.
    if (isSlow && (this.#wasSlow || !hasProgress)) return undefined;
    this.#wasSlow ||= isSlow;
    if (!hasProgress) {
      this.#tries ??= new Tries(this.#options.policy);
      return this.#tries.next({ temporary: true });
    }
    this.#positionAtBreak = this.#position;
    this.#tries = undefined;
    this.#breaks += 1;
    return this.#breaks > MAX_BREAKS ? undefined : 0;
  }
}

/** Returns the bytes at the start of a response that were emitted before. A server without ranges sends everything again. */
function skipFor(response: HttpResponse, position: number): number {
  if (response.status === 200) return position;
  const start = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1];
  if (response.status === 206 && Number(start) === position) return 0;
  response.discard();
  throw new UnavailableError(
    `${response.url.host} interrupted a download and does not resume it at byte ${position}`,
  );
}

function isPrematureClose(error: Error): boolean {
  return 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
