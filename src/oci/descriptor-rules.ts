import { digestAlgorithm, digestOf, digestProblem, isDigest } from './digest.js';
import type { Problem } from './errors.js';
import { isJsonObject } from './json.js';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * What is wrong with one descriptor beyond what a schema can say well (image-spec, "OCI Content Descriptors").
 * @param pointer Where it stands in its document.
 * @param value As read from JSON. What has the wrong type is left to the schema.
 */
export function checkDescriptor(pointer: string, value: unknown): Problem[] {
  if (!isJsonObject(value)) return [];
  return [
    ...checkDigest(`${pointer}/digest`, value['digest']),
    ...checkData(`${pointer}/data`, value),
    ...checkPlatform(`${pointer}/platform`, value['platform']),
  ];
}

/** A digest's grammar, and case and length of the algorithms that have one. */
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

/** `data` must be the content that `size` and `digest` speak of: some clients take it in place of a download. */
function checkData(pointer: string, descriptor: Readonly<Record<string, unknown>>): Problem[] {
  const { data, size, digest } = descriptor;
  if (typeof data !== 'string') return [];
  if (data.length % 4 !== 0 || !BASE64.test(data)) {
    return [{ pointer, message: 'is not base64 with padding', rule: 'data/base64' }];
  }
  const content = Buffer.from(data, 'base64');
  if (typeof size === 'number' && size !== content.length) {
    const message = `holds ${content.length} bytes, but "size" says ${size}`;
    return [{ pointer, message, rule: 'data/size' }];
  }
  if (typeof digest !== 'string' || !isDigest(digest)) return [];
  const algorithm = digestAlgorithm(digest);
  if (algorithm === undefined || digestOf(content, algorithm) === digest) return [];
  return [{ pointer, message: 'is not the content that "digest" speaks of', rule: 'data/digest' }];
}

/** Half a platform selects nothing. */
function checkPlatform(pointer: string, platform: unknown): Problem[] {
  if (!isJsonObject(platform)) return [];
  return ['architecture', 'os']
    .filter((name) => (platform[name] ?? '') === '')
    .map((name) => ({ pointer, message: `does not say "${name}"`, rule: 'platform/incomplete' }));
}
