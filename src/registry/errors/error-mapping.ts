/**
 * Turns error responses of registries into typed errors with hints.
 *
 * Offers error-body, error-mapping.
 * @module registry/errors
 */
import { type ErrorResponse, isTransient, classifyError, type RegistryErrorClass } from './error-codes.js';
import { STATUS_CODES } from 'node:http';

import { parseChallenges } from '../../auth/requests/challenge.js';
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
import { readErrorBody } from './error-body.js';
import { deniedHint, invalidHint, missingChildren, missingChildrenHint, missingHint } from './error-hints.js';
import { againWhen, rateLimitHint } from './rate-limit.js';

/** Reads an answer that is not a success, and frees its connection. @param what the request was about */
export async function readErrorResponse(
  response: HttpResponse,
  what: Operation['what'],
): Promise<ErrorResponse> {
  const body = await readErrorBody(response);
  return { response, body, meaning: classifyError(body, what) };
}

/** Whether the same work may succeed when it is begun again. */
export function tryOutcome({ response, body }: ErrorResponse): TryOutcome {
  if (isTransient(body.errors)) return { temporary: true };
  return { status: response.status, retryAfter: response.headers['retry-after'] };
}

/**
 * The typed error for an answer that is not a success. The one place where statuses and registry codes get their
 * meaning: codes first, since registries agree on them more than on statuses.
 */
export function registryError(refusal: ErrorResponse, attempt: Operation): MultiarchError {
  const { response, body } = refusal;
  const message = `cannot ${attempt.verb} ${attempt.name}: ${answer(refusal)}`;
  const exchange: FailedExchange = { ...response.request, status: response.status, errors: body.errors };
  const options = (hint: string | undefined): MultiarchErrorOptions => ({ hint, exchange });

  switch (kindOf(refusal, attempt)) {
    case 'child-missing':
      return new InvalidError(
        `cannot ${attempt.verb} ${attempt.name}: ${missingChildren(body, attempt)} (${answer(refusal)})`,
        options(missingChildrenHint(body, attempt)),
      );
    case 'missing':
    case 'no-repository': {
      // Docker's own words, which scripts look for; what the registry said goes into the hint.
      const words = attempt.what === 'manifest' && attempt.verb === 'read';
      return new NotFoundError(
        words ? `no such manifest: ${attempt.name}` : message,
        options(missingHint(refusal, attempt, answer(refusal))),
      );
    }
    case 'denied':
      return new UnauthorizedError(message, options(deniedHint(refusal, attempt)));
    case 'throttled':
      return new RateLimitedError(
        message,
        options(throttledByEcrHint(attempt) ?? rateLimitHint(response, attempt)),
      );
    case 'unavailable':
      return new UnavailableError(
        message,
        options(`The registry has trouble; try again ${againWhen(response)}.`),
      );
    case 'conflict':
      return new ConflictError(message, options('The tag is immutable: publish under another tag.'));
    case 'invalid':
      return new InvalidError(message, options(invalidHint(refusal, attempt)));
    case 'failed':
      break;
  }
  return new FailedError(message, { exchange });
}

function kindOf({ response, meaning }: ErrorResponse, attempt: Operation): RegistryErrorClass | 'failed' {
  const { status } = response;
  if (meaning !== undefined) return meaning;
  if (status === 401 || status === 403) return 'denied';
  if (status === 404) return 'missing';
  if (status === 429) return 'throttled';
  if (isTemporaryStatus(status)) return 'unavailable';
  if (attempt.verb === 'write' && attempt.what === 'manifest') {
    if (status === 409 || status === 412) return 'conflict';
    if (status === 413 || status === 415 || status === 422) return 'invalid';
  }
  return 'failed';
}

/** `registry.example.com answered 404 Not Found: MANIFEST_UNKNOWN: manifest unknown`. */
function answer({ response, body }: ErrorResponse): string {
  const { status } = response;
  const reason = STATUS_CODES[status];
  const said = `${response.url.host} answered ${status}${reason === undefined ? '' : ` ${reason}`}`;
  const described = challengeDescription(response);
  const words = [body.words, described].filter((part) => part !== '').join('; ');
  return words === '' ? said : `${said}: ${words}`;
}

/** Why a token did not do, where the challenge tells (RFC 6750, 3): `insufficient_scope: Insufficient permission`. */
function challengeDescription(response: HttpResponse): string {
  for (const { parameters } of parseChallenges(response.headerValues('www-authenticate'))) {
    const parts = [parameters.get('error'), parameters.get('error_description')];
    const words = parts.filter((part) => part !== undefined).join(': ');
    if (words !== '') return printable(words);
  }
  return '';
}
