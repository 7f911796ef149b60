import { Readable } from 'node:stream';

/** Reads a blob in parts, one after the other, without holding a part in memory. */
export class BlobParts {
  readonly #source: Readable;
  readonly #chunks: AsyncIterator<Buffer, undefined>;
  /** What was read from the source and belongs to the next part. */
  #rest: Buffer | undefined;
  #position: number;
  #isClosed = false;

  /** @param position the offset of the source's next byte in the blob */
  constructor(source: Readable, position: number) {
    this.#source = source;
    this.#chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    this.#position = position;
  }

  /** The offset of the next part in the blob; `undefined` if the source is closed. */
  get position(): number | undefined {
    return this.#isClosed ? undefined : this.#position;
  }

  /**
   * Returns the next part. Destroying it before its end closes the source.
   * @param size in bytes; `Infinity` for all the rest, with the source's check of the whole blob
   */
  next(size: number): Readable {
    let left = size;
    const read = async (part: Readable): Promise<void> => {
      const chunk = await this.#take(left);
      left = chunk === undefined ? 0 : left - chunk.length;
      if (chunk !== undefined) part.push(chunk);
      if (left === 0) part.push(null);
    };
    return new Readable({
      read() {
        read(this).catch((error: unknown) => this.destroy(error as Error));
      },
      destroy: (error, done) => {
        if (left > 0) this.close();
        done(error);
      },
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#source.destroy();
  }

  /** Returns up to `limit` bytes; `undefined` at the end of the source. */
  async #take(limit: number): Promise<Buffer | undefined> {
    const chunk = this.#rest ?? (await this.#chunks.next()).value;
    this.#rest = undefined;
    if (chunk === undefined) return undefined;
    const taken = chunk.subarray(0, limit);
    if (taken.length < chunk.length) this.#rest = chunk.subarray(taken.length);
    this.#position += taken.length;
    return taken;
  }
}
