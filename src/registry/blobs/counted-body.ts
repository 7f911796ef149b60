import type { Readable } from 'node:stream';

import type { Source } from '../../content/source.js';
import type { RequestBody } from '../../http/message.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { InvalidError } from '../../oci/errors.js';

interface CountedBodyOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: (bytes: number) => void;
}

/**
 * A blob, or what is left of it, as the body of a request: read from its source anew each time it is sent, and counted
 * on the way. The source verifies the whole blob each time, also where only the end of it is sent.
 */
export class CountedBody implements RequestBody {
  readonly #descriptor: Descriptor;
  readonly #from: Source;
  readonly #options: CountedBodyOptions;
  #opening: Promise<Readable> | undefined;
  /** Where the body begins in the blob. */
  #start = 0;
  /** How far `onBytes` was told that the blob is sent. */
  #told = 0;
  #sourceFailed = false;

  constructor(descriptor: Descriptor, from: Source, options: CountedBodyOptions) {
    this.#descriptor = descriptor;
    this.#from = from;
    this.#options = options;
  }

  /** What is to be sent, in bytes. */
  get size(): number {
    return this.#descriptor.size - this.#start;
  }

  /** Where in the blob the body begins, in bytes. */
  get start(): number {
    return this.#start;
  }

  /** Whether the connection took all of it. */
  get allSent(): boolean {
    return this.#told === this.#descriptor.size;
  }

  /** Whether it was the source that failed, and not the request. */
  get sourceFailed(): boolean {
    return this.#sourceFailed;
  }

  readonly onSent = (bytes: number): void => this.#tell(this.#told + bytes);

  /** Digests are the registry's to compare; a wrong size would break the request before it can. */
  readonly sizeError = (what: 'more' | 'fewer'): InvalidError => {
    const { size, digest } = this.#descriptor;
    return new InvalidError(`${this.#from.label} gives ${what} than the ${size} bytes of ${digest}`);
  };

  /** Begins to open the source, so that it is there when the body is to be sent. Its failure is told by {@link open}. */
  prepare(): void {
    this.#opening ??= this.#openSource();
    this.#opening.catch(() => {});
  }

  async open(): Promise<Readable> {
    this.#tell(this.#start);
    const opening = this.#opening ?? this.#openSource();
    this.#opening = undefined;
    try {
      const source = await opening;
      await skip(source, this.#start);
      return source;
    } catch (error) {
      this.#sourceFailed = true;
      throw error;
    }
  }

  /** Sends the blob from this byte on from now on: those before it have arrived. */
  startAt(start: number): void {
    this.#start = start;
    this.#tell(start);
  }

  /** Lets go of a source that was prepared and not sent. */
  close(): void {
    this.#opening?.then(
      (source) => source.destroy(),
      () => {},
    );
    this.#opening = undefined;
  }

  async #openSource(): Promise<Readable> {
    const source = await this.#from.openBlob(this.#descriptor, { signal: this.#options.signal });
    // Whoever stops sending destroys it without an error, so an error is its own.
    return source.once('error', () => (this.#sourceFailed = true));
  }

  #tell(position: number): void {
    if (position !== this.#told) this.#options.onBytes?.(position - this.#told);
    this.#told = position;
  }
}

/** Reads so many bytes and drops them. */
function skip(stream: Readable, bytes: number): Promise<void> {
  if (bytes === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    let left = bytes;
    const drop = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left > 0) return;
      stream.pause();
      stream.off('data', drop).off('error', reject).off('close', resolve);
      if (left < 0) stream.unshift(chunk.subarray(left));
      resolve();
    };
    stream.on('error', reject).on('close', resolve).on('data', drop);
  });
}
