/**
 * What went wrong, as types. Every room below `cli` throws one of these and nothing else on purpose;
 * only `cli` turns them into text and an exit code.
 */

/** One element of a registry's error answer (distribution-spec, "Error Codes"), text already stripped of control characters. */
export interface RegistryErrorDetail {
  readonly code: string;
  readonly message: string;
  readonly detail?: unknown;
}

/** The request that failed: what was asked and what the registry said. `url` is redacted, so it may be printed. */
export interface FailedExchange {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly errors: readonly RegistryErrorDetail[];
}

/** One thing that is wrong with a document. */
export interface Problem {
  /** Where: a JSON pointer (RFC 6901) into the document, `""` for the document itself. */
  readonly pointer: string;
  /** What is wrong there, for a person to read. */
  readonly message: string;
  /** Which rule it breaks: `schema/<keyword>`, `json/syntax`, or the name of a semantic rule such as `digest/length`. */
  readonly rule: string;
}

/** Discriminates the errors without `instanceof`, which fails across two copies of the library. */
export type ErrorKind =
  | 'argument'
  | 'cancelled'
  | 'conflict'
  | 'failed'
  | 'invalid'
  | 'not-found'
  | 'rate-limited'
  | 'requirement'
  | 'unauthorized'
  | 'unavailable';

export interface MultiarchErrorOptions {
  /** What the user can do next, one sentence. */
  readonly hint?: string | undefined;
  readonly exchange?: FailedExchange | undefined;
  readonly cause?: unknown;
}

/** The base of every error that this library throws on purpose. */
export abstract class MultiarchError extends Error {
  abstract readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly exchange: FailedExchange | undefined;

  constructor(message: string, options: MultiarchErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint;
    this.exchange = options.exchange;
  }
}

/** A word of the caller's cannot be understood: a malformed reference, platform, digest or option. */
export class ArgumentError extends MultiarchError {
  readonly kind = 'argument';
}

/** The image, tag, repository, blob, file or draft does not exist. */
export class NotFoundError extends MultiarchError {
  readonly kind = 'not-found';
}

/** Not logged in, or logged in without the permission (HTTP 401, 403). */
export class UnauthorizedError extends MultiarchError {
  readonly kind = 'unauthorized';
}

/** Bytes that are not what they claim to be: a wrong digest or size, a document that breaks its schema or the rules. */
export class InvalidError extends MultiarchError {
  readonly kind = 'invalid';
  /** Everything that is wrong with the document, where it is a document that is wrong. */
  readonly problems: readonly Problem[];

  constructor(
    message: string,
    options: MultiarchErrorOptions & { readonly problems?: readonly Problem[] } = {},
  ) {
    super(message, options);
    this.problems = options.problems ?? [];
  }
}

/** A condition that the caller set is not met: a platform that must be there is missing. */
export class RequirementError extends MultiarchError {
  readonly kind = 'requirement';
}

/** The registry answered 429 (or its own equivalent) until all retries were used. */
export class RateLimitedError extends MultiarchError {
  readonly kind = 'rate-limited';
}

/** The registry could not be reached, or failed until all retries were used. */
export class UnavailableError extends MultiarchError {
  readonly kind = 'unavailable';
}

/** A draft or a tag is not as the caller expected: it exists already, it has moved, it is immutable. */
export class ConflictError extends MultiarchError {
  readonly kind = 'conflict';
}

/** The caller's AbortSignal fired. */
export class CancelledError extends MultiarchError {
  readonly kind = 'cancelled';
}

/** Everything that has no better name: a full disk, a file that cannot be read, an answer that makes no sense. */
export class FailedError extends MultiarchError {
  readonly kind = 'failed';
}

/**
 * The error that a fired signal stands for. The signal's own reason stays out of it: it may be anything.
 * @param action what is not done any more, such as `write sha256:…`
 */
export function cancelled(signal: AbortSignal, action?: string): CancelledError {
  const reason: unknown = signal.reason;
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    const detail = action === undefined ? '' : ` (${action})`;
    return new CancelledError(`Cancelled: the time limit was reached${detail}`);
  }
  return new CancelledError(action === undefined ? 'Cancelled' : `Cancelled: ${action}`);
}

/** Without what a terminal would obey: control characters, line ends among them, become single spaces. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}
