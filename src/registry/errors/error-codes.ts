import { isExpiredAuthorization } from '../../auth/requests/expiry.js';
import type { ErrorText } from '../../http/error-text.js';
import type { HttpResponse } from '../../http/message.js';
import { isDigest } from '../../oci/digest.js';
import type { RegistryErrorDetail } from '../../oci/errors.js';
import type { Operation } from '../operation.js';

/** A kind of error that registries report under several codes, texts or statuses. */
export type RegistryErrorClass =
  | 'child-not-found'
  | 'conflict'
  | 'denied'
  | 'invalid'
  | 'not-allowed'
  | 'not-found'
  | 'quota'
  | 'rate-limited'
  | 'repository-not-found'
  | 'unavailable';

/** A response that is not a success, with its body read. */
export interface ErrorResponse {
  readonly response: HttpResponse;
  readonly body: ErrorText;
  /** `undefined` if only the status tells the class. */
  readonly errorClass: RegistryErrorClass | undefined;
}

/**
 * The classes of error codes: of the specification (distribution-spec, "Error Codes") and of registries. Codes that say
 * nothing beyond the status (UNKNOWN, NOT_FOUND) are left out.
 */
const CODES: ReadonlyMap<string, RegistryErrorClass> = new Map([
  ['BLOB_UNKNOWN', 'not-found'],
  ['MANIFEST_UNKNOWN', 'not-found'],
  ['NAME_UNKNOWN', 'repository-not-found'],
  ['MANIFEST_BLOB_UNKNOWN', 'child-not-found'],
  ['UNAUTHORIZED', 'denied'],
  ['DENIED', 'denied'],
  ['TOOMANYREQUESTS', 'rate-limited'],
  // AWS: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
  ['ThrottlingException', 'rate-limited'],
  ['ThrottleException', 'rate-limited'],
  ['UNAVAILABLE', 'unavailable'],
  // Quay and Harbor, in this order, for an immutable tag.
  ['TAG_IMMUTABLE', 'conflict'],
  ['PRECONDITION', 'conflict'],
  ['MANIFEST_INVALID', 'invalid'],
  ['MANIFEST_UNVERIFIED', 'invalid'],
  ['DIGEST_INVALID', 'invalid'],
  ['SIZE_INVALID', 'invalid'],
  ['NAME_INVALID', 'invalid'],
  // Amazon ECR also uses it for an immutable tag; then the text says so.
  ['TAG_INVALID', 'invalid'],
  ['UNSUPPORTED', 'invalid'],
]);

/** Texts that tell the class under many codes, or without any code. They take precedence over codes. */
const TEXTS: readonly (readonly [matches: (text: string) => boolean, errorClass: RegistryErrorClass])[] = [
  // All registries with immutable tags.
  [(text) => /immutab/i.test(text), 'conflict'],
  // Amazon ECR.
  [(text) => /\bThrottl(?:e|ing)Exception\b/.test(text), 'rate-limited'],
  [isExpiredAuthorization, 'denied'],
  // Amazon ECR, with 405 UNSUPPORTED for a document that it cannot parse.
  [(text) => /\binvalid JSON syntax\b/i.test(text), 'invalid'],
];

/** The codes for content that a rejected manifest points to: a blob, a manifest or the subject. */
const MISSING_CONTENT_CODES: ReadonlySet<string> = new Set([
  'BLOB_UNKNOWN',
  'MANIFEST_UNKNOWN',
  // Amazon ECR uses the code of a lost upload session.
  'BLOB_UPLOAD_UNKNOWN',
]);

/** Texts of rejected writes that may be about an existing tag which cannot be moved, under any code. */
const KEPT_TAG_TEXT =
  /overwr[io]t|redeploy|already exists|not allow updat|cannot be (?:updated|modified|changed)|disallowed|failed.?precondition|\block(?:ed)?\b|AlreadyExistsException/i;

/** Returns the class of an error by its text or its first known code, or `undefined` if only the status tells it. */
export function classifyError(
  status: number,
  { errors, text }: ErrorText,
  { verb, what, selector }: Pick<Operation, 'verb' | 'what' | 'selector'>,
): RegistryErrorClass | undefined {
  const byText = TEXTS.find(([matches]) => matches(text));
  if (byText !== undefined) return byText[1];
  const codes = errors.map(({ code }) => code);
  // A registry that does not delete tags; older versions of distribution take the tag for an invalid digest.
  const isUndeletable = (code: string): boolean =>
    code === 'UNSUPPORTED' || (code === 'DIGEST_INVALID' && selector !== undefined && !isDigest(selector));
  if (verb === 'delete' && (codes.some(isUndeletable) || status === 501)) return 'not-allowed';
  const writesManifest = verb === 'write' && what === 'manifest';
  if (writesManifest && codes.some((code) => MISSING_CONTENT_CODES.has(code))) return 'child-not-found';
  // A registry that is read-only, or a cache: UNSUPPORTED is not about a document.
  if (status === 405 && codes.every((code) => code === 'UNSUPPORTED' || !CODES.has(code)))
    return 'not-allowed';
  return codes.map((code) => CODES.get(code)).find((errorClass) => errorClass !== undefined);
}

/**
 * Reports whether the rejected write of a manifest may mean that its tag exists and cannot be moved: registries say so with
 * many statuses, codes and texts. The tag decides: it is read again. A 403 without such a text is a missing permission.
 */
export function mayKeepTag({ response: { status }, body, errorClass }: ErrorResponse): boolean {
  if (errorClass === 'conflict' || status === 409 || status === 412) return true;
  return status >= 400 && status < 500 && status !== 401 && status !== 429 && KEPT_TAG_TEXT.test(body.text);
}

/** Harbor, GitLab, GitHub, Quay and proxies, under many codes and statuses. */
const QUOTA =
  /\bquota\b|\bstorage (?:limit|space)\b|exceeds? the configured upper limit|\binsufficient storage\b/i;

/** Reports whether a write was rejected because of the storage that the account or project may use. */
export function isQuotaExceeded({ status, request }: HttpResponse, { errors, text }: ErrorText): boolean {
  if (request.method === 'GET' || request.method === 'HEAD') return false;
  // Quotas of requests are rate limits.
  if (status === 429 || errors.some(({ code }) => CODES.get(code) === 'rate-limited')) return false;
  return QUOTA.test(text);
}

/**
 * Reports whether a request of an upload session was rejected because of the session, whatever the code: the registry does
 * not know it, or has other bytes in it.
 */
export function isLostSession({ response: { status, request }, errorClass }: ErrorResponse): boolean {
  if (request.method !== 'PUT' && request.method !== 'PATCH') return false;
  return status === 416 || (status === 404 && errorClass !== 'repository-not-found');
}

/** Codes of an upload that may succeed in a new session, whatever the status. */
const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'TOOMANYREQUESTS',
  'ThrottlingException',
  'ThrottleException',
  'UNAVAILABLE',
]);

/** Reports whether an upload may succeed when it is started again, by all of its error codes. */
export function isTransient(errors: readonly RegistryErrorDetail[]): boolean {
  return errors.length > 0 && errors.every(({ code }) => TRANSIENT_CODES.has(code));
}
