import { digestAlgorithm, digestOf, digestProblem, isDigest } from './digest.js';
import type { Problem } from './errors.js';
import { isJsonObject } from './json.js';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Checks the rules for a descriptor that a schema does not express (image-spec, "OCI Content Descriptors").
 * @param pointer the location of the descriptor in its document
 * @param value parsed JSON; wrong types are left to the schema
 */
export function checkDescriptor(pointer: string, value: unknown): Problem[] {
  if (!isJsonObject(value)) return [];
  return [
    ...checkDigest(`${pointer}/digest`, value['digest']),
    ...checkData(`${pointer}/data`, value),
    ...checkPlatform(`${pointer}/platform`, value['platform']),
  ];
}

/** Checks the grammar of a digest, and the case and length of sha256 and sha512. */
export function checkDigest(pointer: string, digest: unknown): Problem[] {
  if (typeof digest !== 'string') return [];
  const reason = digestProblem(digest);
  if (reason === undefined) return [];
  return [{ pointer, message: `is not a digest: ${reason}`, rule: digestRule(digest) }];
}

function digestRule(digest: string): string {
  if (!/^sha(?:256|512):[0-9a-fA-F]+$/.test(digest)) return 'digest/grammar';
  return /[A-F]/.test(digest) ? 'digest/case' : 'digest/length';
}

/** Checks that `data` has the given `size` and `digest`: some clients use it instead of downloading the content. */
export function checkData(pointer: string, descriptor: Readonly<Record<string, unknown>>): Problem[] {
  const { data, size, digest } = descriptor;
  if (typeof data !== 'string') return [];
  if (data.length % 4 !== 0 || !BASE64.test(data)) {
    return [{ pointer, message: 'is not base64 with padding', rule: 'data/base64' }];
  }
  const content = Buffer.from(data, 'base64');
  if (typeof size === 'number' && size !== content.length) {
    const message = `has ${content.length} bytes, but "size" is ${size}`;
    return [{ pointer, message, rule: 'data/size' }];
  }
  if (typeof digest !== 'string' || !isDigest(digest)) return [];
  const algorithm = digestAlgorithm(digest);
  if (algorithm === undefined || digestOf(content, algorithm) === digest) return [];
  return [{ pointer, message: 'does not match "digest"', rule: 'data/digest' }];
}

/** Checks that a platform has both parts: a client cannot select an incomplete one. */
function checkPlatform(pointer: string, platform: unknown): Problem[] {
  if (!isJsonObject(platform)) return [];
  return ['architecture', 'os']
    .filter((name) => (platform[name] ?? '') === '')
    .map((name) => ({ pointer, message: `has no "${name}"`, rule: 'platform/incomplete' }));
}
