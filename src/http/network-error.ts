import type { PeerCertificate } from 'node:tls';

import { UnavailableError, type RequestLine } from '../oci/errors.js';
import type { HttpMethod } from './message.js';
import { redactUrl } from './redact.js';

/** Why a request failed, for messages, retries and scheme negotiation. */
export interface NetworkFailure {
  /** The cause, to follow a colon. */
  readonly why: string;
  /** The request, for programs. */
  readonly request?: RequestLine | undefined;
  readonly hint?: string | undefined;
  /** A shorter form of `why`, for the line about a retry. @default `why` */
  readonly reason?: string;
  /** Whether another try may succeed. @default true, but false for a `timeLimit` */
  readonly temporary?: boolean;
  /**
   * Whether the server took longer than allowed for a response or for the next bytes of a body. It may still be at work, so
   * such a failure is not temporary: otherwise retries would multiply the longest limit. @default false
   */
  readonly timeLimit?: boolean;
  /** Whether no connection was established, so that the server cannot have handled the request. @default false */
  readonly unsent?: boolean;
  /** Whether the server may speak the other of HTTP and HTTPS. @default false */
  readonly otherScheme?: boolean;
  /** Whether the server had closed the idle connection, so that a retry need not wait. @default false */
  readonly stale?: boolean;
}

/** The other end of a failed connection. */
export interface Peer {
  readonly url: URL;
  /** Decides the hint: flags are for registries, certs.d directories for any server but a proxy. */
  readonly role: 'registry' | 'server' | 'proxy';
  /** Its certificate, valid or not. */
  readonly certificate?: PeerCertificate | undefined;
  /** Whether a client certificate is configured for it. */
  readonly hasClientCertificate?: boolean;
  /** Sentences about CA files that could not be read. */
  readonly notes?: () => readonly string[];
}

/**
 * A request without a complete response. An UnavailableError to everything outside `http`. Contains only text, never an
 * error object of got, which would refer to the request's headers.
 */
export class NetworkError extends UnavailableError {
  readonly #failure: NetworkFailure;

  /** @param failure its `why` is the whole message */
  constructor(failure: NetworkFailure) {
    super(failure.why, { hint: failure.hint, request: failure.request });
    this.name = 'UnavailableError';
    this.#failure = failure;
  }

  get reason(): string {
    return this.#failure.reason ?? this.message;
  }

  get temporary(): boolean {
    return this.#failure.temporary ?? !this.timeLimit;
  }

  get timeLimit(): boolean {
    return this.#failure.timeLimit ?? false;
  }

  get unsent(): boolean {
    return this.#failure.unsent ?? false;
  }

  get otherScheme(): boolean {
    return this.#failure.otherScheme ?? false;
  }

  get stale(): boolean {
    return this.#failure.stale ?? false;
  }

  /** Returns the error with the number of tries in its message. */
  afterTries(tries: number): NetworkError {
    return tries === 1
      ? this
      : new NetworkError({ ...this.#failure, why: `${this.message} (${tries} tries)` });
  }
}

/** The request that failed. */
export interface FailedRequest {
  readonly method: HttpMethod;
  readonly url: URL;
}

/** Returns the error for a request that failed. */
export function networkError({ method, url }: FailedRequest, failure: NetworkFailure): NetworkError {
  const request = { method, url: redactUrl(url) };
  return new NetworkError({ ...failure, request, why: `${method} ${request.url}: ${failure.why}` });
}

/** Returns the error for a host that does not respond in either scheme. */
export function bothSchemesFailed(host: string, failures: readonly NetworkError[]): NetworkError {
  const reasons = failures.map((failure) => failure.message).join('; ');
  // Most often the same for both.
  const causes = new Set(failures.map(({ message }) => message.replace(/^[A-Z]+ \S+: /, '')));
  return new NetworkError({
    why: `${host} responds neither over HTTP nor over HTTPS: ${reasons}`,
    reason: [...causes].join('; '),
    request: failures[0]?.request,
    hint: failures.find((failure) => failure.hint !== undefined)?.hint,
    unsent: failures.every(({ unsent }) => unsent),
    temporary: failures.some(({ temporary }) => temporary) && !failures.some(({ timeLimit }) => timeLimit),
  });
}
