import { createHash } from 'node:crypto';

import { ArgumentError } from './errors.js';

declare const digestBrand: unique symbol;

/**
 * `algorithm:encoded`, checked (image-spec, "Digests"). sha256 has 64 and sha512 128 lower-case hexadecimal digits;
 * any other algorithm only has to follow the grammar and cannot be verified here.
 */
export type Digest = string & { readonly [digestBrand]: true };

/** An algorithm that content can be verified with. */
export type DigestAlgorithm = 'sha256' | 'sha512';

const GRAMMAR = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const HEX_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha512', 128],
] satisfies [DigestAlgorithm, number][]);

/** @throws ArgumentError when the text is not a digest; the message says what is wrong with it. */
export function parseDigest(text: string): Digest {
  const problem = digestProblem(text);
  if (problem !== undefined) throw new ArgumentError(`invalid digest ${JSON.stringify(text)}: ${problem}`);
  return text as Digest;
}

/** `undefined` where {@link parseDigest} would throw. */
export function tryParseDigest(text: string): Digest | undefined {
  return isDigest(text) ? text : undefined;
}

/** Whether the text is a digest: tells the two kinds of selector apart, since no tag holds a colon. */
export function isDigest(text: string): text is Digest {
  return digestProblem(text) === undefined;
}

/**
 * Whether the text is a digest that content can be verified with. Where a reference may stand as well, this tells the
 * two apart: by the grammar alone `app:1` is a digest, too.
 */
export function isVerifiableDigest(text: string): text is Digest {
  return isDigest(text) && digestAlgorithm(text) !== undefined;
}

/** What keeps the text from being a digest, for a message; `undefined` when it is one. */
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

/** The algorithm where content can be verified with it, else `undefined`. */
export function digestAlgorithm(digest: Digest): DigestAlgorithm | undefined {
  const algorithm = digest.slice(0, digest.indexOf(':'));
  return algorithm === 'sha256' || algorithm === 'sha512' ? algorithm : undefined;
}

/** The digest of these bytes. @default algorithm 'sha256' */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}
