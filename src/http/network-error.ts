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
 * A request without a complete response. An UnavailableError to everything outside `http`. Contains only text, never an
 * error object of got, which would refer to the request's headers.
 */
export class NetworkError extends UnavailableError {
  readonly #options: NetworkErrorOptions;

  constructor(message: string, options: NetworkErrorOptions) {
    super(message, { hint: options.hint });
    this.name = 'UnavailableError';
    this.#options = options;
  }

  /** Whether another try may succeed. */
  get temporary(): boolean {
    return this.#options.temporary;
  }

  /** Whether the server may speak the other of HTTP and HTTPS. */
  get otherScheme(): boolean {
    return this.#options.otherScheme;
  }

  /** Whether the server had closed the idle connection. A retry need not wait. */
  get stale(): boolean {
    return this.#options.stale;
  }

  /** Returns the error with the number of tries in its message. */
  afterTries(tries: number): NetworkError {
    return tries === 1 ? this : new NetworkError(`${this.message} (${tries} tries)`, this.#options);
  }
}

/** The request that failed. */
export interface FailedRequest {
  readonly method: HttpMethod;
  readonly url: URL;
}

/** Returns the error for a response that began and did not end. */
export function truncatedResponse(
  { method, url }: FailedRequest,
  why: string,
  received: number,
  expected: number | undefined,
): NetworkError {
  const amount = expected === undefined ? `${received} bytes` : `${received} of ${expected} bytes`;
  return new NetworkError(`${method} ${redactUrl(url)}: ${why} after ${amount}`, {
    temporary: true,
    otherScheme: false,
    stale: false,
  });
}

/** Returns the error for a host that does not respond in either scheme. */
export function bothSchemesFailed(host: string, failures: readonly NetworkError[]): NetworkError {
  const reasons = failures.map((failure) => failure.message).join('; ');
  return new NetworkError(`${host} responds neither over HTTP nor over HTTPS: ${reasons}`, {
    hint: failures.find((failure) => failure.hint !== undefined)?.hint,
    temporary: failures.some((failure) => failure.temporary),
    otherScheme: false,
    stale: false,
  });
}
