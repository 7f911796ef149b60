import { isExpiredAuthorization } from '../../auth/requests/expired-authorization.js';
import { type RegistryErrorDetail } from '../../oci/errors.js';
import type { Operation } from '../operation.js';
import { type ErrorBody } from './error-body.js';
import type { HttpResponse } from '../../http/message.js';
/**
 * What the code of a registry's error says (distribution-spec, "Error Codes", and the codes that registries added).
 * Codes that say nothing beyond the status (UNKNOWN, NOT_FOUND) are left out.
 */
const MEANINGS = new Map<string, RegistryErrorClass>([
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
  // Quay and Harbor, in this order, when a tag is immutable.
  ['TAG_IMMUTABLE', 'conflict'],
  ['PRECONDITION', 'conflict'],
  ['MANIFEST_INVALID', 'invalid'],
  ['MANIFEST_UNVERIFIED', 'invalid'],
  ['DIGEST_INVALID', 'invalid'],
  ['SIZE_INVALID', 'invalid'],
  ['NAME_INVALID', 'invalid'],
  // Amazon ECR says this of an immutable tag too, but then with that word.
  ['TAG_INVALID', 'invalid'],
  ['UNSUPPORTED', 'invalid'],
]);

export type RegistryErrorClass =
  | 'child-missing'
  | 'conflict'
  | 'denied'
  | 'invalid'
  | 'missing'
  | 'no-repository'
  | 'throttled'
  | 'unavailable';

/** What is said under many codes, or in plain text without any, but always with these words. */
const WORDINGS: readonly (readonly [areSaid: (words: string) => boolean, meaning: RegistryErrorClass])[] = [
  // Of all registries that refuse to move an immutable tag.
  [(words) => /immutab/i.test(words), 'conflict'],
  // Amazon ECR.
  [(words) => /\bThrottl(?:e|ing)Exception\b/.test(words), 'throttled'],
  [isExpiredAuthorization, 'denied'],
];

/**
 * What went wrong, from its words or the first code that says it; `undefined` where only the status can tell.
 * @param what the request was about
 */
export function classifyError(
  { errors, words }: ErrorBody,
  what: Operation['what'],
): RegistryErrorClass | undefined {
  const worded = WORDINGS.find(([areSaid]) => areSaid(words));
  if (worded !== undefined) return worded[1];
  const codes = errors.map(({ code }) => code);
  // ECR's for layers that a manifest points to, and everybody's for an upload session that is gone.
  if (what === 'manifest' && codes.includes('BLOB_UPLOAD_UNKNOWN')) return 'child-missing';
  return codes.map((code) => MEANINGS.get(code)).find((meaning) => meaning !== undefined);
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

/** An answer that is not a success, read to its end. */
export interface ErrorResponse {
  readonly response: HttpResponse;
  readonly body: ErrorBody;
  readonly meaning: RegistryErrorClass | undefined;
}
