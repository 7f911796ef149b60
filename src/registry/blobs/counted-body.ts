import type { Readable } from 'node:stream';

import type { BlobSource } from '../../content/source.js';
import { readableOf } from '../../content/verified-stream.js';
import type { RequestBody } from '../../http/message.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { InvalidError } from '../../oci/errors.js';
import { BlobParts } from './blob-parts.js';

interface CountedBodyOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: (bytes: number) => void;
}

/**
 * A blob, the rest of one or a part of it as the body of a request. Parts that follow one another are read in one go. Any
 * other body is read from the start of its source again, which verifies the whole blob even if only the rest of it is sent.
 */
export class CountedBody implements RequestBody {
  readonly #descriptor: Descriptor;
  readonly #from: BlobSource;
  readonly #options: CountedBodyOptions;
  #opening: Promise<Readable> | undefined;
  /** The source of the last part, which the next one may follow. */
  #parts: BlobParts | undefined;
  /** The offsets of the body in the blob: its first byte, and the byte after its last. */
  #start = 0;
  #end: number;
  /** Bytes reported to `onBytes` so far. */
  #reported = 0;
  #sourceFailed = false;

  constructor(descriptor: Descriptor, from: BlobSource, options: CountedBodyOptions) {
    this.#descriptor = descriptor;
    this.#from = from;
    this.#options = options;
    this.#end = descriptor.size;
  }

  /** The size of the body, in bytes. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** The offset of the body in the blob, in bytes. */
  get start(): number {
    return this.#start;
  }

  /** The offset of the byte after the body in the blob. */
  get end(): number {
    return this.#end;
  }

  /** Whether the connection has accepted the whole blob. */
  get allSent(): boolean {
    return this.#reported === this.#descriptor.size;
  }

  /** Whether the connection has accepted the whole body. */
  get isSent(): boolean {
    return this.#reported === this.#end;
  }

  /** Whether the source failed, not the request. */
  get sourceFailed(): boolean {
    return this.#sourceFailed;
  }

  readonly onSent = (bytes: number): void => this.#report(this.#reported + bytes);

  /** The registry compares digests. A wrong size would break the request before. */
  readonly sizeError = (what: 'more' | 'fewer'): InvalidError => {
    const { size, digest } = this.#descriptor;
    return new InvalidError(`${this.#from.label} gives ${what} than the ${size} bytes of ${digest}`);
  };

  /** Starts to open the source ahead of {@link open}, which reports its failure. */
  prepare(): void {
    this.#opening ??= this.#openSource();
    this.#opening.catch(() => {});
  }

  async open(): Promise<Readable> {
    this.#report(this.#start);
    const isLast = this.#end === this.#descriptor.size;
    if (this.#parts?.position !== this.#start) {
      this.#parts?.close();
      this.#parts = undefined;
      const source = await this.#openAtStart();
      if (isLast) return source;
      this.#parts = new BlobParts(source, this.#start);
    }
    return this.#parts.next(isLast ? Infinity : this.size);
  }

  /** Sets the offset of the body: the bytes before it have arrived. It extends to the end of the blob. */
  startAt(start: number): void {
    this.#start = start;
    this.#end = this.#descriptor.size;
    this.#report(start);
  }

  /** Sets the offset of the byte after the body. */
  endAt(end: number): void {
    this.#end = Math.min(end, this.#descriptor.size);
  }

  /** Closes a source that is not read to its end. */
  close(): void {
    this.#parts?.close();
    this.#parts = undefined;
    this.#opening?.then(
      (source) => source.destroy(),
      () => {},
    );
    this.#opening = undefined;
  }

  async #openAtStart(): Promise<Readable> {
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

  async #openSource(): Promise<Readable> {
    const source = readableOf(await this.#from.openBlob(this.#descriptor, { signal: this.#options.signal }));
    // A request that stops destroys it without an error, so an error is the source's own.
    return source.once('error', () => (this.#sourceFailed = true));
  }

  #report(position: number): void {
    if (position !== this.#reported) this.#options.onBytes?.(position - this.#reported);
    this.#reported = position;
  }
}

/** Reads and drops a number of bytes. */
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
