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
import { isTemporaryStatus, type TryOutcome } from '../../http/retry.js';
import {
  ConflictError,
  FailedError,
  InvalidError,
  NotFoundError,
  RateLimitedError,
  UnauthorizedError,
  UnavailableError,
  type MultiarchErrorOptions,
  type FailedExchange,
  type MultiarchError,
  printable,
} from '../../oci/errors.js';
import type { Operation } from '../operation.js';
import { throttledByEcrHint } from './ecr-hints.js';
import { classifyError, isTransient, type ErrorResponse, type RegistryErrorClass } from './error-codes.js';
import {
  deniedHint,
  invalidHint,
  missingChildren,
  missingChildrenHint,
  notFoundHint,
} from './error-hints.js';
import { againWhen, rateLimitHint } from './rate-limit.js';

/** Reads a response that is not a success, and frees its connection. @param what the subject of the request */
export async function readErrorResponse(
  response: HttpResponse,
  what: Operation['what'],
): Promise<ErrorResponse> {
  const body = await readErrorText(response);
  return { response, body, errorClass: classifyError(body, what) };
}

/** Returns the outcome of a try to upload, for `retryDelay`. */
export function tryOutcome({ response, body }: ErrorResponse): TryOutcome {
  if (isTransient(body.errors)) return { temporary: true };
  return { status: response.status, retryAfter: response.headers['retry-after'] };
}

/**
 * Returns the typed error for a response that is not a success. Codes take precedence over statuses, because registries
 * agree on them more.
 */
export function registryError(errorResponse: ErrorResponse, operation: Operation): MultiarchError {
  const { response, body } = errorResponse;
  const message = `cannot ${operation.verb} ${operation.name}: ${responseText(errorResponse)}`;
  const exchange: FailedExchange = { ...response.request, status: response.status, errors: body.errors };
  const options = (hint: string | undefined): MultiarchErrorOptions => ({ hint, exchange });

  switch (classOf(errorResponse, operation)) {
    case 'child-not-found':
      return new InvalidError(
        `cannot ${operation.verb} ${operation.name}: ${missingChildren(body, operation)} (${responseText(errorResponse)})`,
        options(missingChildrenHint(body, operation)),
      );
    case 'not-found':
    case 'repository-not-found': {
      // Docker's own message, which scripts look for. The text of the registry goes into the hint.
      const asDocker = operation.what === 'manifest' && operation.verb === 'read';
      return new NotFoundError(
        asDocker ? `no such manifest: ${operation.name}` : message,
        options(notFoundHint(errorResponse, operation, responseText(errorResponse))),
      );
    }
    case 'denied':
      return new UnauthorizedError(message, options(deniedHint(errorResponse, operation)));
    case 'rate-limited':
      return new RateLimitedError(
        message,
        options(throttledByEcrHint(operation) ?? rateLimitHint(response, operation)),
      );
    case 'unavailable':
      return new UnavailableError(
        message,
        options(`The registry is failing; try again ${againWhen(response)}.`),
      );
    case 'conflict':
      return new ConflictError(message, options('The tag is immutable: publish under another tag.'));
    case 'invalid':
      return new InvalidError(message, options(invalidHint(errorResponse, operation)));
    case 'failed':
      break;
  }
  return new FailedError(message, { exchange });
}

function classOf(
  { response, errorClass }: ErrorResponse,
  operation: Operation,
): RegistryErrorClass | 'failed' {
  const { status } = response;
  if (errorClass !== undefined) return errorClass;
  if (status === 401 || status === 403) return 'denied';
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
