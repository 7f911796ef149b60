import { createHash } from 'node:crypto';

import { ArgumentError } from './errors.js';

declare const digestBrand: unique symbol;

/**
 * A valid digest, `algorithm:encoded` (image-spec, "Digests"). sha256 has 64 and sha512 128 lower-case hexadecimal
 * digits; digests of other algorithms follow the grammar and cannot be verified.
 */
export type Digest = string & { readonly [digestBrand]: true };

/** An algorithm that this library verifies content with. */
export type DigestAlgorithm = 'sha256' | 'sha512';

const GRAMMAR = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const HEX_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha512', 128],
] satisfies [DigestAlgorithm, number][]);

/** Parses a digest. @throws ArgumentError with the reason if the text is not a digest */
export function parseDigest(text: string): Digest {
  const problem = digestProblem(text);
  if (problem !== undefined) throw new ArgumentError(`invalid digest ${JSON.stringify(text)}: ${problem}`);
  return text as Digest;
}

/** Returns `undefined` where {@link parseDigest} throws. */
export function tryParseDigest(text: string): Digest | undefined {
  return isDigest(text) ? text : undefined;
}

/** Reports whether the text is a digest. Distinguishes a digest from a tag, which never contains a colon. */
export function isDigest(text: string): text is Digest {
  return digestProblem(text) === undefined;
}

/**
 * Reports whether the text is a digest that can be verified. Distinguishes a digest from a reference: by the grammar
 * alone `app:1` is also a digest.
 */
export function isVerifiableDigest(text: string): text is Digest {
  return isDigest(text) && digestAlgorithm(text) !== undefined;
}

/** Returns why the text is not a digest, for a message; `undefined` for a digest. */
export function digestProblem(text: string): string | undefined {
  const colon = text.indexOf(':');
  if (colon < 0) return 'it has no algorithm, such as "sha256:"';
  const encoded = text.slice(colon + 1);
  const length = HEX_LENGTHS.get(text.slice(0, colon));
  if (length === undefined) return GRAMMAR.test(text) ? undefined : 'it is not ALGORITHM:ENCODED';
  if (/^[0-9a-f]*$/.test(encoded)) {
    if (encoded.length === length) return undefined;
    return `${text.slice(0, colon)} has ${length} hexadecimal digits, this has ${encoded.length}`;
  }
  if (/^[0-9a-fA-F]*$/.test(encoded)) return 'its hexadecimal digits must be lower case';
  return `"${text.slice(0, colon)}:" is followed by something other than hexadecimal digits`;
}

/** Returns the algorithm of a digest; `undefined` for one that cannot be verified. */
export function digestAlgorithm(digest: Digest): DigestAlgorithm | undefined {
  const algorithm = digest.slice(0, digest.indexOf(':'));
  return algorithm === 'sha256' || algorithm === 'sha512' ? algorithm : undefined;
}

/** Computes the digest of bytes. @default algorithm 'sha256' */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}
