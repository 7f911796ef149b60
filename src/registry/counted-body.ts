import { pipeline, Transform, type Readable } from 'node:stream';

import type { Source } from '../content/source.js';
import type { RequestBody } from '../http/message.js';
import type { Descriptor } from '../oci/descriptor.js';
import { InvalidError } from '../oci/errors.js';

/** A blob as the body of a request, read from its source anew each time it is sent, and counted on the way. */
export class CountedBody implements RequestBody {
  readonly size: number;
  readonly #descriptor: Descriptor;
  readonly #from: Source;
  readonly #signal: AbortSignal | undefined;
  readonly #onBytes: ((bytes: number) => void) | undefined;
  #sent = 0;
  #sourceFailed = false;

  constructor(
    descriptor: Descriptor,
    from: Source,
    { signal, onBytes }: { readonly signal?: AbortSignal | undefined; onBytes?: (bytes: number) => void },
  ) {
    this.size = descriptor.size;
    this.#descriptor = descriptor;
    this.#from = from;
    this.#signal = signal;
    this.#onBytes = onBytes;
  }

  /** Whether it was the source that failed, and not the request. */
  get sourceFailed(): boolean {
    return this.#sourceFailed;
  }

  async open(): Promise<Readable> {
    this.rollBack();
    let source: Readable;
    try {
      source = await this.#from.openBlob(this.#descriptor, { signal: this.#signal });
    } catch (error) {
      this.#sourceFailed = true;
      throw error;
    }
    const counter = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        if (this.#sent + chunk.length > this.size) {
          done(this.#wrongSize('more'));
          return;
        }
        this.#sent += chunk.length;
        this.#onBytes?.(chunk.length);
        done(null, chunk);
      },
      flush: (done) => {
        done(this.#sent < this.size ? this.#wrongSize('less') : null);
      },
    });
    source.once('error', () => {
      // Where the counter went first, the request broke, and this is only its echo.
      if (!counter.destroyed) this.#sourceFailed = true;
    });
    pipeline(source, counter, () => {});
    return counter;
  }

  /** Digests are the registry's to compare; a wrong size would break the request before it can. */
  #wrongSize(what: 'more' | 'less'): InvalidError {
    this.#sourceFailed = true;
    return new InvalidError(
      `${this.#from.label} gives ${what} than the ${this.size} bytes of ${this.#descriptor.digest}`,
    );
  }

  /** Takes back what was counted: the upload starts over, or failed. */
  rollBack(): void {
    if (this.#sent > 0) this.#onBytes?.(-this.#sent);
    this.#sent = 0;
  }
}
