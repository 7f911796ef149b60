import { finished, Readable } from 'node:stream';

import type { HttpResponse } from '../../http/message.js';
import { UnavailableError } from '../../oci/errors.js';

/** Opens the rest of the content: from this byte on where `from` is not 0. */
export type OpenRest = (from: number) => Promise<HttpResponse>;

/** How often a download that made progress may break before it is given up. */
const MOST_BREAKS = 5;

/** So many bytes are asked for ahead of who reads: where the two ends take turns at being slow, neither waits. */
const READ_AHEAD = 256 * 1024;

/**
 * The body of an answer as a stream that goes on where it was when the connection breaks (RFC 9110, 14, "Range Requests").
 * It does not verify: that is for who reads it, over the joined parts. Destroying it frees the connection.
 */
export class Download extends Readable {
  readonly #open: OpenRest;
  #response: HttpResponse;
  /** Bytes handed on so far. */
  #position = 0;
  #positionAtBreak = -1;
  #breaks = 0;
  /** Bytes of the present answer that were handed on already. */
  #skip = 0;

  /** @param first the answer that holds the content from its first byte */
  constructor(first: HttpResponse, open: OpenRest) {
    super({ highWaterMark: READ_AHEAD });
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
      else void this.#goOn(error);
    });
  }

  async #goOn(broken: Error): Promise<void> {
    try {
      this.#breaks += 1;
      const stuck = this.#position === this.#positionAtBreak;
      const lost = broken instanceof UnavailableError || isPrematureClose(broken);
      if (!lost || stuck || this.#breaks > MOST_BREAKS) throw broken;
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

/** How much of this answer is known already: a server that knows no ranges sends everything again. */
function skipFor(response: HttpResponse, position: number): number {
  if (response.status === 200) return position;
  const start = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1];
  if (response.status === 206 && Number(start) === position) return 0;
  response.discard();
  throw new UnavailableError(
    `${response.url.host} broke off a download and does not go on from byte ${position}`,
  );
}

function isPrematureClose(error: Error): boolean {
  return 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
