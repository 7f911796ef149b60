import type { RegistryErrorDetail } from '../oci/errors.js';
import type { ErrorBody } from './error-body.js';

/**
 * What the code of a registry's error says (distribution-spec, "Error Codes", and the codes that registries added).
 * Codes that say nothing beyond the status (UNKNOWN, NOT_FOUND) are left out.
 */
const MEANINGS = new Map<string, CodeMeaning>([
  ['BLOB_UNKNOWN', 'missing'],
  ['MANIFEST_UNKNOWN', 'missing'],
  ['NAME_UNKNOWN', 'no-repository'],
  ['MANIFEST_BLOB_UNKNOWN', 'child-missing'],
  ['UNAUTHORIZED', 'denied'],
  ['DENIED', 'denied'],
  ['TOOMANYREQUESTS', 'throttled'],
  // AWS: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
  ['ThrottlingException', 'throttled'],
  ['ThrottleException', 'throttled'],
  ['UNAVAILABLE', 'unavailable'],
  // ECR, Quay and Harbor, in this order, when a tag is immutable.
  ['TAG_INVALID', 'conflict'],
  ['TAG_IMMUTABLE', 'conflict'],
  ['PRECONDITION', 'conflict'],
  ['MANIFEST_INVALID', 'invalid'],
  ['MANIFEST_UNVERIFIED', 'invalid'],
  ['DIGEST_INVALID', 'invalid'],
  ['SIZE_INVALID', 'invalid'],
  ['NAME_INVALID', 'invalid'],
  ['UNSUPPORTED', 'invalid'],
]);

export type CodeMeaning =
  | 'child-missing'
  | 'conflict'
  | 'denied'
  | 'invalid'
  | 'missing'
  | 'no-repository'
  | 'throttled'
  | 'unavailable';

/** What went wrong, from the first code that says it; `undefined` where only the status can tell. */
export function meaningOf({ errors, words }: ErrorBody): CodeMeaning | undefined {
  // Registries refuse to move an immutable tag under many codes, or none, but all of them use the word.
  if (/immutab/i.test(words)) return 'conflict';
  return errors.map(({ code }) => MEANINGS.get(code)).find((meaning) => meaning !== undefined);
}

/** An upload session that the registry lost or mixed up: a new one may succeed. */
const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'TOOMANYREQUESTS',
  'ThrottlingException',
  'ThrottleException',
  'UNAVAILABLE',
]);

/** Whether every code says that the same work may succeed when it is begun again, whatever the status. */
export function isTransient(errors: readonly RegistryErrorDetail[]): boolean {
  return errors.length > 0 && errors.every(({ code }) => TRANSIENT_CODES.has(code));
}
