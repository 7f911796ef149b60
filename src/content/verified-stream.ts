import { createHash } from 'node:crypto';
import { pipeline, Transform, type Readable, type TransformCallback } from 'node:stream';

import type { Descriptor } from '../oci/descriptor.js';
import { digestAlgorithm, type Digest, type DigestAlgorithm } from '../oci/digest.js';
import { InvalidError } from '../oci/errors.js';
const DAMAGED = {
  hint: 'It is damaged where it comes from, or was on its way: try again, or make it again there.',
};

/**
 * Passes content through and checks it against its descriptor on the way (image-spec, "Content Descriptors",
 * "Verification"). Content of an algorithm that cannot be verified (see `digestAlgorithm`) is checked for size only:
 * whoever opens it should say so.
 *
 * The stream that comes out fails with `InvalidError` as soon as more bytes than `descriptor.size` came, or at the
 * end where bytes are missing or the digest is another one. It fails with the input's error where the input fails;
 * destroying it destroys the input.
 *
 * @param place where the content is read, as errors are to name it: `registry.example.com/app`
 */
export function verifiedStream(stream: Readable, descriptor: Descriptor, place?: string): Readable {
  const verifier = new Verifier(descriptor, place);
  // The callback has nothing to add: pipeline hands every error on to the verifier, which is what the caller reads.
  pipeline(stream, verifier, () => {});
  return verifier;
}

/**
 * Reads content whole and checks it against its descriptor, as {@link verifiedStream} does.
 * @param limit in bytes; a descriptor that states more is refused before anything is read
 * @throws InvalidError for a wrong size or digest, or content over the limit; and what the stream fails with
 */
export async function readVerified(
  stream: Readable,
  descriptor: Descriptor,
  limit: number,
): Promise<Uint8Array> {
  if (descriptor.size > limit) {
    stream.destroy();
    throw new InvalidError(
      `${descriptor.digest} is ${descriptor.size} bytes long, and at most ${limit} are read into memory`,
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of verifiedStream(stream, descriptor)) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

class Verifier extends Transform {
  readonly #descriptor: Descriptor;
  readonly #hash;
  /** The digest, after the place where that is known. */
  readonly #name: string;
  #size = 0;

  constructor(descriptor: Descriptor, place: string | undefined) {
    super();
    this.#descriptor = descriptor;
    this.#name = place === undefined ? descriptor.digest : `${place}@${descriptor.digest}`;
    const algorithm = digestAlgorithm(descriptor.digest);
    this.#hash = algorithm === undefined ? undefined : createHash(algorithm);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const { size } = this.#descriptor;
    this.#size += chunk.length;
    if (this.#size > size) {
      done(
        new InvalidError(
          `content of ${this.#name} goes on after the ${size} bytes that its descriptor states`,
          DAMAGED,
        ),
      );
      return;
    }
    this.#hash?.update(chunk);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    const { digest, size } = this.#descriptor;
    if (this.#size < size) {
      done(new InvalidError(`content of ${this.#name} ends after ${this.#size} of ${size} bytes`, DAMAGED));
      return;
    }
    if (this.#hash !== undefined) {
      const got = `${digest.slice(0, digest.indexOf(':'))}:${this.#hash.digest('hex')}`;
      if (got !== digest) {
        done(
          new InvalidError(
            `content is not what its digest says: expected ${this.#name}, got ${got}`,
            DAMAGED,
          ),
        );
        return;
      }
    }
    done();
  }
}

/**
 * The algorithm of a digest that content is to be held to.
 * @throws InvalidError where it is not one of image-spec's registered algorithms (image-spec, "Registered algorithms")
 */
export function verifiableAlgorithm(digest: Digest): DigestAlgorithm {
  const algorithm = digestAlgorithm(digest);
  if (algorithm !== undefined) return algorithm;
  throw new InvalidError(`${digest} cannot be verified: only sha256 and sha512 are known`);
}
