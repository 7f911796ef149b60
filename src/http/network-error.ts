import { UnavailableError } from '../oci/errors.js';
import type { HttpMethod } from './message.js';
import { redactUrl } from './redact.js';

interface NetworkErrorOptions {
  readonly hint?: string | undefined;
  readonly temporary: boolean;
  readonly otherScheme: boolean;
  readonly stale: boolean;
}

/**
 * A request that got no answer, or an answer that broke off. To everyone outside this room it is an UnavailableError.
 * It is made of plain words only: the library's error objects, which reach the request's headers, are never a part of it.
 */
export class NetworkError extends UnavailableError {
  readonly #options: NetworkErrorOptions;

  constructor(message: string, options: NetworkErrorOptions) {
    super(message, { hint: options.hint });
    this.name = 'UnavailableError';
    this.#options = options;
  }

  /** Another try may succeed. */
  get temporary(): boolean {
    return this.#options.temporary;
  }

  /** It could be that the server speaks the other of HTTP and HTTPS. */
  get otherScheme(): boolean {
    return this.#options.otherScheme;
  }

  /** A kept connection turned out to be closed: nothing is wrong with the server, so there is nothing to wait for. */
  get stale(): boolean {
    return this.#options.stale;
  }

  /** The same, saying how often it was tried. */
  afterTries(tries: number): NetworkError {
    return tries === 1 ? this : new NetworkError(`${this.message} (${tries} tries)`, this.#options);
  }
}

/** The request that failed. */
export interface FailedRequest {
  readonly method: HttpMethod;
  readonly url: URL;
}

/** An answer that began and did not end. */
export function truncatedResponse(
  place: FailedRequest,
  why: string,
  received: number,
  expected: number | undefined,
): NetworkError {
  const amount = expected === undefined ? `${received} bytes` : `${received} of ${expected} bytes`;
  return new NetworkError(`${place.method} ${redactUrl(place.url)}: ${why} after ${amount}`, {
    temporary: true,
    otherScheme: false,
    stale: false,
  });
}

/** Neither of a host's two schemes led to an answer. */
export function bothSchemesFailed(host: string, failures: readonly NetworkError[]): NetworkError {
  const reasons = failures.map((failure) => failure.message).join('; ');
  return new NetworkError(`${host} answers neither over HTTP nor over HTTPS: ${reasons}`, {
    hint: failures.find((failure) => failure.hint !== undefined)?.hint,
    temporary: failures.some((failure) => failure.temporary),
    otherScheme: false,
    stale: false,
  });
}
