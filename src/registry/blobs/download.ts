import { finished, Readable } from 'node:stream';

import type { HttpResponse } from '../../http/message.js';
import { UnavailableError } from '../../oci/errors.js';

/** Requests the content from this offset on. */
export type OpenRest = (from: number) => Promise<HttpResponse>;

/** The number of interruptions, each after some progress, after which a download fails. */
const MAX_BREAKS = 5;

/** Bytes that are read ahead, so that a reader that is slow at times does not slow down the server. */
const READ_AHEAD_BYTES = 256 * 1024;

/**
 * The body of a response as a stream that resumes after a lost connection (RFC 9110, section 14, "Range Requests"). Does not
 * verify the content. Destroying it frees the connection.
 */
export class Download extends Readable {
  readonly #open: OpenRest;
  #response: HttpResponse;
  /** Bytes emitted so far. */
  #position = 0;
  #positionAtBreak = -1;
  #breaks = 0;
  /** Bytes at the start of the current response that were emitted before. */
  #skip = 0;

  /** @param first the response with the whole content */
  constructor(first: HttpResponse, open: OpenRest) {
    super({ highWaterMark: READ_AHEAD_BYTES });
    this.#open = open;
    this.#response = first;
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
      if (fresh.length > 0 && !this.push(fresh)) body.pause();
    });
    finished(body, { writable: false }, (error) => {
      if (this.destroyed) return;
      if (error === null || error === undefined) this.push(null);
      else void this.#resume(error);
    });
  }

  async #resume(broken: Error): Promise<void> {
    try {
      this.#breaks += 1;
      const stuck = this.#position === this.#positionAtBreak;
      const lost = broken instanceof UnavailableError || isPrematureClose(broken);
      if (!lost || stuck || this.#breaks > MAX_BREAKS) throw broken;
      this.#positionAtBreak = this.#position;
      this.#response.discard();
      const response = await this.#open(this.#position);
      this.#skip = skipFor(response, this.#position);
      this.#response = response;
      if (this.destroyed) response.discard();
      else this.#attach(response);
    } catch (error) {
      this.destroy(error instanceof Error ? error : broken);
    }
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
