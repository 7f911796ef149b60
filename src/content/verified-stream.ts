import { createHash, type Hash } from 'node:crypto';
import { pipeline, Readable, Transform, type TransformCallback } from 'node:stream';

import type { Descriptor } from '../oci/descriptor.js';
import { digestAlgorithm, type Digest, type DigestAlgorithm } from '../oci/digest.js';
import { InvalidError } from '../oci/errors.js';
import { CORRUPT_CONTENT_HINT } from '../oci/parse.js';
import { charge } from './budget.js';
import type { ByteStream } from './source.js';

const DAMAGED = { hint: CORRUPT_CONTENT_HINT };

/**
 * Passes content through and verifies it against its descriptor (image-spec, "Content Descriptors", "Verification"). Of
 * content with an unsupported digest algorithm (see `digestAlgorithm`), only the size is checked; callers should warn.
 *
 * The returned stream fails with `InvalidError` once it exceeds `descriptor.size`, or at the end if bytes are missing or the
 * digest differs. It fails with the input's error if the input fails; destroying it destroys the input.
 *
 * @param label the source's name in messages: `registry.example.com/app`
 */
export function verifiedStream(stream: Readable, descriptor: Descriptor, label?: string): Readable {
  const verifier = new VerifierStream(new Verifier(descriptor, label));
  // The callback does nothing: pipeline passes every error to the verifier, which the caller reads.
  pipeline(stream, verifier, () => {});
  return verifier;
}

/**
 * Reads metadata into memory and verifies it, as {@link verifiedStream} does.
 * @param limit in bytes; larger content is rejected before it is read
 * @throws InvalidError for a wrong size or digest, or content over the limit; LimitError; and what the
 *   stream fails with
 */
export async function readVerified(
  stream: ByteStream,
  descriptor: Descriptor,
  limit: number,
): Promise<Uint8Array> {
  if (descriptor.size > limit) {
    readableOf(stream).destroy();
    throw new InvalidError(
      `${descriptor.digest} is ${descriptor.size} bytes long; at most ${limit} are read into memory`,
    );
  }
  const chunks: Uint8Array[] = [];
  const verified = verifiedStream(readableOf(stream), descriptor) as AsyncIterable<Uint8Array>;
  for await (const chunk of verified) {
    charge('metadata', chunk.length, () => descriptor.digest);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Returns the stream itself if it is a `Readable`. */
export function readableOf(stream: ByteStream): Readable {
  return stream instanceof Readable ? stream : Readable.from(stream, { objectMode: false });
}

/** The check of content against its descriptor, for streams that pass each chunk through it. */
export class Verifier {
  readonly #descriptor: Descriptor;
  /** Undefined for an unsupported algorithm, and once the digest is checked. */
  #hash: Hash | undefined;
  /** The digest, prefixed with the label if there is one. */
  readonly #name: string;
  #size = 0;

  /** @param label as for {@link verifiedStream} */
  constructor(descriptor: Descriptor, label?: string) {
    this.#descriptor = descriptor;
    this.#name = label === undefined ? descriptor.digest : `${label}@${descriptor.digest}`;
    const algorithm = digestAlgorithm(descriptor.digest);
    this.#hash = algorithm === undefined ? undefined : createHash(algorithm);
  }

  /**
   * Adds the next chunk, before it is passed on. The digest is checked with the last one, so that a reader never gets
   * all bytes of content that has another digest.
   * @throws InvalidError if the content is too long, or complete and has another digest
   */
  add(chunk: Uint8Array): void {
    const { size } = this.#descriptor;
    this.#size += chunk.length;
    if (this.#size > size)
      throw new InvalidError(`content of ${this.#name} exceeds the ${size} bytes of its descriptor`, DAMAGED);
    this.#hash?.update(chunk);
    if (this.#size === size) this.#checkDigest();
  }

  /** Ends the content. @throws InvalidError if bytes are missing, or empty content has another digest */
  end(): void {
    const { size } = this.#descriptor;
    if (this.#size < size)
      throw new InvalidError(`content of ${this.#name} ends after ${this.#size} of ${size} bytes`, DAMAGED);
    this.#checkDigest();
  }

  #checkDigest(): void {
    const { digest } = this.#descriptor;
    const got = this.#hash && `${digest.slice(0, digest.indexOf(':'))}:${this.#hash.digest('hex')}`;
    this.#hash = undefined;
    if (got !== undefined && got !== digest)
      throw new InvalidError(`digest mismatch: expected ${this.#name}, got ${got}`, DAMAGED);
  }
}

/** Passes content through a {@link Verifier}. */
class VerifierStream extends Transform {
  readonly #verifier: Verifier;

  constructor(verifier: Verifier) {
    super();
    this.#verifier = verifier;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#verifier.add(chunk);
    } catch (error) {
      done(error as InvalidError);
      return;
    }
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    try {
      this.#verifier.end();
    } catch (error) {
      done(error as InvalidError);
      return;
    }
    done();
  }
}

/**
 * The algorithm of a digest, if content can be verified with it.
 * @throws InvalidError if it is not a registered algorithm (image-spec, "Registered algorithms")
 */
export function verifiableAlgorithm(digest: Digest): DigestAlgorithm {
  const algorithm = digestAlgorithm(digest);
  if (algorithm !== undefined) return algorithm;
  throw new InvalidError(`${digest} cannot be verified: only sha256 and sha512 are supported`);
}
