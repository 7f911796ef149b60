/**
 * Turns error responses of registries into typed errors with hints.
 *
 * Offers error-mapping.
 * @module registry/errors
 */
import { STATUS_CODES } from 'node:http';

import { parseChallenges } from '../../auth/requests/challenge.js';
import { readErrorText } from '../../http/error-text.js';
import type { HttpResponse } from '../../http/message.js';
import { isTemporaryStatus, responseOutcome, type TryOutcome } from '../../http/retry.js';
import {
  ConflictError,
  FailedError,
  InvalidError,
  NotFoundError,
  RateLimitedError,
  UnauthorizedError,
  UnavailableError,
  type MultiarchErrorOptions,
  type MultiarchError,
  printable,
} from '../../oci/errors.js';
import type { Operation } from '../operation.js';
import { throttledByEcrHint } from './ecr-hints.js';
import {
  classifyError,
  isQuotaExceeded,
  isTransient,
  type ErrorResponse,
  type RegistryErrorClass,
} from './error-codes.js';
import { bodyLimitHint } from './body-limit.js';
import {
  artifactHint,
  deniedHint,
  hintAboutSender,
  invalidHint,
  missingChildren,
  missingChildrenHint,
  notAllowedHint,
  notFoundHint,
  quotaHint,
} from './error-hints.js';
import { stillUsedHint } from './delete-hints.js';
import { againWhen, rateLimitHint } from './rate-limit.js';

export { isLostSession, mayKeepTag, type ErrorResponse } from './error-codes.js';
export { ALTERED_HINT, rejectsSkippedLayers } from './error-hints.js';

/** Reads a response that is not a success, and frees its connection. */
export async function readErrorResponse(
  response: HttpResponse,
  operation: Pick<Operation, 'verb' | 'what' | 'selector'>,
): Promise<ErrorResponse> {
  const body = await readErrorText(response);
  return {
    response,
    body,
    errorClass: isQuotaExceeded(response, body) ? 'quota' : classifyError(response.status, body, operation),
  };
}

/** Reports whether the size of the request was rejected, not what it would use of a quota. */
export function isBodyTooLarge({ response, errorClass }: ErrorResponse): boolean {
  return response.status === 413 && errorClass !== 'quota';
}

/** Returns the outcome of a try to upload. */
export function tryOutcome({ response, body }: ErrorResponse): TryOutcome {
  // Only a status that is temporary itself has a Retry-After.
  if (!isTemporaryStatus(response.status) && isTransient(body.errors)) return { temporary: true };
  return responseOutcome(response);
}

/** Reads a response that is not a success, and returns its typed error. */
export async function readRegistryError(
  response: HttpResponse,
  operation: Operation,
): Promise<MultiarchError> {
  return registryError(await readErrorResponse(response, operation), operation);
}

type HintOf = (error: ErrorResponse, operation: Operation, text: string) => string | undefined;

/** The type and the hint of the errors of each class. */
const ERRORS: Readonly<
  Record<
    RegistryErrorClass | 'failed',
    readonly [new (message: string, options: MultiarchErrorOptions) => MultiarchError, HintOf]
  >
> = {
  'child-not-found': [InvalidError, missingChildrenHint],
  'not-found': [NotFoundError, notFoundHint],
  'repository-not-found': [NotFoundError, notFoundHint],
  denied: [UnauthorizedError, deniedHint],
  'not-allowed': [UnauthorizedError, notAllowedHint],
  'rate-limited': [
    RateLimitedError,
    ({ response }, operation) => throttledByEcrHint(operation) ?? rateLimitHint(response, operation),
  ],
  unavailable: [
    UnavailableError,
    ({ response }, operation) =>
      response.status === 507
        ? quotaHint(operation)
        : `The registry is failing; try again ${againWhen(response)}.`,
  ],
  conflict: [
    ConflictError,
    (_error, { verb }) =>
      verb === 'delete'
        ? 'The tag is immutable: the settings of the repository do not allow its deletion.'
        : 'The tag is immutable: publish under another tag.',
  ],
  invalid: [InvalidError, invalidHint],
  quota: [FailedError, (_error, operation) => quotaHint(operation)],
  failed: [
    FailedError,
    (error, operation) =>
      isBodyTooLarge(error) && operation.verb === 'write'
        ? bodyLimitHint(error, operation)
        : (artifactHint(operation) ?? stillUsedHint(error, operation)),
  ],
};

/**
 * Returns the typed error for a response that is not a success. Codes take precedence over statuses, because registries
 * agree on them more.
 */
export function registryError(error: ErrorResponse, operation: Operation): MultiarchError {
  const { response, body } = error;
  const errorClass = classOf(error, operation);
  const [ErrorType, hintOf] = ERRORS[errorClass];
  const text = responseText(error);
  return new ErrorType(messageOf(errorClass, error, operation, text), {
    hint: hintAboutSender(error, operation) ?? hintOf(error, operation, text),
    exchange: { ...response.request, status: response.status, errors: body.errors },
  });
}

function messageOf(
  errorClass: RegistryErrorClass | 'failed',
  { body }: ErrorResponse,
  operation: Operation,
  text: string,
): string {
  const { verb, what, name } = operation;
  if (errorClass === 'child-not-found') {
    return `cannot ${verb} ${name}: ${missingChildren(body, operation)} (${text})`;
  }
  // Docker's own message, which scripts look for. The text of the registry goes into the hint.
  const asDocker = ERRORS[errorClass][0] === NotFoundError && what === 'manifest' && verb !== 'write';
  return asDocker ? `no such manifest: ${name}` : `cannot ${verb} ${name}: ${text}`;
}

function classOf(
  { response, errorClass }: ErrorResponse,
  operation: Operation,
): RegistryErrorClass | 'failed' {
  const { status } = response;
  // Whatever the code: registries also explain it with NAME_UNKNOWN, UNSUPPORTED or MANIFEST_INVALID.
  const isDenied = status === 401 || status === 403;
  if (isDenied && errorClass !== 'conflict' && errorClass !== 'rate-limited') return 'denied';
  if (errorClass !== undefined) return errorClass;
  if (status === 404) return 'not-found';
  if (status === 429) return 'rate-limited';
  if (isTemporaryStatus(status)) return 'unavailable';
  if (operation.verb === 'write' && operation.what === 'manifest') {
    if (status === 409 || status === 412) return 'conflict';
    if (status === 413 || status === 415 || status === 422) return 'invalid';
  }
  return 'failed';
}

/** `registry.example.com responded with 404 Not Found: MANIFEST_UNKNOWN: manifest unknown`. */
function responseText({ response, body }: ErrorResponse): string {
  const { status } = response;
  const reason = STATUS_CODES[status];
  const line = `${response.url.host} responded with ${status}${reason === undefined ? '' : ` ${reason}`}`;
  const described = challengeDescription(response);
  const text = [body.text, described].filter((part) => part !== '').join('; ');
  return text === '' ? line : `${line}: ${text}`;
}

/** Why a token was rejected, if the challenge says so (RFC 6750, 3): `insufficient_scope: Insufficient permission`. */
function challengeDescription(response: HttpResponse): string {
  for (const { parameters } of parseChallenges(response.headerValues('www-authenticate'))) {
    const parts = [parameters.get('error'), parameters.get('error_description')];
    const text = parts.filter((part) => part !== undefined).join(': ');
    if (text !== '') return printable(text);
  }
  return '';
}
