import { pipeline, Transform, type Readable, type TransformCallback } from 'node:stream';
import { constants, createGzip } from 'node:zlib';

/** The size of chunks that are passed to and from the compressor, in bytes. */
const CHUNK_BYTES = 64 << 10;

/** Every setting that affects the output is fixed, so that a new default of Node.js does not change it. */
const SETTINGS = {
  // Level 4 takes half the time of level 6 for 3 % more bytes.
  level: 4,
  memLevel: 8,
  windowBits: 15,
  strategy: constants.Z_DEFAULT_STRATEGY,
  chunkSize: CHUNK_BYTES,
} as const;

/** The offset of the operating system in a gzip header (RFC 1952, section 2.3.1), and the value for "unknown". */
const OS_OFFSET = 9;
const UNKNOWN_OS = 0xff;

/**
 * Compresses content reproducibly: the output does not depend on the chunks of the input, and the header has no time,
 * name or operating system. Another version of zlib may give another output.
 *
 * The returned stream fails with the error of the input; destroying it destroys the input.
 */
export function deterministicGzip(content: Readable): Readable {
  const compressed = new UnknownOsHeader();
  // Pipeline passes every error to the last stream, which the caller reads.
  pipeline(content, new FixedSizeChunks(), createGzip(SETTINGS), compressed, () => {});
  return compressed;
}

/** Cuts content into chunks of one size, since the output of a compressor may depend on the chunks of its input. */
class FixedSizeChunks extends Transform {
  #parts: Buffer[] = [];
  #length = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let rest = chunk;
    while (this.#length + rest.length >= CHUNK_BYTES) {
      const length = CHUNK_BYTES - this.#length;
      this.#parts.push(rest.subarray(0, length));
      this.#pushChunk();
      rest = rest.subarray(length);
    }
    if (rest.length > 0) {
      this.#parts.push(rest);
      this.#length += rest.length;
    }
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#parts.length > 0) this.#pushChunk();
    done();
  }

  #pushChunk(): void {
    const [first, ...others] = this.#parts;
    if (first !== undefined) this.push(others.length === 0 ? first : Buffer.concat(this.#parts));
    this.#parts = [];
    this.#length = 0;
  }
}

/** Replaces the operating system in the header: zlib writes the one that it was built for. */
class UnknownOsHeader extends Transform {
  #offset = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const at = OS_OFFSET - this.#offset;
    if (at >= 0 && at < chunk.length) chunk[at] = UNKNOWN_OS;
    this.#offset += chunk.length;
    done(null, chunk);
  }
}
